// The connection status, bottom right, and what depends on it.

import { byId, root, setAttribute, setText } from "./page.js";

export class ConnectionView {
  constructor({ wording, announcer, clock }) {
    this.wording = wording;
    this.announcer = announcer;
    this.element = byId("connection-status");
    this.word = this.element.querySelector(".connection-word");
    this.quiet = this.element.querySelector(".connection-quiet");
    this.detail = byId("connection-detail");
    this.stale = byId("connection-stale");
    this.status = null;
    this.offlineSince = null;
    clock.onTick(() => this.#tick());
    this.element.addEventListener("click", () => location.assign(`${root}network`));
    for (const type of ["pointerenter", "focus"]) this.element.addEventListener(type, () => this.#tick());
  }

  draw(status) {
    const before = this.element.dataset.state;
    const first = this.status === null;
    this.status = status;
    this.element.dataset.state = status.state;
    this.element.dataset.transport = status.transport;
    this.element.dataset.shared = status.role;
    delete this.element.dataset.connecting;
    const { t } = this.wording;
    setText(this.word, t(`connection.${status.state}`));
    if (before !== status.state && !first) {
      this.announcer.say(t("announce.state", { state: t(`connection.${status.state}`) }));
    }
    const offline = status.state === "offline";
    this.offlineSince = offline ? (this.offlineSince ?? status.since) : null;
    setOffline(offline, t("error.offline_action"));
    this.#tick();
  }

  #tick() {
    const { status } = this;
    if (status === null) return;
    const { t } = this.wording;
    const seconds = (moment) => (Date.now() - moment) / 1000;
    const lines = [
      t("connection.since", {
        state: t(`connection.${status.state}`),
        duration: this.wording.duration(seconds(status.since)),
      }),
    ];
    if (status.state !== "offline") {
      lines.push(t(`connection.transport.${status.transport}`));
      lines.push(t(`connection.shared.${status.role}`));
    }
    lines.push(
      status.lastEvent === null
        ? t("connection.no_event")
        : t("connection.age", { age: this.wording.age(Math.floor(seconds(status.lastEvent))) }),
    );
    if (status.reason) {
      lines.push(t("connection.fallback", {
        age: this.wording.age(Math.floor(seconds(status.fellBack))),
        reason: t(`connection.reason.${status.reason}`),
      }));
    }
    lines.push(t("connection.check"));
    setText(this.detail, lines.join("\n"));
    this.#drawQuiet();
    this.#drawStale();
  }

  // A connection that should have said something by now: it may be dead, and will be left soon.
  #drawQuiet() {
    const { status } = this;
    const silence = Date.now() - (status.lastByte ?? status.since);
    const overdue = status.state !== "offline" && status.overdue > 0 && silence > status.overdue;
    const text = this.wording.t("connection.quiet", { duration: this.wording.duration(Math.floor(silence / 1000)) });
    setText(this.quiet, overdue ? ` · ${text}` : "");
  }

  #drawStale() {
    const { status } = this;
    const { t } = this.wording;
    const offline = status.state === "offline";
    this.stale.hidden = !offline;
    if (!offline) return;
    const parts = [t("connection.stale", { time: timeOfDay(this.offlineSince, this.wording) })];
    const { problem } = status;
    if (problem) parts.push(t(`connection.problem.${problem.kind}`, { status: problem.status }));
    const wait = Math.ceil(((status.retryAt ?? 0) - Date.now()) / 1000);
    if (wait > 0) parts.push(t("connection.retry", { count: wait }));
    setText(this.stale, parts.join(" · "));
  }
}

// Buttons that change something wait for the server; `title` says why.
function setOffline(offline, why) {
  document.body.classList.toggle("offline", offline);
  for (const button of document.querySelectorAll("button[data-action]")) {
    if (button.closest("template")) continue;
    if (offline && !button.disabled) {
      button.dataset.title = button.title;
      button.disabled = true;
      setAttribute(button, "title", why);
    } else if (!offline && button.disabled) {
      button.disabled = false;
      setAttribute(button, "title", button.dataset.title || null);
    }
  }
}

function timeOfDay(moment, wording) {
  const format = new Intl.DateTimeFormat(wording.catalogue.language, { timeStyle: "medium" });
  return format.format(new Date(moment));
}
