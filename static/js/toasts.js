// At most three messages; the rest is counted. A failure stays until it is dismissed.

import { byId, setText, taskAddress } from "./page.js";

const MOST = 3;
const SHOWN_FOR = 6000;
const ICONS = {
  success: "bi-check-circle-fill",
  danger: "bi-x-circle-fill",
  warning: "bi-exclamation-triangle-fill",
  info: "bi-info-circle-fill",
};

export class Toasts {
  #more = 0;

  constructor({ t }) {
    this.t = t;
    this.place = byId("toasts");
  }

  // level: success, danger, warning or info; id: of the task it is about, or null
  show({ level, title, word = "", text = "", id = null }) {
    const shown = [...this.place.querySelectorAll(".toast")];
    if (shown.length >= MOST) {
      // A message that would go anyway makes room for one that stays.
      const passing = shown.find((toast) => !toast.dataset.stays);
      if (!passing || level !== "danger") return this.#count(1);
      passing.remove();
      this.#count(1);
    }
    const toast = byId("toast-template").content.firstElementChild.cloneNode(true);
    toast.dataset.level = level;
    toast.setAttribute("role", level === "danger" ? "alert" : "status");
    toast.querySelector("i").classList.add(ICONS[level]);
    const link = toast.querySelector(".toast-link");
    setText(link, title);
    if (id === null) link.removeAttribute("href");
    else link.href = taskAddress(id);
    setText(toast.querySelector(".toast-word"), word);
    setText(toast.querySelector(".toast-text"), text);
    toast.querySelector(".btn-close").addEventListener("click", () => this.#close(toast));
    if (level === "danger") toast.dataset.stays = "yes";
    else this.#expire(toast);
    this.place.insertBefore(toast, this.place.querySelector(".toasts-more"));
    return undefined;
  }

  // The time stops while somebody reads.
  #expire(toast) {
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) this.#expire(toast);
      else this.#close(toast);
    }, SHOWN_FOR);
  }

  #close(toast) {
    const focused = toast.contains(document.activeElement);
    toast.remove();
    const left = this.place.querySelector(".toast");
    if (focused) (left?.querySelector(".btn-close") ?? byId("content")).focus({ preventScroll: true });
    if (!left) this.#clear();
  }

  #count(by) {
    this.#more += by;
    let line = this.place.querySelector(".toasts-more");
    if (!line) {
      line = byId("toasts-more-template").content.firstElementChild.cloneNode(true);
      line.querySelector("button").addEventListener("click", () => {
        this.#clear();
        byId("content").focus({ preventScroll: true });
      });
      this.place.append(line);
    }
    setText(line.querySelector("span"), this.t("toast.more", { count: this.#more }));
  }

  #clear() {
    this.#more = 0;
    this.place.replaceChildren();
  }
}
