// The lines of all logs in the order of time, task and number: read from the newest back, as far as
// the reader goes, and forward as they arrive. It stands where Lines does.
//
// Places are given as lines are read: lower ones to older lines, higher ones to newer. Pages that
// nobody looks at are let go, and read again by the key they were read by.

const PAGE = 500; // lines
const BURST = 2000; // lines that arrived, read at once
const MOST = 20_000; // lines kept; more that arrive are not read, but left for scrolling
const NEAR = 300; // places from an end where reading goes on
const SOON = 250; // milliseconds from an arrival to reading, so that a burst is one
const PAUSE = 2000; // after a failure
const CLOCK = 2000; // milliseconds: what is older than that, and not known, is not new
const APART = 1_000_000; // between the places of lines that are not read as one

export class AllLogs {
  first = 1;
  total = 0;
  tasks = {}; // id -> { name, queue } of the lines read
  waiting = 0; // lines that arrived and are not read
  skipped = 0; // those that came too fast to be read as they arrived
  known = 0; // the last place that is no new line's
  begun = false; // the first lines are there, if there are any
  #pages = []; // { start, count, lines or null, before or after: the key they are read by }
  #places = new Map(); // "task,n" -> place, of the lines that are kept
  #older = null; // the key where older lines go on; null: there are none
  #newer = ""; // the key where newer ones do
  #late = null; // a key below it, when lines arrived that belong before others
  #live = false; // lines are read as they arrive
  #at = null; // { id, place } of the line that reading began at
  #wanted = { first: 1, last: 0 };
  #unmarked = new Set(); // lines whose hits are not known since they were rewritten, by place
  #marking = 0; // timer
  #busy = new Set(); // what is being read: "older", "newer", "arrivals" or a page
  #run = 0; // answers to what was asked in an earlier one are dropped
  #timer = 0;
  #stopped = new AbortController();

  // read(parameters, signal) -> promise of an answer of GET api/logs
  // at: the line to begin at, or null for the newest one; arrived(lines): these are new
  // marked: something is searched for, and lines have its places; rewritten(time): one of then was
  // changed(places), with null for: all are others now
  constructor({
    read, at = null, marked = false,
    arrived = () => {}, rewritten = () => {}, changed = () => {}, failed = () => {},
  }) {
    Object.assign(this, { read, marked, arrived, rewritten, changed, failed });
    this.ready = this.#begin(at);
  }

  get(place) {
    const page = this.#pageOf(place);
    return page?.lines?.[place - page.start];
  }

  blank() {
    return { n: "", pending: true };
  }

