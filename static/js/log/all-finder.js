// Looks through all logs, from one line that matches to the next, and counts how often it is there.

import { keyOf } from "./all.js";

const FIRST = "0001-01-01T00:00:00.000Z,0,0"; // a key that no line comes before
const PAUSE = 2000; // after a failure

export class AllFinder {
  hits = 0;
  looked = 0;
  of = null; // how many lines there are is not known
  done = false;
  error = null; // why nothing can be found, in the server's words
  #begun; // lines that come later are counted as they are read
  #stopped = new AbortController();

  // read(parameters, signal) -> promise of an answer of GET api/logs, with lines that match
  // count(parameters, signal) -> promise of an answer of GET api/logs/matches
  // until: lines from this time on are left out, or are still to come; changed(): more is known
  constructor({ read, count, until, changed }) {
    Object.assign(this, { read, count, changed });
    this.#begun = until;
    this.#look();
  }

  // Lines that were read as they arrived.
  arrived(lines) {
    for (const { time, hits } of lines) if (time >= this.#begun) this.hits += hits?.length ?? 0;
    this.changed();
  }

  // As of Finder.
  async find(line, direction, { inclusive = false } = {}) {
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

  async rank() {
    return null;
  }

  stop() {
    this.#stopped.abort();
  }

  async #look() {
    const { signal } = this.#stopped;
    for (let page = null; !signal.aborted;) {
      try {
        const answer = await this.count({ until: this.#begun, ...(page === null ? {} : { page }) }, signal);
        this.hits += answer.hits;
        this.looked += answer.searched;
        page = answer.next;
        this.done = page === null;
        this.changed();
        if (this.done) return;
      } catch (error) {
        if (signal.aborted) return;
        if (error.status === 422) {
          this.error = error.errors[0]?.message ?? error.message;
          this.changed();
          return;
        }
        await new Promise((resume) => setTimeout(resume, PAUSE));
      }
    }
  }
}
