// The lines of one task that match, by their places in the index: fetched as they are looked at, and
// let go when they were not for long. It stands where Lines does.

const AT_ONCE = 2000; // lines in a request
const PARALLEL = 2;
const MOST = 20_000; // lines kept
const PAUSE = 2000; // after a failure

export class Filtered {
  #kept = new Map(); // block -> { lines, read: up to which number, edition }, the last read at the end
  #loads = new Map(); // block -> { promise, abort, needed }; needed: whether it is looked at or not
  #wanted = []; // blocks
  #timer = 0;
  #closed = false;

  // read(parameters, signal) -> promise of { lines }, those that match
  // changed(places): these are there now, or are not as they were
  constructor({ index, read, changed = () => {}, failed = () => {} }) {
    Object.assign(this, { index, read, changed, failed });
  }

  get first() {
    return this.index.first;
  }

  get total() {
    return this.index.last;
  }

  get(place) {
    const block = this.index.at(place);
    return block && this.#kept.get(block)?.lines[place - block.start];
  }

  // The place of a line, or of the next one that matches, or of the last one; null when none does.
  async locate({ n }) {
    await this.index.reached(n);
    const block = this.index.from(n);
    if (!block) {
      await this.index.reached(1);
      return this.index.matching > 0 ? this.total : null;
    }
    while (this.#missing(block)) {
      if (!(await this.#load(block, true))) return null;
    }
    const at = this.#kept.get(block).lines.findIndex((line) => line.n >= n);
    return at < 0 ? block.start + block.matching : block.start + at;
  }

  async all(first, last) {
    const found = [];
    while (found.length <= last - first) {
      const place = first + found.length;
      const block = this.index.at(place);
      if (!this.get(place) && (!this.#missing(block) || !(await this.#load(block, true)))) break;
      if (this.get(place)) found.push(this.get(place));
    }
    return found;
  }

  blank() {
    return { n: "", pending: true };
  }

  // Lines that the stream brought: those that are shown are drawn as they are now. Whether they
  // match, and which others do, is the index's to find out.
  take({ lines, from, to }) {
    const places = [];
    for (const line of lines) {
      const place = this.#placeOf(line.n);
      if (place === null) continue;
      const block = this.index.at(place);
      this.#kept.get(block).lines[place - block.start] = line;
      places.push(place);
    }
    this.index.arrived(to ?? lines.at(-1)?.n ?? 0, from ?? lines[0]?.n);
    if (places.length > 0) this.changed(places);
  }

  // The places first..last are looked at.
  want(first, last) {
    this.#wanted = [];
    for (let place = first; place <= last;) {
      const block = this.index.at(place);
      if (!block) break;
      this.#wanted.push(block);
      place = block.start + block.matching;
    }
    for (const [block, { abort, needed }] of this.#loads) {
      if (!needed && !this.#wanted.includes(block)) abort.abort();
    }
    this.#loadWanted();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { abort } of this.#loads.values()) abort.abort();
  }

  // -- reading

  #loadWanted() {
    if (this.#closed || this.#timer) return;
    for (const block of this.#wanted) {
      if (this.#loads.size >= PARALLEL) return;
      if (!this.#loads.has(block) && this.#missing(block)) this.#load(block);
    }
  }

  // The next lines of a block; false when that failed.
  #load(block, needed = false) {
    let load = this.#loads.get(block);
    if (!load) {
      const abort = new AbortController();
      load = { abort, promise: this.#fetch(block, abort.signal) };
      this.#loads.set(block, load);
    }
    load.needed ||= needed;
    return load.promise;
  }

  async #fetch(block, signal) {
    const { edition, first, last } = block;
    const before = this.#kept.get(block);
    const begun = before?.edition === edition ? before.lines : [];
    const from = begun.length > 0 ? begun.at(-1).n + 1 : first;
    try {
      const { lines } = await this.read({ from, to: last, limit: AT_ONCE }, signal);
      if (this.#closed) return false;
      const read = lines.length < AT_ONCE ? last : lines.at(-1).n;
      this.#keep(block, { lines: [...begun, ...lines], read, edition });
      this.failed(null);
      return true;
    } catch (error) {
      if (!signal.aborted) this.#pause(error);
      return false;
    } finally {
      this.#loads.delete(block);
      this.#loadWanted();
    }
  }

  #pause(error) {
    this.failed(error);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#loadWanted();
    }, PAUSE);
  }

  // The server may find fewer lines than it counted, when some were rewritten or removed meanwhile.
  #missing(block) {
    const kept = this.#kept.get(block);
    if (!kept || kept.edition !== block.edition) return true;
    return kept.lines.length < block.matching && kept.read < block.last;
  }

  // -- keeping

  #keep(block, entry) {
    this.#kept.delete(block);
    this.#kept.set(block, entry); // at the end
    let kept = 0;
    for (const { lines } of this.#kept.values()) kept += lines.length;
    for (const [other, { lines }] of this.#kept) {
      if (kept <= MOST) break;
      if (other === block || this.#wanted.includes(other)) continue;
      this.#kept.delete(other);
      kept -= lines.length;
    }
    this.changed(Array.from({ length: block.matching }, (_, at) => block.start + at));
  }

  #placeOf(n) {
    const block = this.index.from(n);
    const at = block ? (this.#kept.get(block)?.lines.findIndex((line) => line.n === n) ?? -1) : -1;
    return at < 0 ? null : block.start + at;
  }
}
