// A page's share of the one stream that its browser has: the same events, whoever holds it.

import { addresses } from "./address.js";
import { alone } from "./alone.js";
import { byLeader } from "./by-leader.js";
import { byWorker } from "./by-worker.js";
import { isAfter } from "./cursor.js";
import { BROWSER, Timers } from "./timers.js";
import { TIMINGS } from "./timings.js";

const RECOVERIES = 3; // then another way is tried
const WAYS = [["worker", byWorker], ["locks", byLeader], ["alone", alone]];

export class SharedStream {
  #timers;
  #way = 0;
  #carrier = null;
  #turn = 0;
  #welcome = false;
  #opened = 0;
  #unanswered = 0;
  #recoveries = 0;

  // root: the server's, absolute; handlers and memory: as of Stream
  constructor({ root, topics, cursor, handlers, memory, timings = {}, env = {}, ways = WAYS }) {
    this.root = root;
    this.topics = topics;
    this.cursor = cursor;
    this.on = handlers;
    this.memory = memory;
    this.timings = timings;
    this.t = { ...TIMINGS, ...timings };
    this.env = { ...BROWSER, ...env };
    this.ways = ways;
    this.#timers = new Timers(this.env);
    this.#way = Math.max(0, ways.findIndex(([name]) => name === this.t.share));
    this.status = null;
  }

  start() {
    if (!this.#carrier) this.#open();
  }

  // The page goes away (it may come back from the cache): nothing stays open.
  stop() {
    this.#timers.clear();
    this.#carrier?.send({ type: "leave" });
    this.#carrier?.close();
    this.#carrier = null;
  }

  subscribe(topics) {
    this.topics = topics;
    this.#enter("subscribe");
  }

  wake(certain = false) {
    this.#carrier?.send({ type: "wake", certain });
    this.#unanswered = 0; // it was not asked while we slept
    if (this.#carrier) this.#tick();
  }

  // -- whoever holds the stream

  #open() {
    for (; ; this.#way += 1) {
      const [, way] = this.ways[this.#way];
      const mine = {};
      this.#welcome = false;
      this.#recoveries = 0;
      this.#opened = this.env.now();
      this.#carrier = way({
        root: this.root,
        options: { url: addresses(this.root), timings: this.timings },
        receive: (message) => this.#carrier?.mine === mine && this.#receive(message),
        fail: () => this.#carrier?.mine === mine && this.#next(),
      });
      if (this.#carrier) {
        this.#carrier.mine = mine;
        break;
      }
    }
    this.#enter("join");
    this.#tick();
  }

  #next() {
    this.#carrier.close();
    this.#carrier = null;
    this.#way = Math.min(this.#way + 1, this.ways.length - 1);
    this.#open();
  }

  #enter(type) {
    this.#turn += 1;
    this.#carrier?.send({
      type, turn: this.#turn, topics: this.topics, cursor: this.cursor,
      verdict: this.memory.get(), timings: this.timings,
    });
  }

  // Whoever holds the stream may be gone without a word: closed, crashed or frozen.
  #tick() {
    const carrier = this.#carrier;
    const late = !this.#welcome && this.env.now() - this.#opened > this.t.join;
    if (late && (this.#recoveries === 0 || this.#recoveries >= RECOVERIES)) this.#next();
    else if (late || (this.#welcome && this.#unanswered >= 2)) {
      this.#recoveries += 1;
      this.#welcome = false;
      this.#opened = this.env.now();
      carrier.recover();
    } else if (this.#welcome) {
      this.#unanswered += 1;
      carrier.send({ type: "ping" });
    }
    if (this.#carrier === carrier) this.#timers.set("ping", this.t.ping, () => this.#tick());
  }

  // -- what arrives

  #receive(message) {
    this.#unanswered = 0;
    if (message.type === "unknown") return this.#enter("join");
    if (message.type === "unfit") return this.#next();
    if (message.turn !== undefined && message.turn !== this.#turn) return undefined;
    const { type, event, cursor, at } = message;
    if (type === "welcome") {
      this.#welcome = true;
      this.#recoveries = 0;
    } else if (type === "event") {
      if (!this.#pass(event.id)) return undefined;
      this.#heard(this.env.now());
      if (this.status) this.status.lastEvent = this.env.now();
      this.on.event(event);
    } else if (type === "position") {
      this.#pass(cursor);
      this.#heard(at);
    } else if (type === "reset") {
      this.cursor = cursor;
      this.on.reset(message.reason);
    } else if (type === "end") this.on.end?.(message.topic);
    else if (type === "gone") this.on.gone?.(message.topic);
    else if (type === "denied") this.on.denied?.(message.status);
    else if (type === "verdict") this.memory.set(message.reason);
    else if (type === "status" && !message.status.connecting) {
      this.status = { ...message.status, role: this.#carrier.role() };
      this.on.status(this.status);
      this.#doubtSoon();
    }
    return undefined;
  }

  // A worker may be cut off where the page is not: Chromium gives it no new connection to a server
  // whose certificate the reader accepted by hand.
  #doubtSoon() {
    const { state, problem, role } = this.status;
    const cutOff = state === "offline" && problem?.kind === "network" && role === "worker";
    if (!cutOff) this.#timers.cancel("doubt");
    else if (!this.#timers.has("doubt")) this.#timers.set("doubt", this.t.doubt, () => this.#doubt());
  }

  async #doubt() {
    const carrier = this.#carrier;
    const reached = await this.#reaches();
    if (carrier !== this.#carrier) return;
    if (reached) carrier.send({ type: "wake", certain: true }); // the page's connection may do for it
    this.#timers.set("doubt", this.t.doubt, () => {
      if (reached && carrier === this.#carrier) this.#next();
      else this.#doubtSoon();
    });
  }

  async #reaches() {
    const abort = new AbortController();
    const timer = this.env.setTimeout(() => abort.abort(), this.t.answerWithin);
    try {
      const { ok, headers } = await this.env.fetch(`${this.root}healthz`, {
        cache: "no-store", signal: abort.signal,
      });
      return ok && (headers.get("content-type") ?? "").startsWith("application/json");
    } catch {
      return false;
    } finally {
      this.env.clearTimeout(timer);
    }
  }

  // The stream may go back for another tab: true for what is new here.
  #pass(cursor) {
    if (!isAfter(cursor, this.cursor)) return false;
    this.cursor = cursor;
    return true;
  }

  #heard(at) {
    if (this.status) this.status.lastByte = at;
  }
}
