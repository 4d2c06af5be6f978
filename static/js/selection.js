// Which rows are ticked, and the bar with what can be done to them.

import { byId, setText } from "./page.js";

export class Selection {
  #last = null; // for ranges with Shift

  constructor({ context, list, actions }) {
    this.context = context;
    this.list = list;
    this.bar = byId("bulk");
    this.all = byId("select-all");
    list.body.addEventListener("click", (event) => {
      const box = event.target.closest(".task-select");
      if (box) this.#ticked(box, event.shiftKey);
    });
    this.all.addEventListener("change", () => {
      for (const box of this.#boxes()) box.checked = this.all.checked;
      this.draw();
    });
    byId("bulk-clear").addEventListener("click", () => this.clear());
    for (const button of this.bar.querySelectorAll("[data-action]")) {
      button.addEventListener("click", async () => {
        if (await actions.many(button.dataset.action, this.ids)) this.clear();
      });
    }
  }

  get ids() {
    return this.#boxes().filter((box) => box.checked).map(idOf);
  }

  toggle(id) {
    const box = this.list.rows.get(id)?.parts.select;
    if (!box) return;
    box.checked = !box.checked;
    this.#ticked(box, false);
  }

  clear() {
    const focused = this.bar.contains(document.activeElement);
    for (const box of this.#boxes()) box.checked = false;
    this.draw();
    if (focused) byId("content").focus({ preventScroll: true });
  }

  draw() {
    const boxes = this.#boxes();
    const count = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.closest("tr").classList.toggle("selected", box.checked);
    this.all.checked = count > 0 && count === boxes.length;
    this.all.indeterminate = count > 0 && count < boxes.length;
    this.bar.hidden = count === 0;
    setText(byId("bulk-count"), this.context.t("bulk.selected", { count }));
  }

  #boxes() {
    return [...this.list.body.querySelectorAll(".task-select")];
  }

  #ticked(box, range) {
    const boxes = this.#boxes();
    const from = boxes.indexOf(this.#last);
    if (range && from >= 0) {
      const [low, high] = [from, boxes.indexOf(box)].sort((a, b) => a - b);
      for (const each of boxes.slice(low, high + 1)) each.checked = box.checked;
    }
    this.#last = box;
    this.draw();
  }
}

function idOf(box) {
  return Number(box.closest("tr").dataset.taskId);
}
