// The list's filters, order and page: the same parameters in the address bar and for the API.

import { isActive } from "./format.js";

export const KEYS = ["status", "queue", "label", "q", "since", "until", "sort", "limit", "page"];
const NOT_FILTERS = ["sort", "limit", "page"];

export class Query {
  constructor(parameters = "") {
    this.parameters = new URLSearchParams();
    for (const [key, value] of new URLSearchParams(parameters)) {
      if (KEYS.includes(key) && value) this.parameters.append(key, value);
    }
  }

  get(key) {
    return this.parameters.get(key) ?? "";
  }

  all(key) {
    return this.parameters.getAll(key);
  }

  // A copy with `key` replaced; the page always starts over.
  with(key, ...values) {
    const next = new Query(this.parameters);
    next.parameters.delete("page");
    next.parameters.delete(key);
    for (const value of values) if (value) next.parameters.append(key, value);
    return next;
  }

  cleared() {
    return new Query(this.get("sort") ? { sort: this.get("sort") } : {});
  }

  get filtered() {
    return [...this.parameters.keys()].some((key) => !NOT_FILTERS.includes(key));
  }

  get firstPage() {
    return !this.parameters.has("page");
  }

  toString() {
    return this.parameters.toString();
  }

  matches(task) {
    const among = (key) => this.all(key).length === 0 || this.all(key).includes(task[key]);
    const { labels = {} } = task;
    const labelled = this.all("label").every((label) => {
      const at = label.indexOf(":");
      return at < 0 ? label in labels : labels[label.slice(0, at)] === label.slice(at + 1);
    });
    const since = this.get("since");
    const until = this.get("until");
    const created = Date.parse(task.created_at);
    return among("status") && among("queue") && labelled
      && folded(task.name).includes(folded(this.get("q")))
      && (!since || created >= Date.parse(since)) && (!until || created < Date.parse(until));
  }

  // Whether new tasks come first, so that they may slide in at the top.
  get newestFirst() {
    return this.firstPage && ["", "active", "-id"].includes(this.get("sort"));
  }

  // Whether `task` stands before `other` in an order that has the newest first.
  before(task, other) {
    const active = Number(isActive(task.status)) - Number(isActive(other.status));
    if (this.get("sort") !== "-id" && active !== 0) return active > 0;
    return task.id > other.id;
  }
}

// The server compares without regard to case in ASCII only.
function folded(text) {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
