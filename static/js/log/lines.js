// The lines of one task by number, as many as are being looked at: the rest is on the server.
//
// They are kept in blocks, fetched when they are wanted and let go when they were not for long.
// What the stream brings is newer than any answer that is under way, so an answer fills gaps only.

import { carry } from "../ansi.js";

const BLOCK = 250; // lines
const MOST = 20_000; // lines kept
const MOST_CHARACTERS = 8_000_000;
const AT_ONCE = 1000; // lines in a request
const MOST_READ = 5000; // lines of one answer
const PARALLEL = 2; // requests
const SOON = 1000; // milliseconds until colours are read anew, so that a burst is one
const PAUSES = [1000, 2000, 5000, 15_000]; // after failures

export class Lines {
  #blocks = new Map(); // block -> { lines: n -> line, characters }, those wanted last at the end
  #kept = 0;
  #characters = 0;
  #loads = new Set();
  #wanted = { first: 1, last: 0 };
  #newest = 0; // number of the last line that the stream named
  #removed = 0; // number of the last line that the server has removed
  #colours = null; // { first, timer }: the lines from `first` on may begin in other colours now
  #failures = 0;
  #timer = 0;
  #closed = false;

  // read(first, count, signal) -> promise of { lines, total, first }
  // changed(numbers): these are there now; failed(error or null): reading goes wrong, or well again
  constructor({ read, changed = () => {}, failed = () => {}, first = 1, total = 0, lines = [] }) {
    Object.assign(this, { read, changed, failed, first, total });
    for (const line of lines) this.#put(line);
  }

  get(n) {
    return this.#blocks.get(blockOf(n))?.lines.get(n);
  }

  // The data of a LOG event: lines, of which a known number replaces its line; or only which there
  // are, when they came faster than they could be sent.
  take({ lines, from, to }) {
    this.changed(from === undefined ? this.add(lines) : this.skip(from, to));
  }

  // A line's place is its number.
  async locate({ n }) {
    return Math.min(Math.max(n, this.first), this.total);
  }

  async all(first, last) {
    const all = [];
    for (let n = first; n <= last; n = all.at(-1).n + 1) {
      const { lines } = await this.read(n, Math.min(MOST_READ, last - n + 1));
      if (lines.length === 0) break;
      all.push(...lines);
    }
    return all;
  }

  blank(n) {
    return { n, pending: true };
  }

  // Lines that the stream brought; the numbers of those that are kept.
  add(lines) {
    const taken = [];
    for (const line of lines) {
      const before = this.get(line.n);
      const unseen = line.n <= this.total && !this.#blocks.has(blockOf(line.n)) && !this.#loading(line.n);
      if (unseen || (before && ends(before) !== ends(line))) this.#recolour(line.n + 1);
      this.#grow(line.n);
      if (unseen) continue; // rewritten, but nobody looks at it
      this.#put(line);
      taken.push(line.n);
    }
    this.#evict();
    return taken;
  }

