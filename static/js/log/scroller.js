// Draws those of any number of lines that are in sight, and some around them, in a box that scrolls
// natively. Heights are never computed but measured, so lines may wrap and change.
//
// What is drawn stands in the flow of one element, placed as a whole (#top) in a space that is at
// most Extent's CAP high. While the reader scrolls, lines are added at the ends of what is drawn, so
// the view moves by exactly what was scrolled; a leap of the bar is mapped to a line. Where a line
// stands in the space is therefore a little off now and then: that is set right when the scrolling
// rests, by moving the lines and the bar by the same amount, which nobody sees.

import { Extent } from "./extent.js";
import { Pins, selectionEnds } from "./pins.js";

const REST = 150; // milliseconds without scrolling
const AROUND = 300; // lines drawn on either side once there is time, for the browser's own search
const MOVING = 30; // the same while the reader scrolls: each line drawn costs time in every frame
const SLACK = 100; // lines beyond that, before they are taken away
const STEP = 60; // lines drawn at once in idle time
const LEAP = 200; // new lines at the end beyond which drawing begins anew there
const AT_ONCE = 40_000; // characters laid out between two measurements
const MOST = 250_000; // characters drawn for lines that nobody looks at
const SPARE = 200; // elements kept for reuse
const FINE = 20; // pixels: multiples stay whole at the usual zooms
const NEAR = 4; // pixels from the end that count as being there

export class Scroller {
  #extent = new Extent();
  #first = 1;
  #last = 0;
  #rows = []; // { element, cost } of the lines drawn
  #from = 1; // number of the first of them
  #cost = 0;
  #pins;
  #spare = [];
  #top = 0; // of what is drawn, in the space
  #height = 0; // of what is drawn
  #space = 0;
  #at = 0; // the box's scrollTop as far as we know
  #view = 0;
  #width = 0;
  #lead = 0;
  #anchor = null; // { n, y, height }: the line that must not move, and where it is in the box
  #restyled = false; // since lines were drawn last
  #goal = null; // the line asked for: it is the anchor until the reader scrolls
  #sample = { lines: 0, from: 0, to: -1 };
  #rest = 0;
  #idle = 0;
  #restarted = -Infinity;
  #moved = -Infinity; // when the reader scrolled last

