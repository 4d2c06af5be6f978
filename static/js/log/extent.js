// Where a line stands in a space that is at most CAP pixels high, however many lines there are:
// browsers cap the height of elements, and lose precision long before.
//
// Up to CAP each line takes its height. Beyond it the first and the last lines still do, so that
// the ends feel like any others, and all lines between share the pixels that are left.

export const CAP = 4_000_000;
const END = 100_000; // pixels at either end that are not shared

export class Extent {
  // count: lines; height: pixels a line takes on average
  constructor(count = 0, height = 20) {
    this.count = count;
    this.height = height;
  }

  get space() {
    return Math.min(this.count * this.height, CAP);
  }

  // Line index (from 0, may have a fraction) -> pixels from the top of the space.
  offset(index) {
    if (!this.#shared) return index * this.height;
    const ends = END / this.height;
    const left = this.count - index;
    if (index <= ends) return index * this.height;
    if (left <= ends) return CAP - left * this.height;
    return END + ((index - ends) / this.#between) * (CAP - 2 * END);
  }

  // The other way round.
  index(offset) {
    if (!this.#shared || offset <= END) return offset / this.height;
    const left = CAP - offset;
    if (left <= END) return this.count - left / this.height;
    return END / this.height + ((offset - END) / (CAP - 2 * END)) * this.#between;
  }

  get #shared() {
    return this.count * this.height > CAP;
  }

  get #between() {
    return this.count - (2 * END) / this.height;
  }
}
