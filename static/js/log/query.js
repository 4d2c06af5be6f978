// What of a log is shown and searched for: as the address says it, and as the API takes it.

const FILTERS = ["level", "stream", "task", "queue", "since", "until"];
const KEYS = ["q", "case", "regex", "only", ...FILTERS];

export class LogQuery {
  // only: whether a search shows only the lines that match when the address does not say
  constructor(parameters = "", { only = false } = {}) {
    this.standard = only;
    this.parameters = new URLSearchParams();
    for (const [key, value] of new URLSearchParams(parameters)) {
      if (KEYS.includes(key) && value) this.parameters.append(key, value);
    }
  }

  // What another address says.
  from(parameters) {
    return new LogQuery(parameters, { only: this.standard });
  }

  get(key) {
    return this.parameters.get(key) ?? "";
  }

  all(key) {
    return this.parameters.getAll(key);
  }

  on(key) {
    return this.get(key) === "1";
  }

  get only() {
    return this.parameters.has("only") ? this.on("only") : this.standard;
  }

  // A copy with `key` replaced; this one, when it says so already.
  with(key, ...values) {
    if (JSON.stringify(values.filter(Boolean)) === JSON.stringify(this.all(key))) return this;
    const next = this.from(this.parameters);
    next.parameters.delete(key);
    for (const value of values) if (value) next.parameters.append(key, value);
    return next;
  }

  withOnly(only) {
    return only === this.standard ? this.with("only") : this.with("only", only ? "1" : "0");
  }

  // Without filters; what is searched for stays.
  unfiltered() {
    return FILTERS.reduce((query, key) => query.with(key), this);
  }

  get filters() {
    return FILTERS.filter((key) => this.parameters.has(key)).length;
  }

  // Not all lines are shown.
  get narrowed() {
    return this.filters > 0 || (this.only && this.get("q") !== "");
  }

  // As the API takes it: the lines that are shown, ...
  shown() {
    return this.only ? this.sought() : this.#filters();
  }

  // ... those of them that match, ...
  sought() {
    return new URLSearchParams([...this.#filters(), ...this.#text("q")]);
  }

  // ... and either with the places of what is searched for.
  marked(parameters) {
    const marked = new URLSearchParams(parameters);
    for (const [key, value] of this.#text("mark")) marked.set(key, value);
    return marked;
  }

  // For another page, where the same is to be marked.
  found() {
    return new URLSearchParams(["q", "case", "regex"].filter((key) => this.get(key)).map((key) => [key, this.get(key)]));
  }

  toString() {
    return this.parameters.toString();
  }

  #filters() {
    return new URLSearchParams([...this.parameters].filter(([key]) => FILTERS.includes(key)));
  }

  #text(name) {
    if (!this.get("q")) return [];
    const how = [];
    if (!this.on("case")) how.push(["ignore_case", "true"]);
    if (this.on("regex")) how.push(["regex", "true"]);
    return [[name, this.get("q")], ...how];
  }
}
