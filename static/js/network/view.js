// Draws the checks and the verdict.

import { byId, root, setAttribute, setText } from "../page.js";

const ICONS = {
  waiting: "bi-circle", running: "bi-arrow-repeat", stopped: "bi-slash-circle", ok: "bi-check-circle-fill",
  note: "bi-info-circle-fill", warning: "bi-exclamation-triangle-fill", problem: "bi-x-circle-fill",
};
const VERDICT_ICONS = {
  waiting: "bi-hourglass-split", live: "bi-check-circle-fill", degraded: "bi-exclamation-triangle-fill",
  unreachable: "bi-x-circle-fill",
};
const SLOW = ["idle", "poll"];
const TICK = 250;
const PATIENCE = 2500; // ms after which a missing first answer is explained

export class View {
  // stop(name), again(name): of a slow check
  constructor({ t, stop, again }) {
    this.t = t;
    this.rows = new Map();
    for (const element of document.querySelectorAll(".check")) this.rows.set(element.dataset.check, element);
    this.verdict = byId("verdict");
    this.patience = 0;
    for (const name of SLOW) {
      this.#part(name, ".check-button").addEventListener("click", () => {
        if (this.rows.get(name).dataset.state === "running") stop(name);
        else again(name);
      });
    }
  }

  begin() {
    for (const name of this.rows.keys()) {
      if (SLOW.includes(name)) this.#settle(name);
      this.#state(name, SLOW.includes(name) || name === "websocket" ? "waiting" : "running", "");
    }
    this.#headline("waiting", this.t("network.verdict.waiting"), [this.t("network.first")]);
    for (const name of ["rung", "findings", "complete"]) delete this.verdict.dataset[name];
    this.#forget();
    clearTimeout(this.patience);
    this.patience = setTimeout(() => {
      this.#state("first_byte", "running", this.t("network.queued_now"));
    }, PATIENCE);
  }

  // Returns the timer of its progress.
  slow(name, whole) {
    const begun = Date.now();
    const bar = this.#part(name, ".check-progress");
    this.#state(name, "running", "");
    this.#part(name, ".check-slow").hidden = false;
    this.#button(name, this.t("network.stop"));
    bar.max = whole;
    const draw = () => {
      const done = Math.min(whole, Math.floor((Date.now() - begun) / 1000));
      bar.value = done;
      setText(this.#part(name, ".check-time"), this.t("network.progress", { done, whole }));
    };
    draw();
    return setInterval(draw, TICK);
  }

  stopped(name) {
    this.#settle(name);
    this.#state(name, "stopped", "");
    this.#button(name, this.t("network.rerun"));
  }

  // The server's verdict on what is known by now.
  draw(verdict) {
    clearTimeout(this.patience);
    for (const check of verdict.checks) {
      const now = this.rows.get(check.name)?.dataset.state;
      if (now === undefined || check.state === "waiting") continue;
      if (SLOW.includes(check.name)) {
        if (now === "running" && check.state === "note") continue;
        this.#settle(check.name);
        this.#button(check.name, this.t("network.rerun"));
      }
      this.#state(check.name, check.state, check.text);
    }
    this.#headline(verdict.state, verdict.headline, verdict.explanation);
    this.verdict.dataset.rung = verdict.rung;
    this.verdict.dataset.findings = verdict.findings.join(" ");
    setAttribute(this.verdict, "data-complete", verdict.complete ? "" : null);
    if (verdict.state === "waiting") return;
    byId("verdict-buttons").hidden = false;
    byId("report").hidden = false;
    setText(byId("report-text"), verdict.report);
    this.#advise(verdict);
  }

  gone({ kind, status, detail }) {
    clearTimeout(this.patience);
    this.#forget();
    const values = { status, root };
    for (const [name, row] of this.rows) {
      if (SLOW.includes(name)) this.#settle(name);
      if (row.dataset.state === "running") this.#state(name, "stopped", "");
    }
    this.#headline("unreachable", this.t(`network.gone.${kind}`, values), [detail || this.t(`network.gone.${kind}.text`, values)]);
  }

  // What an earlier verdict left on the page.
  #forget() {
    for (const id of ["verdict-buttons", "report", "to-fix"]) byId(id).hidden = true;
    setText(byId("fix-note"), this.t("network.fix_which"));
  }

  #headline(state, headline, sentences) {
    this.verdict.dataset.state = state;
    byId("verdict-icon").className = `bi ${VERDICT_ICONS[state]}`;
    setText(byId("verdict-headline"), headline);
    const text = byId("verdict-text");
    if (text.innerText.trim() === sentences.join("\n").trim() && text.children.length === sentences.length) return;
    text.replaceChildren(...sentences.map((sentence) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = sentence;
      return paragraph;
    }));
  }

  // The best advice is chosen; what the reader chose stays.
  #advise(verdict) {
    const wrong = verdict.findings.length > 0 && verdict.advice.length > 0;
    byId("to-fix").hidden = !wrong;
    setText(byId("fix-note"), this.t(wrong ? "network.fix_which" : "network.fix_none"));
    // With the address the reader uses, which a proxy may have kept from the server.
    for (const { name, lines } of verdict.advice) setText(byId(`lines-${name}`), lines);
    const [best] = verdict.advice;
    for (const tab of document.querySelectorAll(".advice-tab")) {
      const found = verdict.box !== "" && tab.firstElementChild.value === best?.name && best.name !== "keeper";
      tab.querySelector(".advice-detected").hidden = !found;
    }
    if (best && !byId("advice").hasAttribute("data-touched")) byId(`advice-${best.name}`).checked = true;
  }

  #state(name, state, text) {
    const row = this.rows.get(name);
    row.dataset.state = state;
    row.querySelector(".check-icon").className = `bi ${ICONS[state]} check-icon`;
    setText(row.querySelector(".check-state"), ` (${this.t(`network.state.${state}`)})`);
    setText(row.querySelector(".check-text"), text);
  }

  #settle(name) {
    this.#part(name, ".check-slow").hidden = true;
    this.#part(name, ".check-button").hidden = true;
  }

  #button(name, words) {
    const button = this.#part(name, ".check-button");
    button.hidden = false;
    setText(button, words);
    setAttribute(button, "aria-label", `${words}: ${this.t(`network.check.${name}`)}`);
  }

  #part(name, selector) {
    return this.rows.get(name).querySelector(selector);
  }
}
