// One stream for all tabs of a browser. A tab is a port: it joins with its topics and its cursor,
// and gets what follows. It may get an event again, when the stream goes back for another tab, so
// it drops what it has.
//
// From a port: { type } of join { turn, topics, cursor, verdict }, subscribe { turn, topics, cursor },
//   wake { certain }, ping, leave. Each join and subscribe is a new turn.
// To a port: { type, turn } of welcome, pong, unknown (join again), event { event },
//   position { cursor, at }, reset { reason, cursor }, end { topic }, gone { topic },
//   denied { status }, status { status }, verdict { reason }. What is of an older turn than the
//   tab's is on the way still, and will be sent again: the tab drops it.

import { epoch, lower, sequence } from "./cursor.js";
import { Stream } from "./stream.js";

const KEPT = 500; // events for tabs that join a little behind
const KEPT_SIZE = 1 << 20; // characters of them, roughly
const UNREAD = 16 << 20; // ... sent to a tab that gives no sign of life: it is frozen, it will ask
const ABSENT = 200000; // milliseconds; hidden tabs have timers once a minute
const NARROW = 3000; // milliseconds until topics nobody needs are given up
const AGAIN = 1000; // milliseconds in which several tabs' wakes are one
const PULSE = 1000; // milliseconds between signs of life to tabs whose topics are quiet

export class Exchange {
  #ports = new Map(); // port -> { turn, topics, unread, seen, told }
  #stream = null;
  #recent = []; // [{ event, size }]
  #size = 0;
  #floor = null; // all events after this cursor are in #recent
  #woken = { true: 0, false: 0 }; // when, by `certain`
  #narrowing = null;
  #verdict = null;

  // `options`: of Stream, but for topics, cursor and handlers
  constructor(options) {
    this.options = options;
    this.env = { now: () => Date.now(), setTimeout: (...args) => setTimeout(...args), ...options.env };
  }

  // port: { send(message) }
  receive(port, message) {
    const entry = this.#ports.get(port);
    if (message.type === "join") this.#join(port, message);
    else if (message.type === "leave") this.#leave(port);
    else if (!entry) port.send({ type: "unknown" });
    else {
      entry.unread = 0;
      entry.seen = this.env.now();
      if (message.type === "ping") port.send({ type: "pong" });
      else if (message.type === "wake") this.#wake(message.certain);
      else if (message.type === "subscribe") this.#subscribe(port, message);
    }
  }

  // Ends the stream; its tabs will notice.
  close() {
    this.#stream?.stop();
    this.#ports.clear();
  }

  // -- tabs

