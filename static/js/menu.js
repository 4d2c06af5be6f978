// One menu for all rows; the browser closes it on Escape and on clicks elsewhere.

import { isActive } from "./format.js";
import { byId, taskAddress } from "./page.js";
import { place } from "./placing.js";

export class RowMenu {
  #opener = null;
  #id = null;

  // choose(action, id)
  constructor({ list, choose }) {
    this.list = list;
    this.menu = byId("row-menu");
    list.body.addEventListener("click", (event) => {
      const opener = event.target.closest(".task-menu");
      if (opener) this.#open(opener);
    });
    this.menu.addEventListener("click", (event) => {
      const { action } = event.target.closest("[data-action]")?.dataset ?? {};
      if (!action || action === "open") return;
      const id = this.#id;
      this.menu.hidePopover();
      choose(action, id);
    });
    this.menu.addEventListener("keydown", (event) => this.#move(event));
    this.menu.addEventListener("toggle", (event) => {
      const open = event.newState === "open";
      this.#opener?.setAttribute("aria-expanded", String(open));
      if (!open && this.#opener?.isConnected && this.menu.contains(document.activeElement)) this.#opener.focus();
    });
    addEventListener("scroll", () => this.menu.matches(":popover-open") && this.menu.hidePopover(), { passive: true });
  }

  #open(opener) {
    this.#opener = opener;
    this.#id = Number(opener.closest("tr").dataset.taskId);
    const task = this.list.store.get(this.#id);
    if (!task) return;
    const active = isActive(task.status);
    this.#item("open").href = taskAddress(this.#id);
    this.#item("cancel").hidden = !active;
    this.#item("retry").hidden = active || !task.claimable;
    this.menu.showPopover();
    place(this.menu, opener);
    this.#item("open").focus();
  }

  #item(action) {
    return this.menu.querySelector(`[data-action="${action}"]`);
  }

  #move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...this.menu.querySelectorAll("[data-action]:not([hidden])")];
    const at = items.indexOf(document.activeElement);
    items[(at + step + items.length) % items.length].focus();
  }
}
