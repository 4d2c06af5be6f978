// The logs of all tasks together: all lines, or those that a filter leaves; and what is searched in
// them.

import { api } from "../api.js";
import { byId, setText, taskAddress } from "../page.js";
import { AllFinder } from "./all-finder.js";
import { AllLogs } from "./all.js";
import { LogQuery } from "./query.js";
import { Search } from "./search.js";
import { Toolbar } from "./toolbar.js";
import { LogView } from "./view.js";

const PATH = "api/logs";
const NONE = [];

export class AllLog {
  #finder = null; // while something is searched for

  constructor({ context }) {
    this.context = context;
    this.toolbar = new Toolbar({
      context,
      path: PATH,
      query: new LogQuery(location.search, { only: true }),
      changed: () => this.#apply(),
      looks: () => this.view.restyle(this.#look()),
    });
    this.view = new LogView({
      context,
      source: this.#source(null),
      look: this.#look(),
      framed: () => this.#frame(),
      addressed: () => null,
    });
    this.search = new Search({ context, toolbar: this.toolbar, view: this.view });
    this.view.end(true);
    this.#find(this.view.source);
  }

  // The data of a LOG event.
  take(data) {
    this.view.source.take(data);
  }

  // Everything anew, after the stream lost its place.
  reload() {
    this.#apply();
  }

  nameOf(id) {
    return this.view.source.tasks[id]?.name;
  }

  get keys() {
    return {
      ...this.search.keys,
      Enter: (event) => this.#open(event.target),
      End: () => this.view.follow(),
      p: () => this.view.pause(),
      w: () => this.toolbar.wrap(),
    };
  }

  #apply() {
    const { view } = this;
    view.source.close();
    view.look = this.#look();
    const source = this.#source(view.reading);
    this.#find(source);
    view.show(source);
  }

  #source(at) {
    const { query } = this.toolbar;
    const shown = query.marked(query.shown());
    return new AllLogs({
      at,
      marked: query.get("q") !== "",
      read: (parameters, signal) => this.#read(parameters, shown, signal),
      arrived: (lines) => this.#finder?.arrived(lines),
      rewritten: (time) => this.#finder?.rewritten(time),
    });
  }

  #find({ ready }) {
    const { query } = this.toolbar;
    this.#finder?.stop();
    this.#finder = null;
    if (query.get("q")) {
      const sought = query.sought();
      const now = () => new Date(this.context.clock.now()).toISOString();
      this.#finder = new AllFinder({
        since: query.get("since"),
        end: () => [now(), query.get("until")].filter(Boolean).sort()[0],
        ready,
        read: (parameters, signal) => this.#read(parameters, query.marked(sought), signal),
        count: (parameters, signal) => this.#read(parameters, sought, signal, "/matches"),
        changed: () => this.search.draw(),
      });
    }
    this.search.look(this.#finder);
  }

  #look() {
    const { t, wording } = this.context;
    const { times, raw } = this.toolbar.look;
    return {
      t, wording, times, raw,
      task: ({ task_id }) => ({ name: this.nameOf(task_id) ?? "", href: taskAddress(task_id) }),
      href: ({ task_id, n }) => this.#placeInItsLog(task_id, n),
      hits: ({ hits = NONE }) => hits,
      current: (line) => this.search.current(line),
    };
  }

  // Where the hit is that the reader is at.
  #open(focused) {
    const { line } = this.search;
    if (!line || focused.closest("a, button, input, summary")) return false;
    return location.assign(this.#placeInItsLog(line.task_id, line.n));
  }

  // What was found here is marked there too.
  #placeInItsLog(task, n) {
    if (task === undefined) return "";
    const query = String(this.toolbar.query.found());
    return `${taskAddress(task)}${query ? `?${query}` : ""}#L${n}`;
  }

  #frame() {
    const { t } = this.context;
    const { source } = this.view ?? {};
    if (!source) return;
    const none = source.begun && source.total < source.first;
    const { narrowed } = this.toolbar.query;
    setText(byId("log-skipped"), source.skipped > 0 ? t("log.skipped", { count: source.skipped }) : "");
    byId("log-empty").hidden = !none || narrowed;
    byId("log-no-match").hidden = !narrowed || (source.begun && !none);
    setText(byId("log-no-match-text"), t(none ? "log.match.none" : "log.match.searching"));
  }

  #read(parameters, query, signal, part = "") {
    const { t } = this.context;
    const all = new URLSearchParams(query);
    for (const [key, value] of Object.entries(parameters)) all.set(key, value);
    return api("GET", `${PATH}${part}?${all}`, { signal, unreachable: t("error.unreachable") });
  }
}
