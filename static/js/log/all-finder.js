// Looks through all logs, from one line that matches to the next, and counts how often it is there.

import { keyOf } from "./all.js";

const FIRST = "0001-01-01T00:00:00.000Z,0,0"; // a key that no line comes before
const MOST = 5000; // lines of one answer
const SOON = 1000; // milliseconds until rewritten lines are counted again, so that a burst is one
const PAUSE = 2000; // after a failure
const LATEST = 2000; // milliseconds until it is counted anyway

export class AllFinder {
  hits = 0;
  looked = 0;
  of = null; // how many lines there are is not known
  done = false;
  error = null; // why nothing can be found, in the server's words
  #begun = ""; // lines from this time on are counted as they are read
  #read = 0; // hits of those
  #counted = null; // { until, hits }, of lines that came before any that was rewritten
  #rest = 0; // hits between that and `begun`
  #rewritten = null; // time of the oldest line rewritten since it was counted
  #timer = 0;
  #ranks = new Map(); // key of a line -> hits before it
  #stopped = new AbortController();

  // read(parameters, signal) -> promise of an answer of GET api/logs, with lines that match
  // count(parameters, signal) -> promise of an answer of GET api/logs/matches
  // since: lines before that time are left out; end() -> a time, lines from then on are left out, or are
  // still to come; changed(): more is known
  // ready: counting begins after that, as the first lines are wanted first, and looking for them twice
  // at once would take them twice as long
  constructor({ read, count, since = "", end, ready = Promise.resolve(), changed }) {
    Object.assign(this, { read, count, since, end, ready, changed });
    this.#look();
  }

  // Lines that were read as they arrived.
  arrived(lines) {
    for (const { time, hits } of lines) if (time >= this.#begun) this.#read += hits?.length ?? 0;
    if (this.done) this.#sum();
  }

  // A line that came at this time is not as it was.
  rewritten(time) {
    if (time < this.since) return;
    if (this.#rewritten === null || time < this.#rewritten) this.#rewritten = time;
    this.#ranks.clear();
    this.#soon();
  }

  // As of Finder.
  async find(line, direction, { inclusive = false } = {}) {
    const found = await this.#next(line, direction, inclusive);
    const rank = line && this.#ranks.get(keyOf(line));
    if (found && !inclusive && rank !== null && rank !== undefined) {
      this.#ranks.set(keyOf(found), rank + (direction > 0 ? line.hits.length : -found.hits.length));
    }
    return found;
  }

  async #next(line, direction, inclusive) {
    const towards = direction > 0 ? "after" : "before";
    let key = direction > 0 ? FIRST : null;
    if (line) key = keyOf({ ...line, n: line.n - (inclusive ? direction : 0) });
    do {
      const place = key ? { [towards]: key } : {};
      const answer = await this.read({ ...place, limit: 1 }, this.#stopped.signal);
      if (answer.lines.length > 0) return answer.lines[0];
      key = answer.done ? null : answer[direction > 0 ? "newer" : "older"];
    } while (key);
    return null;
  }

  // Counted once; from there on each step knows.
  async rank(line) {
    const key = keyOf(line);
    if (this.#ranks.has(key)) return this.#ranks.get(key);
    let rank = await this.#count({ until: line.time });
    for (let before = key; before && rank !== null;) { // those of the same moment
      const answer = await this.read({ before, since: line.time, limit: MOST }, this.#stopped.signal);
      for (const { hits } of answer.lines) rank += hits?.length ?? 0;
      before = answer.older;
    }
    if (rank !== null) this.#ranks.set(key, rank);
    return rank;
  }

  stop() {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  // -- counting

  async #look() {
    this.#begun = this.end();
    await Promise.race([this.ready, new Promise((resume) => setTimeout(resume, LATEST))]);
    const hits = await this.#count({ until: this.#begun }, (answer) => {
      this.hits += answer.hits;
      this.looked += answer.searched;
      if (answer.next !== null) this.changed();
    });
    if (hits === null) return;
    this.#counted = { until: this.#begun, hits };
    this.done = true;
    this.#sum();
    this.#soon();
  }

  #sum() {
    this.hits = this.#counted.hits + this.#rest + this.#read;
    this.changed();
  }

  #soon() {
    if (!this.done || this.#rewritten === null || this.#timer || this.#stopped.signal.aborted) return;
    this.#timer = setTimeout(async () => {
      await this.#again();
      this.#timer = 0;
      this.#soon();
    }, SOON);
  }

  // What comes before the oldest rewritten line is counted once, the rest whenever one is rewritten.
  async #again() {
    const from = this.#rewritten;
    this.#rewritten = null;
    let counted = this.#counted;
    if (from < counted.until) counted = { until: from, hits: await this.#count({ until: from }) };
    this.#rest += this.#read;
    this.#read = 0;
    this.#begun = this.end();
    const rest = await this.#count({ since: counted.until, until: this.#begun });
    if (counted.hits === null || rest === null) return;
    this.#counted = counted;
    this.#rest = rest;
    this.#sum();
  }

  // How many hits there are; null when it is not to be known.
  async #count(parameters, counted = () => {}) {
    const { signal } = this.#stopped;
    let hits = 0;
    for (let page = null; !signal.aborted;) {
      try {
        const answer = await this.count({ ...parameters, ...(page === null ? {} : { page }) }, signal);
        hits += answer.hits;
        counted(answer);
        page = answer.next;
        if (page === null) return hits;
      } catch (error) {
        if (signal.aborted) return null;
        if (error.status === 422) {
          this.error = error.errors[0]?.message ?? error.message;
          this.changed();
          return null;
        }
        await new Promise((resume) => setTimeout(resume, PAUSE));
      }
    }
    return null;
  }
}
