// Looks through one log, from one line that matches to the next: the index says whether there is one,
// the server which it is.

export class Finder {
  error = null; // why nothing can be found, in the server's words

  // read(parameters) -> promise of { lines }, those that match, with their hits
  // count(parameters) -> promise of { hits } in a part of the log
  constructor({ index, read, count }) {
    Object.assign(this, { index, read, count });
  }

  get hits() {
    return this.index.hits;
  }

  get looked() {
    return this.index.looked;
  }

  get of() {
    return this.index.of;
  }

  get done() {
    return this.index.done;
  }

  // The next line that matches after (direction 1) or before (-1) a line, or, inclusive, that line;
  // from either end when it is null. Null when there is none.
  async find(line, direction, { inclusive = false } = {}) {
    const step = inclusive ? 0 : direction;
    let n = line === null ? null : line.n + step;
    if (this.done) {
      const block = direction > 0 ? this.index.from(n ?? 1) : this.index.to(n ?? Infinity);
      if (!block) return null;
      if (n !== null) n = direction > 0 ? Math.max(n, block.first) : Math.min(n, block.last);
    }
    const parameters = direction > 0 ? { from: n ?? 1, limit: 1 } : { tail: 1, ...(n === null ? {} : { to: n }) };
    if (n !== null && n < 1) return null;
    const { lines } = await this.read(parameters);
    return lines.find((found) => found.hits?.length > 0) ?? null;
  }

  // How many hits come before a line; null when that is not known.
  async rank({ n }) {
    const block = this.done ? this.index.to(n) : undefined;
    if (!block) return null;
    const before = this.index.blocks.filter(({ last }) => last < block.first);
    const sum = before.reduce((total, { hits }) => total + hits, 0);
    if (n === block.first) return sum;
    return sum + (await this.count({ from: block.first, to: n - 1 })).hits;
  }
}