  #join(port, { turn, topics, cursor, verdict }) {
    this.#sweep();
    const now = this.env.now();
    this.#ports.set(port, { turn, topics: new Set(topics), unread: 0, seen: now, told: now });
    port.send({ type: "welcome", turn });
    if (!this.#stream) this.#open(topics, cursor, verdict);
    else {
      port.send({ type: "status", turn, status: this.#stream.status });
      this.#follow(port, topics, cursor);
    }
  }

  #subscribe(port, { turn, topics, cursor }) {
    Object.assign(this.#ports.get(port), { turn, topics: new Set(topics) });
    this.#follow(port, topics, cursor);
    this.#narrowSoon();
  }

  #leave(port) {
    if (!this.#ports.delete(port)) return;
    if (this.#ports.size > 0) this.#narrowSoon();
    else {
      this.#stream?.stop();
      this.#stream = null;
    }
  }

  // Give a port all after its cursor: what is kept, or else by going back.
  #follow(port, topics, cursor) {
    if (!this.#stream.carries(topics) || !this.#covers(cursor)) {
      const from = lower(cursor, this.#stream.cursor);
      this.#forget(from);
      this.#stream.subscribe(this.#topics(), from);
      return;
    }
    const entry = this.#ports.get(port);
    for (const { event } of this.#recent) {
      if (sequence(event.id) > sequence(cursor) && concerns(event, entry.topics)) {
        port.send({ type: "event", turn: entry.turn, event });
      }
    }
  }

  #topics() {
    return [...new Set([...this.#ports.values()].flatMap((entry) => [...entry.topics]))];
  }

  #narrowSoon() {
    this.#narrowing ??= this.env.setTimeout(() => {
      this.#narrowing = null;
      if (!this.#stream) return;
      const wanted = this.#topics();
      if (this.#stream.topics.length > wanted.length) this.#stream.subscribe(wanted);
    }, NARROW);
  }

  // Tabs that crashed or are frozen.
  #sweep() {
    const now = this.env.now();
    for (const [port, { seen }] of this.#ports) if (now - seen > ABSENT) this.#ports.delete(port);
  }

  #wake(certain) {
    const now = this.env.now();
    if (now - this.#woken[certain] < AGAIN) return;
    this.#woken[certain] = now;
    this.#stream.wake(certain);
  }

  // -- the stream

  #open(topics, cursor, verdict) {
    this.#verdict = verdict;
    this.#forget(cursor);
    this.#stream = new Stream({
      ...this.options,
      topics,
      cursor,
      memory: {
        get: () => this.#verdict,
        set: (reason) => {
          this.#verdict = reason;
          this.#tell({ type: "verdict", reason });
        },
      },
      handlers: {
        event: (event) => this.#deliver(event),
        position: (position) => this.#tell({ type: "position", cursor: position, at: this.env.now() }),
        reset: (reason) => {
          this.#forget(this.#stream.cursor);
          this.#tell({ type: "reset", reason, cursor: this.#stream.cursor });
        },
        end: (topic) => this.#tell({ type: "end", topic }, topic),
        gone: (topic) => {
          this.#tell({ type: "gone", topic }, topic);
          for (const entry of this.#ports.values()) entry.topics.delete(topic);
        },
        status: (status) => this.#tell({ type: "status", status }),
        denied: (status) => this.#tell({ type: "denied", status }),
      },
    });
    this.#stream.start();
  }

  #deliver(event) {
    const size = sizeOf(event);
    this.#recent.push({ event, size });
    this.#size += size;
    while (this.#recent.length > KEPT || this.#size > KEPT_SIZE) {
      const [oldest] = this.#recent.splice(0, 1);
      this.#size -= oldest.size;
      this.#floor = oldest.event.id;
    }
    for (const [port, entry] of this.#ports) this.#send(port, entry, event, size);
  }

  #send(port, entry, event, size) {
    const now = this.env.now();
    if (concerns(event, entry.topics)) {
      entry.unread += size;
      if (entry.unread > UNREAD) this.#ports.delete(port);
      else port.send({ type: "event", turn: entry.turn, event });
    } else if (now - entry.told < PULSE) return;
    else port.send({ type: "position", turn: entry.turn, cursor: event.id, at: now });
    entry.told = now;
  }

  #tell(message, topic = null) {
    for (const [port, { turn, topics }] of this.#ports) {
      if (topic === null || topics.has(topic)) port.send({ ...message, turn });
    }
  }

  #forget(floor) {
    this.#recent = [];
    this.#size = 0;
    this.#floor = floor;
  }

  // Whether all that follows `cursor` is in #recent or still to come.
  #covers(cursor) {
    if (!cursor || !this.#floor) return cursor === this.#floor;
    const lives = [this.#floor, this.#stream.cursor, ...this.#recent.map(({ event }) => event.id)];
    return sequence(cursor) >= sequence(this.#floor) && lives.some((id) => epoch(id) === epoch(cursor));
  }
}

// Pages subscribe to system, logs and task:ID. A queue's events come with `system` only, so
// whoever wants a queue gets all of those.
function concerns({ type, data }, topics) {
  if (type === "LOG") return topics.has("logs") || topics.has(`task:${data.task_id}`);
  if (topics.has("system") || topics.has(`task:${data?.id}`)) return true;
  return [...topics].some((topic) => topic.startsWith("queue:"));
}

function sizeOf({ type, message, data }) {
  if (type !== "LOG") return 400 + (message?.length ?? 0);
  return data.lines.reduce((sum, line) => sum + 100 + line.text.length, 400);
}
