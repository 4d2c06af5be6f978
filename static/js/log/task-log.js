// The log of one task: all of its lines, or those that a filter leaves; and what is searched in it.

import { api } from "../api.js";
import { byId, setText } from "../page.js";
import { Filtered } from "./filtered.js";
import { Finder } from "./finder.js";
import { Hits } from "./hits.js";
import { Index } from "./index.js";
import { Lines } from "./lines.js";
import { LogQuery } from "./query.js";
import { Search } from "./search.js";
import { Toolbar } from "./toolbar.js";
import { LogView } from "./view.js";

const NONE = [];
const MOST = 5000; // lines of one answer
const RETRY = 2000;
const OFTEN = 60_000; // milliseconds between two looks at what retention has left

export class TaskLog {
  #shown = null; // the Index of the lines that are shown, while a filter leaves others out
  #sought = null; // the Index of those that are searched for, while something is
  #hits = null; // where it is in them, while all lines are shown
  #active = true;
  #skipped = 0;
  #reloads = 0;
  #retry = 0;

  // log: { first, total, lines }, lines being the newest ones
  constructor({ context, id, log }) {
    this.context = context;
    this.path = `api/tasks/${id}/logs`;
    this.lines = new Lines({ ...log, read: (from, limit, signal) => this.#read({ from, limit }, signal) });
    this.toolbar = new Toolbar({
      context,
      path: this.path,
      query: new LogQuery(location.search),
      changed: () => this.#apply(),
      looks: () => this.view.restyle(this.#look()),
    });
    this.view = new LogView({
      context,
      source: this.lines,
      look: this.#look(),
      looked: (first, last) => this.#hits?.want(first, last),
      framed: () => this.#frame(),
      addressed,
    });
    this.search = new Search({ context, toolbar: this.toolbar, view: this.view });
    if (String(this.toolbar.query)) this.#apply();
    setInterval(() => this.#checkFirst(), OFTEN);
    document.addEventListener("visibilitychange", () => this.#checkFirst());
  }

  // The data of a LOG event.
  take(data) {
    const { lines, from, to } = data;
    if (from !== undefined) this.#skipped += to - from + 1;
    this.lines.take(data);
    if (this.view.source !== this.lines) this.view.source.take(data);
    this.#hits?.forget(from ?? lines[0]?.n);
    this.#sought?.arrived(to ?? lines.at(-1)?.n ?? 0, from ?? lines[0]?.n);
  }

  // Everything anew, after the stream lost its place: until it works, because what is shown may be of
  // another life of the database.
  async reload() {
    clearTimeout(this.#retry);
    this.#reloads += 1;
    const turn = this.#reloads;
    this.lines.clear();
    try {
      const { first, total } = await this.#read({ tail: 0 });
      if (turn !== this.#reloads) return;
      this.lines.restart(first, total);
      this.view.trouble(null);
    } catch (error) {
      if (turn !== this.#reloads || error.status === 404) return; // the page says that it is gone
      this.view.trouble(error);
      this.#retry = setTimeout(() => this.reload(), RETRY);
      return;
    }
    this.view.reload();
    this.#apply();
  }

  // Nothing announces that the oldest lines were removed.
  async #checkFirst() {
    if (document.hidden || this.lines.total === 0) return;
    const turn = this.#reloads;
    try {
      const { first } = await this.#read({ tail: 0 });
      if (turn === this.#reloads) this.lines.trim(first);
    } catch {
      // it is asked again, and what is looked at says by itself when it cannot be read
    }
  }

  // The task is active, or has ended.
  end(active) {
    this.#active = active;
    this.view.end(active);
    this.#frame();
  }

  gone() {
    clearTimeout(this.#retry);
    this.lines.close();
    this.#stop();
    this.view.trouble(null);
  }

  get keys() {
    return {
      ...this.search.keys,
      End: () => this.view.follow(),
      p: () => this.view.pause(),
      w: () => this.toolbar.wrap(),
    };
  }

  // -- what is shown, and what is searched for

  #apply() {
    const { query } = this.toolbar;
    this.#stop();
    const sought = query.get("q") !== "" ? query.sought() : null;
    const marked = sought && query.marked(sought);
    if (sought) this.#sought = this.#index(sought);
    let source = this.lines;
    if (query.narrowed) {
      this.#shown = query.only && sought ? this.#sought : this.#index(query.shown());
      const shown = query.marked(query.shown());
      source = new Filtered({ index: this.#shown, read: (parameters, signal) => this.#read(parameters, signal, shown) });
    } else if (sought) {
      this.#hits = new Hits({
        read: (from, to, signal) => this.#read({ from, to, limit: MOST }, signal, marked),
        changed: (numbers) => this.view.redraw(numbers),
      });
    }
    this.search.look(sought && new Finder({
      index: this.#sought,
      read: (parameters) => this.#read(parameters, undefined, marked),
      count: (parameters) => this.#read(parameters, undefined, sought, "/index"),
    }));
    this.view.look = this.#look();
    if (source === this.view.source) this.view.restyle();
    else this.view.show(source);
  }

  #index(parameters) {
    const index = new Index({
      total: this.lines.total,
      read: (more, signal) => this.#read(more, signal, parameters, "/index"),
      changed: () => {
        if (index === this.#shown) this.view.redraw([]);
        if (index === this.#sought) this.search.draw();
      },
      failed: (error) => {
        const refused = error?.status === 422; // not a pattern
        if (index === this.#sought && refused) {
          this.search.refuse(error.errors[0]?.message ?? error.message);
          this.#frame();
        } else this.view.trouble(error);
      },
    });
    return index;
  }

  #stop() {
    for (const index of [this.#shown, this.#sought]) index?.stop();
    this.#hits?.stop();
    this.#shown = this.#sought = this.#hits = null;
    if (this.view.source !== this.lines) this.view.source.close();
  }

  #look() {
    const { t, wording } = this.context;
    const { times, raw } = this.toolbar.look;
    return {
      t, wording, times, raw,
      task: null,
      href: ({ n }) => `#L${n}`,
      hits: (line) => line.hits ?? this.#hits?.of(line) ?? NONE,
      current: (line) => this.search.current(line),
    };
  }

  #frame() {
    const { t, wording } = this.context;
    const { first, total } = this.lines;
    const count = total - first + 1;
    const shown = this.#shown;
    const words = shown ? t("log.total.part", { count, shown: wording.number(shown.matching) }) : t("log.total", { count });
    setText(byId("log-total"), total > 0 ? words : "");
    setText(byId("log-start"), first > 1 && !shown ? t("log.removed", { count: first - 1 }) : "");
    setText(byId("log-skipped"), this.#skipped > 0 ? t("log.skipped", { count: this.#skipped }) : "");
    const empty = byId("log-empty");
    empty.hidden = total > 0;
    setText(empty, t(this.#active ? "log.empty" : "log.none"));
    byId("log-no-match").hidden = total === 0 || !shown || shown.matching > 0;
    if (!shown) return;
    const bad = shown === this.#sought ? this.search.finder?.error : null;
    setText(byId("log-no-match-text"), bad ?? t(shown.done ? "log.match.none" : "log.match.searching"));
  }

  #read(parameters, signal, more = [], part = "") {
    const query = new URLSearchParams([...more, ...Object.entries(parameters)]);
    const { t } = this.context;
    return api("GET", `${this.path}${part}?${query}`, { signal, unreachable: t("error.unreachable") });
  }
}

// The line that the address names: #L123 or ?line=123.
function addressed() {
  const [, hash] = /^#L(\d{1,15})$/.exec(location.hash) ?? [];
  const line = hash ?? new URLSearchParams(location.search).get("line");
  return /^\d{1,15}$/.test(line ?? "") ? { n: Number(line) } : null;
}
