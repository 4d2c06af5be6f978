// A task's log: its newest lines, rewritten in place by number, following the end as long as the
// reader is there.

import { plain } from "./ansi.js";
import { api } from "./api.js";
import { exact } from "./format.js";
import { batched } from "./frame.js";
import { byId, setAttribute, setText } from "./page.js";

const KEPT = 1000; // lines in the page while following
const MOST = 5000; // while reading back
const EARLIER = 500;
const NEAR = 24; // pixels from the end that count as being there

export class LogView {
  #lines = new Map(); // n -> element, in order
  #pending = new Map(); // n -> line
  #following = true;
  #cut = false; // lines below the last one shown were left out
  #unseen = 0;
  #reading = false;
  #top = 0; // where the reader was

  constructor({ context, id }) {
    this.context = context;
    this.id = id;
    this.place = byId("log");
    this.body = byId("log-lines");
    this.total = Number(this.body.dataset.total);
    for (const element of this.body.children) this.#lines.set(Number(element.dataset.n), element);
    this.#soon = batched(() => this.#flush());
    this.#listen();
    this.#frame();
    this.#toEnd();
  }

  #soon;

  // Lines of a LOG event; a known number replaces its line.
  add(lines) {
    for (const line of lines) {
      this.#pending.set(line.n, line);
      if (line.n > this.total) this.total = line.n;
    }
    this.#soon();
  }

  // Everything anew, after the stream lost its place.
  async reload() {
    if (this.#reading) return;
    this.#reading = true;
    try {
      const answer = await this.#read(`tail=${KEPT}`);
      this.#lines.clear();
      this.body.replaceChildren();
      this.total = answer.total;
      this.#cut = false;
      this.#append(answer.lines);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#reading = false;
    }
    this.#frame();
    this.#toEnd();
    this.#flush(); // what came meanwhile
  }

  end(active) {
    const { t } = this.context;
    setText(byId("log-empty"), t(active ? "log.empty" : "log.none"));
  }

  follow() {
    if (this.#cut) this.reload();
    this.#setFollowing(true);
    this.#trim();
    this.#frame();
    this.#toEnd();
  }

  // -- drawing

  #flush() {
    if (this.#reading || this.#pending.size === 0) return;
    const lines = [...this.#pending.values()].sort((a, b) => a.n - b.n);
    this.#pending.clear();
    const last = this.#last;
    const fresh = [];
    for (const line of lines) {
      const element = this.#lines.get(line.n);
      if (element) this.#draw(element, line);
      else if (line.n > last) fresh.push(line);
    }
    if (fresh.length > 0) this.#extend(fresh, last);
    this.#frame();
  }

  #extend(fresh, last) {
    if (this.#cut) return this.#count(fresh.length);
    if (last > 0 && fresh[0].n > last + 1 && fresh.length < KEPT) return this.reload();
    if (!this.#following && this.#lines.size + fresh.length > MOST) {
      this.#cut = true;
      return this.#count(fresh.length);
    }
    if (this.#following && fresh.length > KEPT) fresh = fresh.slice(-KEPT);
    this.#append(fresh);
    if (!this.#following) return this.#count(fresh.length);
    if (!this.#selecting()) this.#trim();
    return this.#toEnd();
  }

  #append(lines) {
    const fragment = document.createDocumentFragment();
    for (const line of lines) {
      const element = this.#element(line);
      this.#lines.set(line.n, element);
      fragment.append(element);
    }
    this.body.append(fragment);
  }

  #element(line) {
    const element = document.createElement("div");
    element.className = "log-line";
    const number = document.createElement("span");
    number.className = "log-number";
    number.textContent = String(line.n);
    const text = document.createElement("span");
    text.className = "log-text";
    element.append(number, text);
    element.dataset.n = line.n;
    this.#draw(element, line);
    return element;
  }

  #draw(element, line) {
    element.dataset.stream = line.stream;
    setAttribute(element, "data-level", line.level);
    setAttribute(element, "title", exact(line.time));
    setText(element.lastElementChild, plain(line.text));
  }

  #trim() {
    for (const [n, element] of this.#lines) {
      if (this.#lines.size <= KEPT) break;
      element.remove();
      this.#lines.delete(n);
    }
  }

  #count(lines) {
    this.#unseen += lines;
    const pill = byId("log-newer");
    pill.hidden = false;
    setText(pill.querySelector("span"), this.context.t("log.cut", { count: this.#unseen }));
  }

  #frame() {
    const first = this.#first;
    byId("log-earlier").hidden = first <= 1;
    byId("log-start").hidden = first !== 1 || this.total <= KEPT;
    byId("log-empty").hidden = this.#lines.size > 0;
    setText(byId("log-total"), this.total > 0 ? this.context.t("log.total", { count: this.total }) : "");
  }

  get #first() {
    return this.#lines.keys().next().value ?? 0;
  }

  get #last() {
    return Number(this.body.lastElementChild?.dataset.n ?? 0);
  }

  // -- following

  #listen() {
    this.place.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.place;
      const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
      const up = scrollTop < this.#top; // content that grows below is no reason to stop
      this.#top = scrollTop;
      if (this.#following && up && !atEnd) this.#setFollowing(false);
      else if (!this.#following && atEnd && !this.#cut) this.#setFollowing(true);
    }, { passive: true });
    this.place.addEventListener("keydown", (event) => event.key === "End" && this.follow());
    new ResizeObserver(() => this.#following && this.#toEnd()).observe(this.place);
    byId("log-newer").addEventListener("click", () => this.follow());
    byId("log-follow").addEventListener("change", (event) => {
      if (event.target.checked) this.follow();
      else this.#setFollowing(false);
    });
    byId("log-earlier").addEventListener("click", () => this.#earlier());
    const wrap = byId("log-wrap");
    wrap.addEventListener("change", () => {
      this.place.classList.toggle("wrap", wrap.checked);
      if (this.#following) this.#toEnd();
    });
  }

  #setFollowing(following) {
    this.#following = following;
    byId("log-follow").checked = following;
    if (!following) return;
    this.#unseen = 0;
    byId("log-newer").hidden = true;
  }

  #toEnd() {
    this.place.scrollTop = this.place.scrollHeight;
  }

  #selecting() {
    const selection = getSelection();
    return !selection.isCollapsed && this.body.contains(selection.anchorNode);
  }

  // -- reading

  async #earlier() {
    const first = this.#first;
    const from = Math.max(1, first - EARLIER);
    try {
      const { lines } = await this.#read(`from=${from}&limit=${first - from}`);
      this.#setFollowing(false);
      const { scrollHeight, scrollTop } = this.place;
      const elements = lines.filter((line) => line.n < first).map((line) => [line.n, this.#element(line)]);
      this.body.prepend(...elements.map(([, element]) => element));
      this.#lines = new Map([...elements, ...this.#lines]);
      this.#shorten();
      this.#frame();
      this.place.scrollTop = scrollTop + this.place.scrollHeight - scrollHeight;
    } catch (error) {
      this.#failed(error);
    }
  }

  // Reading back far lets the end go; it is read again on the way down.
  #shorten() {
    const numbers = [...this.#lines.keys()];
    for (const n of numbers.slice(MOST)) {
      this.#lines.get(n).remove();
      this.#lines.delete(n);
      this.#cut = true;
    }
  }

  #read(query) {
    return api("GET", `api/tasks/${this.id}/logs?${query}`, { unreachable: this.context.t("error.unreachable") });
  }

  #failed(error) {
    const { t, toasts } = this.context;
    toasts.show({ level: "warning", title: t("log.title"), text: t("log.failed", { detail: error.message }) });
  }
}
