// One row of the list, from the template that the server's macro filled.

import { exact, isActive, reason } from "./format.js";
import { byId, setAttribute, setText, taskAddress } from "./page.js";
import { drawBadge, drawBar, drawProgressWords, pulse } from "./task-parts.js";

export class Row {
  // element: an existing row, or none for a new one
  constructor(task, context, element = null) {
    this.context = context;
    this.element = element ?? byId("row-template").content.firstElementChild.cloneNode(true);
    const find = (selector) => this.element.querySelector(selector);
    this.parts = {
      select: find(".task-select"), id: find(".task-id"), name: find(".task-name"),
      message: find(".task-message"), queue: find(".task-queue"), badge: find(".task-status-badge"),
      bar: find(".task-progress-bar"), words: find(".task-progress-words"),
      retries: find(".task-retry-count"), time: find(".task-time"), menu: find(".task-menu"),
      cancel: find('[data-action="cancel"]'), retry: find('[data-action="retry"]'),
    };
    this.id = task.id;
    this.status = element ? task.status : null;
    if (!element) this.#label(task);
    this.draw(task);
  }

  #label(task) {
    const { t } = this.context.wording;
    this.element.dataset.taskId = task.id;
    setText(this.parts.id, String(task.id));
    this.parts.name.href = taskAddress(task.id);
    this.parts.select.setAttribute("aria-label", t("row.select", { id: task.id }));
    this.parts.bar.setAttribute("aria-label", t("progress.label", { id: task.id }));
    const more = t("action.more", { id: task.id });
    this.parts.menu.title = more;
    this.parts.menu.setAttribute("aria-label", more);
  }

  draw(task) {
    const { wording, clock } = this.context;
    const { parts } = this;
    const changed = this.status !== null && this.status !== task.status;
    this.status = task.status;
    this.element.dataset.status = task.status;
    setText(parts.name, task.name);
    setAttribute(parts.name, "title", task.name);
    setText(parts.message, reason(task));
    setAttribute(parts.message, "title", reason(task) || null);
    setText(parts.queue, task.queue);
    setAttribute(parts.queue, "title", task.queue);
    drawBadge(parts.badge, task, wording.t);
    if (changed) pulse(parts.badge);
    drawBar(parts.bar, task);
    drawProgressWords(parts.words, task, wording);
    setText(parts.retries, wording.number(task.retry_count));
    parts.retries.classList.toggle("none", task.retry_count === 0);
    if (parts.time.getAttribute("title") !== exact(task.updated_at)) clock.draw(parts.time, task.updated_at);
    this.#offer(parts.cancel, isActive(task.status));
    this.#offer(parts.retry, task.claimable && !isActive(task.status));
  }

  // A hidden button must not take the focus with it.
  #offer(button, offered) {
    if (!offered && button === document.activeElement) this.parts.menu.focus();
    button.hidden = !offered;
  }

  // Out of the filter, or deleted: it stays until the reader acts, so that nothing moves.
  dim(why, deleted = false) {
    this.element.classList.toggle("dimmed", why !== null);
    this.element.classList.toggle("deleted", deleted);
    setAttribute(this.element, "title", why);
  }
}
