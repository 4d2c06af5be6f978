// The search above a log: what is looked for, how often it is there, and from one to the next.

import { batched } from "../frame.js";
import { byId, setAttribute, setText } from "../page.js";

const TYPING = 250; // milliseconds

export class Search {
  #typing = 0;
  #current = null; // { line, hit }: where the reader is
  #rank = null; // of that, among all hits
  #ranked = null; // what its rank was asked for
  #sought = null; // the words that all of this is about
  #stepping = false;
  #told = false;

  // finder: what looks through these logs, or null while nothing is looked for:
  //   { hits, looked, of, done, error }, what is known so far; `of` may be null: not known
  //   find(line or null, direction, { inclusive }) -> promise of a line that matches, or of null
  //   rank(line) -> promise of how many hits come before it, or of null
  constructor({ context, toolbar, view }) {
    Object.assign(this, { context, toolbar, view });
    this.finder = null;
    this.field = byId("log-search");
    this.draw = batched(() => this.#draw(), 100);
    this.field.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#typed(), TYPING);
    });
    this.field.addEventListener("keydown", (event) => this.#onKey(event));
    byId("log-search-form").addEventListener("submit", (event) => event.preventDefault());
    for (const key of ["case", "regex"]) {
      byId(`log-search-${key}`).addEventListener("click", () => {
        this.#typed();
        const { query } = toolbar;
        toolbar.go(query.with(key, query.on(key) ? "" : "1"));
      });
    }
    byId("log-search-only").addEventListener("click", () => {
      this.#typed();
      toolbar.go(toolbar.query.withOnly(!toolbar.query.only));
    });
    byId("log-search-next").addEventListener("click", () => this.step(1));
    byId("log-search-previous").addEventListener("click", () => this.step(-1));
    this.#drawField();
  }

  // Keys for readers whose focus is not in a field.
  get keys() {
    const step = (direction) => () => this.finder !== null && this.step(direction);
    return {
      "/": () => this.focus(),
      n: step(1),
      N: step(-1),
      F3: (event) => step(event.shiftKey ? -1 : 1)(),
      Escape: () => this.finder !== null && this.clear(),
    };
  }

  // Something else is looked for, by `finder`; or the same among other lines.
  look(finder) {
    const sought = finder && String(this.toolbar.query.sought());
    if (sought === null || sought !== this.#sought) {
      this.#current = null;
      this.#rank = null;
    }
    this.#sought = sought;
    this.finder = finder;
    this.#told = false;
    this.#drawField();
    this.#draw();
  }

  // What is looked for is no pattern.
  refuse(words) {
    if (this.finder) this.finder.error = words;
    this.#draw();
  }

  // The line with the hit that the reader is at, or null.
  get line() {
    return this.#current?.line ?? null;
  }

  // Which of a line's hits the reader is at, or null.
  current(line) {
    const at = this.#current;
    return at && at.line.n === line.n && at.line.task_id === line.task_id ? at.hit : null;
  }

  focus() {
    this.field.focus();
    this.field.select();
  }

  clear() {
    this.field.value = "";
    this.#typed();
  }

  // To the next hit, or to the one before.
  async step(direction) {
    const { finder } = this;
    if (!finder || finder.error || this.#stepping) return;
    this.#stepping = true;
    try {
      const found = await this.#next(finder, direction);
      if (found && this.finder === finder) await this.#goTo(found);
    } catch (error) {
      if (error.status === 422) { // not a pattern: said beside it
        if (this.finder === finder) this.refuse(error.errors[0]?.message ?? error.message);
        return;
      }
      const { t, toasts } = this.context;
      toasts.show({ level: "warning", title: t("log.search"), text: error.message });
    } finally {
      this.#stepping = false;
    }
  }

  async #next(finder, direction) {
    const at = this.#current;
    const { sight, following } = this.view;
    if (at?.line.hits[at.hit + direction]) return { line: at.line, hit: at.hit + direction };
    let line;
    if (!at && (following || !sight)) {
      line = await finder.find(null, -1); // the newest one
      direction = -1;
    } else {
      const from = at?.line ?? (direction > 0 ? sight.first : sight.last);
      line = await finder.find(from, direction, { inclusive: !at });
      if (!line && finder.done) {
        line = await finder.find(null, direction);
        const { t, announcer } = this.context;
        if (line) announcer.say(t(direction > 0 ? "log.search.from_start" : "log.search.from_end"));
      }
    }
    return line && { line, hit: direction > 0 ? 0 : line.hits.length - 1 };
  }

  async #goTo(at) {
    const before = this.#current;
    this.#current = at;
    this.#rank = null;
    await this.view.reveal(at.line);
    if (before) this.view.redraw();
    this.#draw();
  }

  async #askRank(finder, at) {
    this.#ranked = at;
    const rank = await finder.rank(at.line).catch(() => null);
    if (rank === null || this.#current !== at) return;
    this.#rank = rank + at.hit + 1;
    this.#draw();
  }

  // -- the field

  #typed() {
    clearTimeout(this.#typing);
    this.#typing = 0;
    const { toolbar } = this;
    const first = !toolbar.query.get("q"); // one step back leads to before the search, not to half a word
    toolbar.go(toolbar.query.with("q", this.field.value), { push: first });
  }

  #onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" || event.key === "F3") {
      this.#typed();
      this.step(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") byId("log").focus({ preventScroll: true });
    else return;
    event.preventDefault();
  }

  #drawField() {
    const { query } = this.toolbar;
    if (!this.#typing && this.field.value !== query.get("q")) this.field.value = query.get("q");
    for (const key of ["case", "regex"]) setAttribute(byId(`log-search-${key}`), "aria-pressed", String(query.on(key)));
    setAttribute(byId("log-search-only"), "aria-pressed", String(query.only));
  }

  #draw() {
    const { finder } = this;
    const found = byId("log-search-found");
    found.hidden = finder === null;
    const bad = finder?.error ?? null;
    setAttribute(this.field, "aria-invalid", bad === null ? null : "true");
    found.classList.toggle("bad", bad !== null);
    if (!finder) return;
    const at = this.#current;
    if (at && finder.done && this.#ranked !== at) this.#askRank(finder, at);
    const words = this.#words(finder);
    setText(byId("log-search-status"), words);
    byId("log-search-status").title = words;
    for (const name of ["next", "previous"]) byId(`log-search-${name}`).disabled = bad !== null || finder.hits === 0;
    if ((finder.done || bad !== null) && !this.#told) {
      this.#told = true;
      this.context.announcer.say(words);
    }
  }

  #words({ hits, looked, of, done, error }) {
    const { t, wording } = this.context;
    if (error) return error;
    if (done && hits === 0) return t("log.search.none");
    const count = t("log.search.count", { count: hits });
    if (!done && of === null) return t("log.search.looked", { count, looked: wording.compact(looked) });
    if (!done) return t("log.search.progress", { count, looked: wording.compact(looked), of: wording.compact(of) });
    return this.#rank === null ? count : t("log.search.at", { rank: wording.number(this.#rank), count });
  }
}