  // box scrolls, space is in it, lines and head are in the space
  // create() -> element; draw(element, n) -> characters in it and one more, 0: not there yet
  // looked(): other lines are drawn; moved(delta): the reader scrolled; resized(): as said
  // busy() -> whether a finger or a button is down on the box
  constructor({ box, space, lines, head, create, draw, looked, moved, resized, busy }) {
    Object.assign(this, { box, space, lines, head, create, draw, looked, moved, resized, busy });
    this.#pins = new Pins({ lines });
    this.#measure();
    lines.replaceChildren();
    box.addEventListener("scroll", () => this.catchUp(), { passive: true });
    const sizes = new ResizeObserver(() => this.#measure() && this.resized());
    for (const element of [box, head, lines]) sizes.observe(element);
  }

  get drawn() {
    return { first: this.#from, last: this.#to };
  }

  // The numbers of the lines in sight.
  get visible() {
    const first = this.#rowAt(0);
    const last = this.#rowAt(this.#view - 1);
    return { first: this.#from + first, last: this.#from + last };
  }

  // The view stands at the very end (or shows everything).
  get atEnd() {
    return this.#to === this.#last && this.#bottom - this.#at - this.#view <= NEAR;
  }

  get scrolls() {
    return this.#space > this.#view;
  }

  elementOf(n) {
    return this.#rows[n - this.#from]?.element;
  }

  // There are the lines first..last now. Nothing is drawn before update, toEnd or toLine.
  extend(first, last) {
    this.#first = first;
    this.#last = last;
    this.#extent.count = last - first + 1;
    if (this.#rows.length === 0) return;
    if (this.#from > last || this.#to < first) this.#restart(Math.min(last + 1, Math.max(first, this.#from)));
    else {
      if (this.#from < first) this.#takeAbove(first - this.#from);
      if (this.#to > last) this.#takeBelow(this.#to - last);
    }
  }

  // Draws these lines again, as far as they are drawn, and what came into sight; after other sizes too.
  update(numbers = []) {
    this.catchUp();
    this.#redraw(numbers);
    this.#hold();
    this.#settleSize();
    this.#pass();
  }

  // The same for all lines, whose look has changed.
  restyle() {
    this.#restyled = true;
    this.#sample = { lines: 0, from: 0, to: -1 };
    this.space.style.minWidth = "";
    this.update(this.#numbers());
  }

  // Shows the last line at the bottom.
  toEnd(numbers = []) {
    this.catchUp();
    this.#goal = null;
    this.#redraw(numbers);
    this.#settleSize();
    if (this.#rows.length === 0 || this.#last - this.#to > LEAP) this.#restartAtEnd();
    else while (this.#to < this.#last) this.#grow(false, Infinity);
    const off = this.#lead + this.#extent.offset(this.#from - this.#first) - this.#top;
    if (Math.abs(off) > 4 * this.#view) this.#top += off;
    this.#at = this.#bottom - this.#view;
    this.#pass();
  }

  // Shows line n, its top at `y` pixels from the top of the box (default: a third down).
  toLine(n, y = this.#view / 3) {
    this.catchUp();
    const wanted = Math.min(Math.max(n, this.#first), this.#last);
    this.#goal = wanted;
    if (this.elementOf(wanted)) {
      this.#at = this.#at + this.#yOf(this.elementOf(wanted)) - y;
    } else {
      const top = this.#lead + this.#extent.offset(wanted - this.#first);
      this.#restart(wanted, top);
      this.#at = top - y;
    }
    this.#pass();
  }

  // -- scrolling

  // Draws what the reader scrolled to; called also where the scroll event may still be on its way.
  catchUp() {
    if (this.box.clientHeight !== this.#view) return; // moved by that; #measure follows
    const delta = this.#look();
    if (Math.abs(delta) < 0.5) return;
    this.#moved = performance.now();
    this.#goal = null;
    const gap = Math.max(this.#top - this.#at - this.#view, this.#at - this.#bottom);
    const atTop = this.#at <= 0 && this.#from > this.#first;
    const atBottom = this.#at + this.#view >= this.#space - 1 && this.#to < this.#last;
    if (gap > 3 * this.#view || atTop || atBottom) this.#leap(atBottom);
    this.#pass();
    this.moved(delta);
  }

  // What was scrolled since we looked last.
  #look() {
    const delta = this.box.scrollTop - this.#at;
    this.#at += delta;
    if (this.#anchor) this.#anchor.y -= delta;
    return delta;
  }

  #leap(toEnd) {
    if (toEnd) {
      this.#restartAtEnd();
      this.#at = this.#bottom - this.#view;
      return;
    }
    const index = Math.min(this.#extent.index(Math.max(0, this.#at - this.#lead)), this.#extent.count - 1);
    const whole = Math.floor(index);
    const top = this.#at - (index - whole) * this.#extent.height;
    this.#restart(this.#first + whole, Math.max(this.#lead, top));
  }

  // -- drawing

  #pass() {
    for (let round = 0; round < 4; round += 1) {
      this.#fill();
      this.#bound();
      if (!this.#commit()) break; // the browser moved the view: look again
    }
    this.#trim();
    this.#remember();
    this.#later();
    this.looked();
  }

  #fill() {
    const from = this.#at - this.#view;
    const to = this.#at + 2 * this.#view;
    while (this.#to < this.#last && this.#bottom < to) this.#grow(false, to - this.#bottom);
    while (this.#from > this.#first && this.#top > from) this.#grow(true, this.#top - from);
  }

  #grow(up, pixels) {
    const room = up ? this.#from - this.#first : this.#last - this.#to;
    let count = Math.min(room, LEAP, Math.max(1, Math.ceil(pixels / this.#extent.height)));
    let cost = 0;
    for (; count > 0 && cost < AT_ONCE; count -= 1) cost += up ? this.#addAbove() : this.#addBelow();
    const before = this.#height;
    this.#settleSize();
    if (up) this.#top -= this.#height - before;
  }

  #addAbove() {
    const n = this.#from - 1;
    const row = this.#row(n, this.#rows[0]?.element);
    this.#rows.unshift(row);
    this.#from = n;
    return row.cost;
  }

  #addBelow() {
    const n = this.#to + 1;
    const row = this.#row(n, this.#rows.at(-1)?.element.nextSibling);
    this.#rows.push(row);
    return row.cost;
  }

  // `next`: the element that it stands before, if any line is drawn
  #row(n, next) {
    let element = this.#pins.release(n);
    if (!element) {
      element = this.#spare.pop() ?? this.create();
      this.lines.insertBefore(element, next === undefined ? this.#pins.after(n) : next);
    }
    const cost = this.draw(element, n);
    this.#cost += cost;
    return { element, cost };
  }

  #redraw(numbers) {
    for (const n of numbers) {
      const row = this.#rows[n - this.#from];
      if (!row) continue;
      this.#cost -= row.cost;
      row.cost = this.draw(row.element, n);
      this.#cost += row.cost;
    }
  }

  #restart(n, top = this.#lead + this.#extent.offset(n - this.#first)) {
    this.#takeBelow(this.#rows.length);
    this.#from = n;
    this.#top = top;
    this.#height = 0;
    this.#anchor = null;
    this.#restarted = performance.now();
  }

  #restartAtEnd() {
    this.#restart(this.#last + 1);
    this.#at = this.#bottom - this.#view;
  }

  #takeAbove(count) {
    this.#take(this.#rows.splice(0, count), this.#from);
    this.#from += count;
    const before = this.#height;
    this.#settleSize();
    this.#top += before - this.#height;
    this.lines.style.top = `${this.#top}px`;
  }

  #takeBelow(count) {
    const rows = this.#rows.splice(this.#rows.length - count, count);
    this.#take(rows, this.#to + 1);
    this.#settleSize();
  }

  #take(rows, from) {
    const selected = selectionEnds();
    for (const [index, { element, cost }] of rows.entries()) {
      this.#cost -= cost;
      if (selected(element)) this.#pins.keep(from + index, element);
      else {
        element.remove();
        if (this.#spare.length < SPARE) this.#spare.push(element);
      }
    }
  }

  // The line is to stay in the document, drawn or not.
  pin(n) {
    const there = this.elementOf(n) ?? this.#pins.get(n);
    if (there) return there;
    const element = this.create();
    this.draw(element, n);
    const next = n < this.#from ? this.#pins.after(n) ?? this.#rows[0]?.element : this.#pins.after(n);
    this.lines.insertBefore(element, next ?? null);
    this.#pins.keep(n, element);
    return element;
  }

  // -- the space

  // Sees to it that either end of the log is where the space ends, once it is in sight.
  #bound() {
    const atFirst = this.#from === this.#first;
    if (atFirst && this.#top !== this.#lead && (this.#at <= this.#top || this.#top < this.#lead)) {
      this.#shift(this.#lead - this.#top);
    } else if (!atFirst && this.#top < this.#lead) this.#shift(this.#off());
    else if (this.#to < this.#last && this.#bottom > this.#lead + this.#extent.space) this.#shift(this.#off());
  }

  // How far what is drawn stands from where it should.
  #off() {
    if (this.#from === this.#first) return this.#lead - this.#top;
    const off = this.#lead + this.#extent.offset(this.#from - this.#first) - this.#top;
    return Math.round(off / FINE) * FINE;
  }

  #shift(by) {
    this.#top += by;
    this.#at += by;
  }

  // Writes it all to the document; true when the browser would not have it so.
  #commit() {
    const full = this.#lead + this.#extent.space;
    const space = this.#to === this.#last ? this.#bottom : Math.max(full, this.#bottom + this.#view);
    if (space > this.#space) this.space.style.height = `${space}px`;
    this.lines.style.top = `${this.#top}px`;
    if (Math.abs(this.box.scrollTop - this.#at) >= 0.5) this.box.scrollTop = this.#at;
    if (space < this.#space) this.space.style.height = `${space}px`;
    this.#space = space;
    const at = this.box.scrollTop;
    const moved = Math.abs(at - this.#at) >= 1;
    this.#at = at;
    return moved;
  }

  // Puts the anchor back to where it was, after lines changed. Of one that reaches out of the box
  // that is its end, so that those below stay; when all look otherwise, the same part of it.
  #hold() {
    const element = this.#anchor && this.elementOf(this.#anchor.n);
    const restyled = this.#restyled;
    this.#restyled = false;
    if (!element) return;
    let { y } = this.#anchor;
    const { height } = element.getBoundingClientRect();
    if (y < 0) y = restyled ? (y * height) / this.#anchor.height : y + this.#anchor.height - height;
    this.#top += y - this.#yOf(element);
    this.lines.style.top = `${this.#top}px`;
  }

  #remember() {
    if (this.#rows.length === 0) return;
    const n = this.#goal !== null && this.elementOf(this.#goal) ? this.#goal : this.#from + this.#rowAt(0);
    const element = this.elementOf(n);
    this.#anchor = { n, y: this.#yOf(element), height: element.getBoundingClientRect().height };
  }

  // Lines far from what is in sight go.
  #trim() {
    if (this.#rows.length === 0) return;
    const heavy = this.#cost > 2 * MOST;
    const around = heavy ? 0 : this.#resting ? AROUND : MOVING;
    const slack = this.#resting && !heavy ? SLACK : STEP;
    const { first, last } = this.visible;
    const above = first - this.#from - around;
    const below = this.#to - last - around;
    if (above > slack) this.#takeAbove(above - slack / 2);
    if (below > slack) this.#takeBelow(below - slack / 2);
  }

  // -- time off

  #later() {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#settle(), REST);
    if (!this.#idle) this.#idle = whenIdle(() => this.#round());
  }

  #settle() {
    if (this.busy()) return this.#later();
    this.catchUp();
    this.#learn();
    const off = this.#off();
    if (Math.abs(off) > this.#view / 2 || (off !== 0 && this.#from === this.#first)) this.#shift(off);
    this.#commit();
    return this.#remember();
  }

  // The average height of a line, from what was seen of them.
  #learn() {
    const { lines, from, to } = this.#sample;
    const shared = Math.min(to, this.#to) - Math.max(from, this.#from) + 1;
    const fresh = this.#rows.length - Math.max(0, shared);
    if (this.#rows.length === 0 || fresh <= this.#rows.length / 2) return;
    if (this.#rows.some(({ cost }) => cost === 0)) return;
    const height = this.#height / this.#rows.length;
    const weight = fresh / (lines + fresh);
    this.#extent.height += (height - this.#extent.height) * weight;
    this.#sample = { lines: Math.min(lines + fresh, 5000), from: this.#from, to: this.#to };
  }

  // Draws a few of the lines around what is in sight.
  #round() {
    this.#idle = 0;
    if (this.busy() || this.#rows.length === 0) return;
    this.catchUp();
    const { first, last } = this.visible;
    const above = Math.min(this.#from - this.#first, AROUND - (first - this.#from));
    const below = Math.min(this.#last - this.#to, AROUND - (this.#to - last));
    if (this.#cost > MOST || (above <= 0 && below <= 0)) return;
    if (this.#resting && performance.now() - this.#restarted > 2 * REST) {
      if (below > 0) this.#grow(false, Math.min(below, STEP) * this.#extent.height);
      if (above > 0) this.#grow(true, Math.min(above, STEP) * this.#extent.height);
      this.#bound();
      this.#commit();
      this.#remember();
      this.looked();
    }
    this.#idle = whenIdle(() => this.#round());
  }

  // -- measuring

  // True when something is of another size: the box, or the lines, as fonts and scroll bars come.
  #measure() {
    const { clientHeight, clientWidth } = this.box;
    const lead = this.head.offsetHeight;
    const { height } = this.lines.getBoundingClientRect();
    const changed = this.#rows.length > 0 && Math.abs(height - this.#height) > 0.5;
    const same = clientHeight === this.#view && clientWidth === this.#width && lead === this.#lead && !changed;
    if (clientWidth !== this.#width || changed) this.#restyled = true;
    if (!same) this.#look(); // a taller box scrolls less far
    this.#view = clientHeight;
    this.#width = clientWidth;
    this.#lead = lead;
    return !same;
  }

  #settleSize() {
    const { width, height } = this.lines.getBoundingClientRect();
    this.#height = this.#rows.length > 0 ? height : 0;
    // Lines that do not wrap: the widest seen so far stays the width of all.
    if (width > this.space.getBoundingClientRect().width + 1) this.space.style.minWidth = `${width}px`;
  }

  // Index of the row at y pixels from the top of the box: the first that reaches below it.
  #rowAt(y) {
    let low = 0;
    let high = this.#rows.length - 1;
    const line = this.box.getBoundingClientRect().top + this.box.clientTop + y;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#rows[middle].element.getBoundingClientRect().bottom > line) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #yOf(element) {
    return element.getBoundingClientRect().top - this.box.getBoundingClientRect().top - this.box.clientTop;
  }

  #numbers() {
    return this.#rows.map((_, index) => this.#from + index);
  }

  get #resting() {
    return performance.now() - this.#moved > 2 * REST;
  }

  get #to() {
    return this.#from + this.#rows.length - 1;
  }

  get #bottom() {
    return this.#top + this.#height;
  }
}

// WebKit has no idle callbacks.
function whenIdle(work) {
  return globalThis.requestIdleCallback?.(work, { timeout: 1000 }) ?? setTimeout(work, 50);
}
