// Where the lines of a log are that match: the server looks newest first, a piece at a time, so that
// what was found is there at once; and again at the end, when something arrives.
//
// The lines that match have places, whole numbers in their order: places are never given anew when
// older lines are found, which get lower ones.

const SOON = 300; // milliseconds from an arrival to a look, so that a burst is one
const TAIL = 1000; // lines at the end that may still be rewritten
const LONG = 4000; // lines of a block
const PAUSES = [1000, 2000, 5000, 15_000]; // after failures

export class Index {
  // { first, last, matching, hits, start, edition }, ascending, start being the first one's place; of
  // another edition when lines in it were rewritten.
  blocks = [];
  looked = 0; // lines
  of = 0;
  done = false; // all lines have been looked at
  #newest; // number of the last line there is
  #lowest; // and of the first one that was looked at
  #waiting = []; // { n, resolve } of those who wait for line n
  #rewritten = false; // in the last block
  #timer = 0;
  #busy = true;
  #stopped = new AbortController();

  // read(parameters, signal) -> promise of an answer of logs/index; total: number of the last line
  // changed(): more is known; failed(error or null): reading goes wrong, or well again
  constructor({ read, total, changed, failed }) {
    Object.assign(this, { read, changed, failed });
    this.#newest = total;
    this.#lowest = total + 1;
    this.#begin(Math.max(1, total - TAIL + 1));
  }

  stop() {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    this.#tell();
  }

  // When all from line n on has been looked at, or nothing more will be.
  reached(n) {
    return new Promise((resolve) => {
      this.#waiting.push({ n, resolve });
      this.#tell();
    });
  }

  #tell() {
    const there = ({ n }) => this.done || this.#over || this.#lowest <= n;
    const told = this.#waiting.filter(there);
    this.#waiting = this.#waiting.filter((each) => !there(each));
    for (const { resolve } of told) resolve();
  }

  get hits() {
    return this.blocks.reduce((sum, block) => sum + block.hits, 0);
  }

  get matching() {
    return this.last - this.first + 1;
  }

  // The first and the last place.
  get first() {
    return this.blocks[0]?.start ?? 1;
  }

  get last() {
    return this.blocks.length > 0 ? endOf(this.blocks.at(-1)) : 0;
  }

  // The block of a place.
  at(place) {
    return this.blocks[before(this.blocks, (block) => endOf(block) < place)];
  }

  // The first block that reaches line n or beyond, and has a line that matches.
  from(n) {
    const at = before(this.blocks, ({ last }) => last < n);
    return this.blocks.slice(at).find(({ matching }) => matching > 0);
  }

  // The last block that begins at line n or before, and has one.
  to(n) {
    const at = before(this.blocks, ({ first }) => first <= n);
    return this.blocks.slice(0, at).findLast(({ matching }) => matching > 0);
  }

  // There are lines up to `last`; those from `rewritten` on are not as they were.
  arrived(last, rewritten = Infinity) {
    this.#newest = Math.max(this.#newest, last);
    const tail = this.blocks.at(-1);
    if (tail && rewritten >= tail.first && rewritten <= tail.last) this.#rewritten = true;
    this.#soon();
  }

  // -- looking

  async #begin(first) {
    const tail = { first, last: first - 1, matching: 0, hits: 0, start: 1, edition: 0 };
    await this.#look(tail);
    if (this.#over) return;
    this.blocks.push(tail);
    this.#lowest = first;
    this.#tell();
    this.changed();
    if (first > 1) await this.#ask({ to: first - 1 }, (answer) => this.#prepend(answer));
    if (this.#over) return;
    this.done = true;
    this.#tell();
    this.changed();
    this.#busy = false;
    this.#soon();
  }

  #prepend(answer) {
    for (const [first, last, matching, hits] of answer.blocks.toReversed()) {
      if (matching > 0) this.blocks.unshift({ first, last, matching, hits, start: this.first - matching, edition: 0 });
    }
    this.#lowest = answer.next === null ? 1 : answer.next + 1;
    this.#tell();
    this.changed();
  }

  #soon() {
    if (this.#busy || this.#timer || this.#over) return;
    if (this.#newest <= this.blocks.at(-1).last && !this.#rewritten) return;
    this.#timer = setTimeout(() => this.#again(), SOON);
  }

  async #again() {
    this.#busy = true;
    let tail = this.blocks.at(-1);
    if (this.#rewritten) tail.edition += 1;
    this.#rewritten = false;
    if (tail.last - tail.first >= LONG) {
      tail = { first: tail.last + 1, last: tail.last, matching: 0, hits: 0, start: this.last + 1, edition: 0 };
      this.blocks.push(tail);
    }
    await this.#look(tail);
    if (this.#over) return;
    this.#timer = 0;
    this.#busy = false;
    this.changed();
    this.#soon();
  }

  // The last block anew.
  async #look(tail) {
    const found = { matching: 0, hits: 0, last: tail.last };
    await this.#ask({ from: tail.first }, (answer) => {
      found.last = Math.max(found.last, answer.last);
      for (const [, , matching, hits] of answer.blocks) {
        found.matching += matching;
        found.hits += hits;
      }
    });
    Object.assign(tail, found);
  }

  // One question, in as many pieces as the server answers it.
  async #ask(parameters, take) {
    let to;
    while (to !== null && !this.#over) {
      const answer = await this.#read(to === undefined ? parameters : { ...parameters, to });
      if (!answer) return;
      if (!this.done) {
        this.looked += answer.lines;
        this.of = answer.last - answer.first + 1;
      }
      take(answer);
      to = answer.next;
    }
  }

  async #read(parameters) {
    const { signal } = this.#stopped;
    for (let failures = 0; !this.#over; failures += 1) {
      try {
        const answer = await this.read(parameters, signal);
        if (failures > 0) this.failed(null);
        return this.#over ? null : answer;
      } catch (error) {
        if (this.#over) return null;
        this.failed(error);
        if (error.status >= 400 && error.status < 500) this.stop(); // no use in asking again
        else await pause(PAUSES[Math.min(failures, PAUSES.length - 1)]);
      }
    }
    return null;
  }

  get #over() {
    return this.#stopped.signal.aborted;
  }
}

function endOf(block) {
  return block.start + block.matching - 1;
}

// How many of the blocks come before what is looked for.
function before(blocks, comesBefore) {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comesBefore(blocks[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}

function pause(milliseconds) {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