  // The stream says that there are lines first..last, or others than before, but leaves them out.
  skip(first, last) {
    this.#grow(last);
    const lost = [];
    for (let block = blockOf(first); block <= blockOf(last); block += 1) {
      for (const n of [...this.#blocks.get(block)?.lines.keys() ?? []]) {
        if (n < first || n > last) continue;
        this.#drop(block, n);
        lost.push(n);
      }
    }
    for (const load of [...this.#loads]) if (load.first <= last && load.last >= first) this.#cancel(load);
    return lost;
  }

  // first..last are looked at.
  want(first, last) {
    this.#wanted = { first: Math.max(first, this.first), last: Math.min(last, this.total) };
    this.#begin();
    for (const load of [...this.#loads]) {
      if (load.first > this.#wanted.last || load.last < this.#wanted.first) this.#cancel(load);
    }
    this.#load();
  }

  // Everything is to be read anew. What arrives from now on counts for `restart`.
  clear() {
    this.#closed = false;
    for (const load of [...this.#loads]) this.#cancel(load);
    this.#blocks.clear();
    this.#kept = 0;
    this.#characters = 0;
    this.#newest = 0;
    this.#removed = 0;
  }

  // As the server had it at some time since `clear`.
  restart(first, total) {
    this.first = first;
    this.#removed = first - 1;
    this.total = Math.max(total, this.#newest);
  }

  // The server has removed the lines before `first`.
  trim(first) {
    if (first - 1 <= this.#removed) return;
    this.#removed = first - 1;
    this.#begin();
  }

  // The task is no more: nothing can be read.
  close() {
    this.#closed = true;
    clearTimeout(this.#colours?.timer);
    for (const load of [...this.#loads]) this.#cancel(load);
  }

  // -- reading

  #load() {
    while (!this.#closed && this.#timer === 0 && this.#loads.size < PARALLEL) {
      const span = this.#missing();
      if (!span) return;
      this.#fetch(span);
    }
  }

  async #fetch(load) {
    this.#loads.add(load);
    try {
      const answer = await this.read(load.first, load.last - load.first + 1, load.abort.signal);
      if (!this.#loads.delete(load)) return;
      this.#fill(answer, load);
    } catch (error) {
      if (!this.#loads.delete(load)) return;
      this.#pause(error);
    }
    this.#load();
  }

  #fill({ lines, first, total }, load) {
    this.#removed = Math.max(this.#removed, first - 1);
    this.#begin();
    this.total = Math.max(this.total, total);
    const fresh = lines.filter((line) => line.n <= load.last && !this.get(line.n));
    for (const line of fresh) this.#put(line);
    if (fresh.length === 0 && load.last >= this.first) return this.#pause(new Error(`${load.first}?`));
    if (this.#failures > 0) this.failed(null);
    this.#failures = 0;
    this.#evict();
    return this.changed(fresh.map((line) => line.n));
  }

  #pause(error) {
    const pause = PAUSES[Math.min(this.#failures, PAUSES.length - 1)];
    this.#failures += 1;
    this.failed(error);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#load();
    }, pause);
  }

  #cancel(load) {
    this.#loads.delete(load);
    load.abort.abort();
  }

  // The next lines to ask for: those from the first missing one on, to the end of a block.
  #missing() {
    const { first, last } = this.#wanted;
    for (let n = Math.max(first, this.first); n <= last; n += 1) {
      const load = [...this.#loads].find((other) => other.first <= n && n <= other.last);
      if (load) n = load.last;
      else if (!this.get(n)) {
        const begin = Math.max(this.first, this.#startOfGap(n));
        const most = Math.min(this.total, begin + AT_ONCE - 1, blockOf(last) * BLOCK + BLOCK);
        let end = n;
        while (end < most && !this.get(end + 1) && !this.#loading(end + 1)) end += 1;
        return { first: begin, last: end, abort: new AbortController() };
      }
    }
    return null;
  }

  // Whole blocks are read, so that a reader who goes on either way finds the next lines there.
  #startOfGap(n) {
    let begin = n;
    while (begin - 1 > blockOf(n) * BLOCK && !this.get(begin - 1) && !this.#loading(begin - 1)) begin -= 1;
    return begin;
  }

  #loading(n) {
    for (const load of this.#loads) if (load.first <= n && n <= load.last) return true;
    return false;
  }

  // Where the log begins: removed lines that are being looked at stay until the reader goes on.
  #begin() {
    const gone = Math.min(this.#wanted.last, this.#removed);
    let n = this.#wanted.first;
    while (n <= gone && this.get(n)) n += 1;
    const first = n > gone ? Math.min(this.#wanted.first, this.#removed + 1) : this.#removed + 1;
    if (first <= this.first) return;
    this.first = first;
    this.changed([]);
  }

  // -- colours: a line begins as those before it have left them

  // Those from n on that are kept may begin otherwise: they are read anew, or let go.
  #recolour(n) {
    if (n > this.total) return; // those to come know
    const timer = this.#colours?.timer ?? setTimeout(() => this.#readColours(), SOON);
    this.#colours = { first: Math.min(n, this.#colours?.first ?? n), timer };
  }

  async #readColours() {
    const { first } = this.#colours;
    const from = Math.max(first, this.#wanted.first);
    const to = this.#wanted.last;
    this.#colours = null;
    for (const [number, { lines }] of this.#blocks) {
      for (const n of [...lines.keys()]) if (n >= first && (n < from || n > to)) this.#drop(number, n);
    }
    try {
      const { lines } = to < from ? { lines: [] } : await this.read(from, Math.min(MOST_READ, to - from + 1));
      const others = lines.filter(({ n, text, sgr }) => {
        const kept = this.get(n);
        return kept?.text === text && kept.sgr !== sgr; // else the stream brought a newer one
      });
      for (const line of others) this.#put(line);
      this.changed(others.map(({ n }) => n));
    } catch {
      if (!this.#closed) this.#recolour(first);
    }
  }

  // -- keeping

  #grow(last) {
    this.#newest = Math.max(this.#newest, last);
    this.total = Math.max(this.total, last);
  }

  #put(line) {
    const number = blockOf(line.n);
    let block = this.#blocks.get(number);
    if (!block) this.#blocks.set(number, block = { lines: new Map() });
    else this.#drop(number, line.n);
    block.lines.set(line.n, line);
    this.#kept += 1;
    this.#characters += line.text.length;
  }

  #drop(number, n) {
    const { lines } = this.#blocks.get(number);
    const line = lines.get(n);
    if (!line) return;
    lines.delete(n);
    this.#kept -= 1;
    this.#characters -= line.text.length;
  }

  #evict() {
    if (this.#kept <= MOST && this.#characters <= MOST_CHARACTERS) return;
    const { first, last } = this.#wanted;
    for (let number = blockOf(first); number <= blockOf(last); number += 1) {
      const block = this.#blocks.get(number);
      if (!block) continue;
      this.#blocks.delete(number); // to the end of the map
      this.#blocks.set(number, block);
    }
    for (const [number, { lines }] of this.#blocks) {
      if (this.#kept <= MOST && this.#characters <= MOST_CHARACTERS) return;
      if (number >= blockOf(first) && number <= blockOf(last)) return;
      if (number >= blockOf(this.total) - 1) continue;
      for (const n of [...lines.keys()]) this.#drop(number, n);
      this.#blocks.delete(number);
    }
  }
}

// The colours a line leaves to the next one.
function ends({ sgr = "", text }) {
  return carry(sgr, text);
}

function blockOf(n) {
  return Math.floor((n - 1) / BLOCK);
}
