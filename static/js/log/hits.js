// Where what is searched for stands in the lines that are looked at. Only the server looks: a regular
// expression that hangs a browser is easily written.

const BLOCK = 250; // lines
const MOST = 200; // blocks kept
const SOON = 120; // milliseconds until a question, so that a burst is one
const PAUSE = 2000; // after a failure
const NONE = [];

export class Hits {
  #blocks = new Map(); // number -> { lines: n -> line with hits, to: up to which line they are known }
  #wanted = { first: 1, last: 0 };
  #timer = 0;
  #missed = []; // lines forgotten while the server was asked
  #stopped = new AbortController();

  // read(from, to, signal) -> promise of { lines }: those that match, with their hits
  // changed(numbers): these lines have hits
  constructor({ read, changed }) {
    Object.assign(this, { read, changed });
  }

  // The hits of a line: [[start, end], ...] in its plain text; none while they are not known.
  of(line) {
    const known = this.#blocks.get(blockOf(line.n))?.lines.get(line.n);
    return known?.text === line.text ? known.hits : NONE;
  }

  // The lines first..last are looked at, and are there.
  want(first, last) {
    this.#wanted = { first, last };
    this.#soon(SOON);
  }

  // The lines from n on, as far as they are in its block, are not as they were.
  forget(n) {
    this.#missed.push(n);
    this.#lower(n);
    this.#soon(SOON);
  }

  stop() {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  #soon(pause) {
    const { signal } = this.#stopped;
    if (this.#timer || signal.aborted || !this.#missing()) return;
    this.#timer = setTimeout(async () => {
      let next = SOON;
      try {
        const { from, to } = this.#missing() ?? {};
        this.#missed = [];
        if (from) this.#keep(from, to, (await this.read(from, to, signal)).lines);
        this.#missed.forEach((n) => this.#lower(n));
      } catch {
        next = PAUSE; // the lines themselves cannot be read either, and that is said
      }
      this.#timer = 0;
      this.#soon(next);
    }, pause);
  }

  #lower(n) {
    const block = this.#blocks.get(blockOf(n));
    if (block) block.to = Math.min(block.to, n - 1);
  }

  // From the first to the last line that is looked at and not known.
  #missing() {
    const { first, last } = this.#wanted;
    let found = null;
    for (let number = blockOf(first); number <= blockOf(last); number += 1) {
      const from = this.#blocks.get(number)?.to ?? number * BLOCK;
      const to = Math.min((number + 1) * BLOCK, last);
      if (from < to) found = { from: found?.from ?? from + 1, to };
    }
    return found;
  }

  #keep(from, to, lines) {
    for (let number = blockOf(from); number <= blockOf(to); number += 1) {
      const block = this.#blocks.get(number) ?? { lines: new Map(), to: 0 };
      for (const n of block.lines.keys()) if (n >= from) block.lines.delete(n);
      block.to = Math.min((number + 1) * BLOCK, to);
      this.#blocks.delete(number);
      this.#blocks.set(number, block); // at the end
    }
    for (const line of lines) this.#blocks.get(blockOf(line.n)).lines.set(line.n, line);
    for (const number of [...this.#blocks.keys()].slice(0, -MOST)) this.#blocks.delete(number);
    this.changed(lines.map((line) => line.n));
  }
}

function blockOf(n) {
  return Math.floor((n - 1) / BLOCK);
}
