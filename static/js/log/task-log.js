// The log of one task.

import { api } from "../api.js";
import { byId, setText } from "../page.js";
import { Lines } from "./lines.js";
import { Toolbar } from "./toolbar.js";
import { LogView } from "./view.js";

const NONE = [];
const RETRY = 2000;

export class TaskLog {
  #active = true;
  #skipped = 0;
  #reloads = 0;
  #retry = 0;

  // log: { first, total, lines }, lines being the newest ones
  constructor({ context, id, log }) {
    this.context = context;
    this.path = `api/tasks/${id}/logs`;
    this.lines = new Lines({ ...log, read: (from, limit, signal) => this.#read({ from, limit }, signal) });
    this.toolbar = new Toolbar({ path: this.path, looks: () => this.view.restyle(this.#look()) });
    this.view = new LogView({
      context,
      source: this.lines,
      look: this.#look(),
      framed: () => this.#frame(),
      addressed,
    });
  }

  // The data of a LOG event.
  take(data) {
    if (data.from !== undefined) this.#skipped += data.to - data.from + 1;
    this.lines.take(data);
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
    this.view.trouble(null);
  }

  get keys() {
    return {
      End: () => this.view.follow(),
      p: () => this.view.pause(),
    };
  }

  #look() {
    const { t, wording } = this.context;
    const { times, raw } = this.toolbar.look;
    return { t, wording, times, raw, task: null, href: ({ n }) => `#L${n}`, hits: ({ hits = NONE }) => hits, current: () => null };
  }

  #frame() {
    const { t } = this.context;
    const { first, total } = this.lines;
    setText(byId("log-total"), total > 0 ? t("log.total", { count: total - first + 1 }) : "");
    setText(byId("log-start"), first > 1 ? t("log.removed", { count: first - 1 }) : "");
    setText(byId("log-skipped"), this.#skipped > 0 ? t("log.skipped", { count: this.#skipped }) : "");
    byId("log-empty").hidden = total > 0;
    setText(byId("log-empty"), t(this.#active ? "log.empty" : "log.none"));
  }

  #read(parameters, signal) {
    const { t } = this.context;
    const query = new URLSearchParams(parameters);
    return api("GET", `${this.path}?${query}`, { signal, unreachable: t("error.unreachable") });
  }
}

// The line that the address names: #L123 or ?line=123.
function addressed() {
  const [, hash] = /^#L(\d{1,15})$/.exec(location.hash) ?? [];
  const line = hash ?? new URLSearchParams(location.search).get("line");
  return /^\d{1,15}$/.test(line ?? "") ? { n: Number(line) } : null;
}
