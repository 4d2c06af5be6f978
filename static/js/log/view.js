// The log of one task: it follows the end as long as the reader is there, and otherwise lets nothing
// move under the reader's eyes.

import { api } from "../api.js";
import { batched } from "../frame.js";
import { byId, setText } from "../page.js";
import { createLine, drawLine } from "./line.js";
import { Lines } from "./lines.js";
import { Scroller } from "./scroller.js";
import { dropSlowRule } from "./siblings.js";
import { Selection } from "./selection.js";

const READ = 5000; // the most lines of one answer
const RETRY = 2000;

export class LogView {
  #following = true;
  #paused = null; // the number of the last line when the reader paused
  #held = false; // a finger or a button is down on the log
  #left = 0; // the number of the last line when the reader stopped following
  #target = null; // the line that the address names
  #fresh = new Set(); // drawn lines that are to be drawn again
  #skipped = 0;
  #gone = false;
  #reloads = 0;
  #retry = 0;

  // log: { first, total, lines }, lines being the newest ones
  constructor({ context, id, log }) {
    this.context = context;
    this.id = id;
    this.box = byId("log");
    this.#soon = batched(() => this.#flush());
    this.lines = new Lines({
      ...log,
      read: (first, count, signal) => this.#read(`from=${first}&limit=${count}`, signal),
      changed: (numbers) => this.#changed(numbers),
      failed: (error) => this.#trouble(error),
    });
    this.scroller = new Scroller({
      box: this.box,
      space: byId("log-space"),
      lines: byId("log-lines"),
      head: byId("log-edge"),
      create: createLine,
      draw: (element, n) => this.#draw(element, n),
      looked: () => this.#look(),
      moved: (delta) => this.#moved(delta),
      resized: () => this.#show(),
      busy: () => this.#held,
    });
    this.selection = new Selection({
      box: this.box,
      scroller: this.scroller,
      lines: this.lines,
      range: () => ({ first: this.lines.first, last: this.#last }),
      read: (first, last) => this.#readAll(first, last),
      failed: (error, most) => this.#uncopied(error, most),
    });
    dropSlowRule();
    this.#listen();
    this.#start();
  }

  #soon;

  // The data of a LOG event: lines, of which a known number replaces its line; or only which there
  // are, when they came faster than they could be sent.
  take({ lines, from, to }) {
    if (from === undefined) return this.#changed(this.lines.add(lines));
    this.#skipped += to - from + 1;
    return this.#changed(this.lines.skip(from, to));
  }

  // Everything anew, after the stream lost its place: until it works, because what is shown may be of
  // another life of the database.
  async reload() {
    clearTimeout(this.#retry);
    this.#reloads += 1;
    const turn = this.#reloads;
    this.#gone = false;
    this.lines.clear();
    try {
      const { first, total } = await this.#read("tail=0");
      if (turn !== this.#reloads) return;
      this.lines.restart(first ?? 1, total);
      this.#trouble(null);
    } catch (error) {
      if (turn !== this.#reloads || error.status === 404) return; // the page says that it is gone
      this.#trouble(error);
      this.#retry = setTimeout(() => this.reload(), RETRY);
      return;
    }
    if (this.#paused !== null) this.#paused = Math.min(this.#paused, this.lines.total);
    this.#extend();
    this.#frame();
    if (this.#following) this.scroller.toEnd(this.#drawn());
    else this.scroller.update(this.#drawn());
  }

  // The task is active, or has ended.
  end(active) {
    setText(byId("log-empty"), this.context.t(active ? "log.empty" : "log.none"));
    byId("log-pause").hidden = !active && this.#paused === null;
  }

  gone() {
    this.#gone = true;
    clearTimeout(this.#retry);
    this.lines.close();
  }

  follow() {
    if (this.#paused !== null) this.pause(false);
    this.#setFollowing(true);
    this.#show();
  }

  pause(paused = this.#paused === null) {
    this.#paused = paused ? this.lines.total : null;
    const button = byId("log-pause");
    button.setAttribute("aria-pressed", String(paused));
    setText(button.querySelector("span"), this.context.t(paused ? "log.resume" : "log.pause"));
    button.querySelector("i").className = `bi ${paused ? "bi-play-fill" : "bi-pause-fill"}`;
    if (paused) this.#frame();
    else this.#show(this.#drawn());
  }

  // -- drawing

  #start() {
    this.#extend();
    this.#frame();
    const target = addressed();
    if (target !== null && this.lines.total > 0) this.#goTo(target);
    else this.scroller.toEnd();
  }

  #draw(element, n) {
    const line = this.lines.get(n);
    drawLine(element, line ?? { n, pending: true }, { t: this.context.t });
    element.classList.toggle("target", n === this.#target);
    return line ? line.text.length + 1 : 0;
  }

  #changed(numbers) {
    const { first, last } = this.scroller.drawn;
    for (const n of numbers) if (n >= first && n <= last) this.#fresh.add(n);
    this.#soon();
  }

  #flush() {
    if (document.hidden) return; // drawn as soon as it is looked at
    if (this.#paused !== null) this.#frame();
    else if (!this.#held) this.#show();
  }

  // Brings what is drawn up to date.
  #show(numbers = [...this.#fresh]) {
    this.#fresh.clear();
    this.#extend();
    this.#frame();
    if (this.#following && this.#paused === null) this.scroller.toEnd(numbers);
    else this.scroller.update(numbers);
  }

  #drawn() {
    const { first, last } = this.scroller.drawn;
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  }

  #extend() {
    this.scroller.extend(this.lines.first, this.#last);
  }

  // The last line that is shown.
  get #last() {
    return this.#paused ?? this.lines.total;
  }

  #frame() {
    const { t } = this.context;
    const { first, total } = this.lines;
    this.box.classList.toggle("empty", total === 0);
    byId("log-empty").hidden = total > 0;
    setText(byId("log-total"), total > 0 ? t("log.total", { count: total - first + 1 }) : "");
    setText(byId("log-start"), first > 1 ? t("log.removed", { count: first - 1 }) : "");
    setText(byId("log-skipped"), this.#skipped > 0 ? t("log.skipped", { count: this.#skipped }) : "");
    const since = this.#paused ?? (this.#following ? total : this.#left);
    const unseen = Math.max(0, total - since);
    const pill = byId("log-newer");
    pill.hidden = total === 0 || (this.#following && this.#paused === null);
    const words = unseen > 0 ? t("log.newer", { count: unseen }) : "";
    setText(pill.querySelector("span"), words);
    pill.setAttribute("aria-label", words || t("log.end"));
  }

  // -- following

  #listen() {
    const { box } = this;
    box.addEventListener("wheel", (event) => event.deltaY < 0 && this.#leave(), { passive: true });
    box.addEventListener("keydown", (event) => this.#onKey(event));
    box.addEventListener("pointerdown", () => this.#hold(true));
    box.addEventListener("touchstart", () => this.#hold(true), { passive: true });
    for (const name of ["pointerup", "pointercancel", "touchend", "touchcancel", "blur"]) {
      addEventListener(name, (event) => {
        // A finger that scrolls takes the pointer away, but is still down.
        if (name === "pointercancel" && event.pointerType === "touch") return;
        if (!event.touches?.length) this.#hold(false);
      }, { passive: true });
    }
    document.addEventListener("visibilitychange", () => document.hidden || this.#flush());
    addEventListener("hashchange", () => {
      const target = addressed();
      if (target !== null && this.lines.total > 0) this.#goTo(target);
    });
    byId("log-newer").addEventListener("click", () => this.follow());
    byId("log-pause").addEventListener("click", () => this.pause());
    byId("log-follow").addEventListener("change", (event) => {
      if (event.target.checked) this.follow();
      else this.#setFollowing(false);
    });
    const wrap = byId("log-wrap");
    wrap.addEventListener("change", () => {
      box.classList.toggle("wrap", wrap.checked);
      this.scroller.restyle();
      if (this.#following) this.#show();
    });
  }

  #onKey(event) {
    if (event.altKey || event.metaKey || event.shiftKey || event.target !== this.box) return;
    if (event.key === "Home") {
      this.#setFollowing(false);
      this.scroller.toLine(this.lines.first, byId("log-edge").offsetHeight);
    } else if (event.key === "End") this.follow();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #hold(held) {
    if (this.#held === held) return;
    this.#held = held;
    if (!held) this.#soon();
  }

  // The reader is about to scroll up.
  #leave() {
    if (this.#following && this.scroller.scrolls) this.#setFollowing(false);
  }

  #moved(delta) {
    if (delta < 0) this.#leave();
    else if (!this.#following && this.#paused === null && this.scroller.atEnd) this.#setFollowing(true);
  }

  #setFollowing(following) {
    if (this.#following === following) return;
    this.#following = following;
    this.#left = this.lines.total;
    byId("log-follow").checked = following;
    this.#frame();
  }

  // A line that the address names.
  #goTo(n) {
    const before = this.#target;
    this.#target = n;
    this.#setFollowing(false);
    this.#extend();
    const { first, last } = this.scroller.visible;
    if (n > first && n < last && this.scroller.elementOf(n)) this.scroller.update([before, n]);
    else {
      this.scroller.toLine(n);
      this.scroller.update([before, n]);
    }
  }

  // -- reading

  #look() {
    const { first, last } = this.scroller.drawn;
    this.lines.want(first, last);
  }

  #read(query, signal) {
    const { t } = this.context;
    return api("GET", `api/tasks/${this.id}/logs?${query}`, { signal, unreachable: t("error.unreachable") });
  }

  async #readAll(first, last) {
    const all = [];
    for (let n = first; n <= last; n = all.at(-1).n + 1) {
      const { lines } = await this.#read(`from=${n}&limit=${Math.min(READ, last - n + 1)}`);
      if (lines.length === 0) break;
      all.push(...lines);
    }
    return all;
  }

  #trouble(error) {
    const note = byId("log-trouble");
    note.hidden = error === null || this.#gone;
    if (error) setText(note, this.context.t("log.failed", { detail: error.message }));
  }

  #uncopied(error, most) {
    const { t, toasts } = this.context;
    const text = error ? t("log.copy.failed", { detail: error.message }) : t("log.copy.many", { count: most });
    toasts.show({ level: "warning", title: t("log.title"), text });
  }
}

// The line that the address names: #L123 or ?line=123.
function addressed() {
  const [, hash] = /^#L(\d{1,15})$/.exec(location.hash) ?? [];
  const line = hash ?? new URLSearchParams(location.search).get("line");
  return /^\d{1,15}$/.test(line ?? "") ? Number(line) : null;
}