  // The place of a line, or, when it is left out, of the one before it. Where it was not read, reading
  // begins anew there.
  async locate(line) {
    await this.ready;
    const id = idOf(line);
    if (!this.#places.has(id) && this.#at?.id !== id) await (this.ready = this.#begin(line));
    return this.#places.get(id) ?? this.#at?.place ?? null;
  }

  async all(first, last) {
    for (const page of this.#pagesIn(first, last)) if (!page.lines) await this.#reread(page);
    return Array.from({ length: last - first + 1 }, (_, at) => this.get(first + at)).filter(Boolean);
  }

  // The reader wants to be at the newest line.
  toEnd() {
    if (this.begun && !this.#live) this.ready = this.#begin(null);
  }

  // The places first..last are looked at.
  want(first, last) {
    this.#wanted = { first, last };
    if (!this.begun) return;
    if (first - this.first < NEAR) this.#goOn("older");
    if (this.total - last < NEAR && !this.#live) this.#goOn("newer");
    for (const page of this.#pagesIn(first, last)) if (!page.lines) this.#reread(page);
  }

  // The data of a LOG event: lines that are shown are drawn as they are now, new ones are read.
  take({ task_id, lines, from, to }) {
    const places = [];
    let fresh = from === undefined ? 0 : to - from + 1;
    for (const line of lines) {
      const place = this.#places.get(idOf({ ...line, task_id }));
      if (place !== undefined) {
        this.#rewrite(place, line);
        places.push(place);
      } else if (this.#isNew({ ...line, task_id })) fresh += 1;
      else this.rewritten(line.time);
    }
    if (places.length > 0) this.changed(places);
    if (fresh === 0) return;
    this.waiting += fresh;
    this.#soon();
  }

  close() {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#marking);
  }

  // -- reading

  async #begin(at) {
    this.#run += 1;
    const run = this.#run;
    this.begun = false;
    this.waiting = 0;
    this.#busy.clear();
    this.#places.clear();
    this.#unmarked.clear();
    this.#pages = [];
    this.total += APART;
    this.first = this.total + 1;
    this.#live = at === null;
    this.#late = null;
    this.#newer = at ? keyOf(at) : "";
    let before = at && keyOf({ ...at, n: at.n + 1 });
    do {
      const answer = await this.#ask({ ...(before ? { before } : {}), limit: PAGE }, run);
      if (!answer) return;
      this.#newer ||= answer.newer;
      this.#older = answer.older;
      this.#prepend(answer.lines, { before });
      before = answer.older;
    } while (before && this.total < this.first);
    this.#at = at && { id: idOf(at), place: this.total };
    this.#wanted = { first: this.total, last: this.total };
    this.begun = true;
    this.changed(null);
  }

  // More lines at an end that is near.
  async #goOn(end) {
    if (this.#busy.has(end) || (end === "older" && this.#older === null)) return;
    this.#busy.add(end);
    const by = end === "older" ? { before: this.#older } : { after: this.#newer };
    const answer = await this.#ask({ ...by, limit: PAGE }, this.#run);
    if (!answer) return;
    this.#busy.delete(end);
    if (end === "older") {
      this.#older = answer.older;
      this.#prepend(answer.lines, by);
    } else {
      this.#append(answer.lines, by);
      this.known = this.total;
      this.#newer = answer.newer;
      this.#live = answer.done && answer.lines.length < PAGE;
      if (this.#live) this.waiting = 0;
    }
    this.changed([]);
    this.want(this.#wanted.first, this.#wanted.last);
  }

  #soon() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#readArrivals();
    }, SOON);
  }

  async #readArrivals() {
    if (!this.begun || this.#busy.has("arrivals")) return;
    const away = this.total - this.#wanted.last > MOST / 2; // the reader is far up
    if (this.#live && away) this.#live = false;
    if (!this.#live) return this.changed([]);
    if (this.waiting > MOST) {
      this.skipped += this.waiting;
      this.ready = this.#begin(null);
      return;
    }
    this.#busy.add("arrivals");
    const { waiting } = this;
    const by = { after: this.#late ?? this.#newer };
    this.#late = null;
    const answer = await this.#ask({ ...by, limit: BURST }, this.#run);
    if (!answer) return;
    this.#busy.delete("arrivals");
    const whole = answer.done && answer.lines.length < BURST;
    const fresh = answer.lines.filter((line) => !this.#places.has(idOf(line)));
    this.#append(fresh, { after: this.#newer });
    this.arrived(fresh);
    if (isBefore(this.#newer, answer.newer)) this.#newer = answer.newer;
    this.waiting = Math.max(0, this.waiting - (whole ? waiting : fresh.length));
    this.changed([]);
    if (this.waiting > 0 || !whole) this.#soon();
  }

  // Not one that was rewritten and is left out here; one that came late is remembered as such.
  #isNew(line) {
    const key = keyOf(line);
    if (!isBefore(key, this.#newer)) return true;
    const [time] = parsed(this.#newer);
    if (Date.parse(line.time) < Date.parse(time) - CLOCK) return false;
    const below = keyOf({ ...line, n: line.n - 1 });
    if (!this.#late || isBefore(below, this.#late)) this.#late = below;
    return true;
  }

  #rewrite(place, line) {
    const page = this.#pageOf(place);
    const before = page.lines[place - page.start];
    const same = before.text === line.text;
    page.lines[place - page.start] = { ...before, ...line, hits: same ? before.hits : undefined };
    if (same) return;
    this.rewritten(before.time);
    if (!this.marked) return;
    this.#unmarked.add(place);
    this.#marking ||= setTimeout(() => this.#mark(), SOON);
  }

  // Only the server knows where what is searched for stands in a line.
  async #mark() {
    const lines = new Map();
    for (const place of this.#unmarked) {
      const line = this.get(place);
      if (line) lines.set(keyOf(line), place);
    }
    this.#unmarked.clear();
    if (lines.size > 0) {
      const first = this.get(lines.get([...lines.keys()].reduce((a, b) => (isBefore(b, a) ? b : a))));
      const answer = await this.#ask({ after: keyOf({ ...first, n: first.n - 1 }), limit: PAGE }, this.#run);
      if (answer) this.#setMarks(lines, answer);
    }
    this.#marking = 0;
    if (this.#unmarked.size > 0) this.#marking = setTimeout(() => this.#mark(), SOON);
  }

  #setMarks(lines, answer) {
    for (const { text, hits, ...line } of answer.lines) {
      const place = lines.get(keyOf(line));
      if (place !== undefined && this.get(place)?.text === text) Object.assign(this.get(place), { hits });
    }
    for (const [key, place] of lines) if (!answer.done && isBefore(answer.newer, key)) this.#unmarked.add(place);
    this.changed([...lines.values()]);
  }

  async #reread(page) {
    if (this.#busy.has(page)) return;
    this.#busy.add(page);
    let { before, after } = page;
    const found = [];
    while (found.length < page.count && (before || after)) {
      const left = page.count - found.length;
      const answer = await this.#ask({ ...(after ? { after } : { before }), limit: left }, this.#run);
      if (!answer) return;
      if (after) found.push(...answer.lines);
      else found.unshift(...answer.lines);
      before = answer.older;
      after = after && !answer.done ? answer.newer : null;
    }
    this.#busy.delete(page);
    page.lines = found;
    this.#keep(page);
    this.changed(placesOf(page));
  }

  // The answer, or null when it is of no use any more. Asked again until there is one.
  async #ask(parameters, run) {
    const { signal } = this.#stopped;
    for (let failed = false; !signal.aborted && this.#run === run; failed = true) {
      try {
        const answer = await this.read(parameters, signal);
        if (failed) this.failed(null);
        if (signal.aborted || this.#run !== run) return null;
        Object.assign(this.tasks, answer.tasks);
        return answer;
      } catch (error) {
        if (signal.aborted || this.#run !== run) return null;
        if (error.status >= 400 && error.status < 500) return this.#refused(error);
        this.failed(error);
        await new Promise((resume) => setTimeout(resume, PAUSE));
      }
    }
    return null;
  }

  // There is no use in asking again; what is wrong with the search, the search says.
  #refused(error) {
    if (!error.errors?.some(({ field }) => field === "q")) this.failed(error);
    this.begun = true;
    this.changed([]);
    return null;
  }

  // -- keeping

  #prepend(lines, { before }) {
    if (lines.length === 0) return;
    this.first -= lines.length;
    const last = lines.at(-1);
    const key = before ?? keyOf({ ...last, n: last.n + 1 });
    this.#pages.unshift({ start: this.first, count: lines.length, lines, before: key });
    this.#keep(this.#pages[0]);
  }

  #append(lines, { after }) {
    if (lines.length === 0) return;
    let page = this.#pages.at(-1);
    if (page?.after && page.lines && page.count + lines.length <= PAGE) page.lines.push(...lines);
    else this.#pages.push(page = { start: this.total + 1, count: 0, lines, after });
    page.count += lines.length;
    this.total += lines.length;
    this.#keep(page);
  }

  #keep(page) {
    page.lines.forEach((line, at) => this.#places.set(idOf(line), page.start + at));
    const middle = (this.#wanted.first + this.#wanted.last) / 2;
    const distance = (other) => Math.abs(other.start + other.count / 2 - middle);
    const kept = this.#pages.filter(({ lines }) => lines).sort((a, b) => distance(b) - distance(a));
    while (this.#places.size > MOST && kept.length > 1) {
      const far = kept.shift();
      if (far === page) continue;
      for (const line of far.lines) this.#places.delete(idOf(line));
      far.lines = null;
    }
  }

  #pageOf(place) {
    return this.#pages.findLast(({ start }) => start <= place);
  }

  #pagesIn(first, last) {
    return this.#pages.filter(({ start, count }) => start <= last && start + count > first);
  }
}

// A line's place in the order of all: `after` and `before` take it.
export function keyOf({ time, task_id, n }) {
  return `${time},${task_id},${n}`;
}

function idOf({ task_id, n }) {
  return `${task_id},${n}`;
}

function placesOf({ start, count }) {
  return Array.from({ length: count }, (_, at) => start + at);
}

function parsed(key) {
  const [time, task, n] = key.split(",");
  return [time, Number(task), Number(n)];
}

function isBefore(key, other) {
  const [one, two] = [parsed(key), parsed(other)];
  const at = one.findIndex((part, index) => part !== two[index]);
  return at >= 0 && one[at] < two[at];
}
