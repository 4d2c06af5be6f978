// Everything on a task's page but its log.

import { durationOf, exact, isActive } from "./format.js";
import { byId, setAttribute, setText } from "./page.js";
import { drawBadge, drawBar, drawProgressWords, pulse } from "./task-parts.js";

export class TaskView {
  constructor({ context, task }) {
    this.context = context;
    this.page = byId("task");
    this.task = task;
    context.clock.onTick(() => this.#drawDuration());
  }

  draw(task) {
    const { wording } = this.context;
    const { t } = wording;
    const before = this.task;
    this.task = task;
    const active = isActive(task.status);
    this.page.dataset.status = task.status;
    this.page.classList.remove("gone");
    const badge = this.page.querySelector(".task-status-badge");
    drawBadge(badge, task, t);
    if (before.status !== task.status) pulse(badge);
    drawBar(this.page.querySelector(".task-progress-bar"), task);
    drawProgressWords(this.page.querySelector(".task-progress-words"), task, wording);
    setText(byId("task-rate"), wording.rate(task));
    setText(byId("task-name"), task.name);
    setText(byId("task-message"), task.message ?? "");
    setAttribute(byId("task-message"), "title", task.message || null);
    byId("task-error").hidden = !task.error;
    setText(byId("task-error-text"), task.error ?? "");
    this.#note(task.cancel_requested && active ? t("task.cancelling") : null);
    for (const button of this.page.querySelectorAll(".task-action")) {
      const { action } = button.dataset;
      button.hidden = action === "cancel" ? !active : action === "retry" && (active || !task.claimable);
    }
    this.#drawFacts(task);
    this.#drawData("payload", task.payload);
    this.#drawData("result", active ? null : task.result);
  }

  gone() {
    this.#note(this.context.t("task.deleted"));
    for (const button of this.page.querySelectorAll(".task-action")) button.hidden = true;
    this.page.classList.add("gone");
  }

  #note(text) {
    byId("task-note").hidden = text === null;
    setText(byId("task-note"), text ?? "");
  }

  #drawFacts(task) {
    const { wording, clock } = this.context;
    const { t } = wording;
    const attempt = wording.number(task.attempt);
    const facts = {
      queue: task.queue,
      attempt: task.max_retries
        ? t("fact.of_retries", { attempt, most: wording.number(task.max_retries + 1) })
        : attempt,
      worker: task.worker ?? t("fact.none"),
      priority: String(task.priority),
      labels: Object.entries(task.labels).map(([key, value]) => `${key}: ${value}`).join(", ") || t("fact.none"),
    };
    for (const [name, text] of Object.entries(facts)) setText(byId(`fact-${name}`), text);
    for (const name of ["started", "finished"]) {
      const element = byId(`fact-${name}`).firstElementChild;
      if (element.title !== exact(task[`${name}_at`])) clock.draw(element, task[`${name}_at`]);
    }
    this.#drawDuration();
  }

  #drawDuration() {
    const { wording, clock, t } = this.context;
    const { task } = this;
    let seconds = durationOf(task);
    if (task.status === "running" && task.started_at) {
      seconds = (clock.now() - Date.parse(task.started_at)) / 1000;
    } else if (task.status === "stalled") seconds = task.duration_seconds;
    setText(byId("fact-duration"), seconds === null ? t("fact.none") : wording.duration(seconds));
  }

  #drawData(name, value) {
    const known = value !== null && value !== undefined;
    byId(name).hidden = !known;
    if (known) setText(byId(name).querySelector("pre"), JSON.stringify(value, null, 2));
  }
}
