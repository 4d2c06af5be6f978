// The one connection to the server: a state machine over three transports with one cursor.
//
//   sse -- mute, silent, refused or cut --> long-poll -- cut short or refused --> poll
//    ^------------------- a probe carried: HELLO and a second event on time --------'
//
// Exactly one transport is open at a time. It knows nothing of the page, so that it can move
// into a SharedWorker.

import { isAfter } from "./cursor.js";
import { openPoll } from "./long-poll.js";
import { openSse } from "./sse.js";
import { BROWSER, Timers } from "./timers.js";
import { TIMINGS } from "./timings.js";

const SILENT = { event() {}, reset() {}, end() {}, status() {}, denied() {} };

export class Stream {
  #timers;
  #link = null;
  #rung = "sse";
  #running = false;
  #lastByte = 0;
  #interval = 15000;
  #heartbeat = null; // asked of the server when streams were cut while silent
  #attempt = null;
  #limit = 0;
  #wait;
  #confirm = false; // the next poll only asks whether the server answers
  #refused = 0;
  #cuts = 0;
  #quick = 0;
  #failures = 0;
  #outage = null;
  #probe = 0;
  #serial = 0;
  #ended = new Set();

  // url(topics, parameters) -> string; memory: optional { get(), set(reason) } for the verdict "mute".
  constructor({ url, topics, cursor = null, handlers = {}, timings = {}, memory = null, env = {} }) {
    this.url = url;
    this.topics = topics;
    this.cursor = cursor;
    this.on = { ...SILENT, ...handlers };
    this.t = { ...TIMINGS, ...timings };
    this.env = { ...BROWSER, ...env };
    this.memory = memory;
    this.#timers = new Timers(this.env);
    this.status = {
      state: "offline", transport: "sse", connecting: true, since: this.env.now(),
      lastEvent: null, reason: null, fellBack: null, retryAt: null, problem: null,
    };
    this.#wait = this.t.wait;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    const verdict = this.memory?.get();
    if (verdict) this.#fallBack(verdict);
    else {
      this.#graceful();
      this.#connect();
    }
  }

  // The page goes away (it may come back from the cache): nothing stays open.
  stop() {
    this.#running = false;
    this.#disconnect();
    this.#timers.clear();
  }

  // Other topics from the same cursor.
  subscribe(topics) {
    this.topics = topics;
    for (const topic of topics) this.#ended.delete(topic);
    if (this.#running) this.#connect();
  }

  // The network or the page came back. `certain`: the old connection is surely dead.
  wake(certain = false) {
    if (!this.#running || this.#topicsLeft().length === 0) return;
    const { now } = this.env;
    if (this.status.state === "offline") {
      if (!this.#timers.has("retry")) return; // a try is under way
      this.#failures = 0;
      this.#connect();
    } else if (this.#rung !== "sse") {
      if (certain) this.#startProbe();
      else if (this.#timers.has("next")) this.#connect();
    } else if (certain) {
      this.#graceful();
      this.#connect();
    } else if (now() - this.#lastByte > 1.2 * this.#interval) {
      const before = this.#lastByte;
      this.#timers.set("drain", this.t.drain, () => {
        if (this.#lastByte === before) this.#connect();
      });
    }
  }

  // -- connecting

  #connect() {
    this.#disconnect();
    this.#timers.cancel("retry");
    if (this.#topicsLeft().length === 0) return;
    if (this.#rung === "sse") this.#openSse(false);
    else this.#openPoll();
  }

  #disconnect() {
    this.#link?.close();
    this.#link = null;
    this.#attempt = null;
    this.#timers.cancel("watch");
    this.#timers.cancel("drain");
    this.#timers.cancel("next");
  }

  #address(parameters) {
    if (this.cursor) parameters.after = this.cursor;
    return this.url(this.#topicsLeft(), parameters);
  }

  #topicsLeft() {
    return this.topics.filter((topic) => !this.#ended.has(topic));
  }

  // -- server-sent events

  #openSse(probing) {
    const heartbeat = probing ? this.t.probeHeartbeat : this.#heartbeat;
    const attempt = { hello: null, probing };
    this.#attempt = attempt;
    this.#lastByte = this.env.now();
    this.#link = openSse({
      url: this.#address(heartbeat ? { heartbeat } : {}),
      EventSource: this.env.EventSource,
      onMessage: (type, id, body) => this.#onSse(attempt, type, id, body),
      onFailure: () => this.#onSseEnded(attempt),
    });
    this.#watch(this.t.hello);
  }

  #onSse(attempt, type, id, body) {
    this.#lastByte = this.env.now();
    if (type === "HELLO") {
      attempt.hello = this.#lastByte;
      this.#interval = 1000 * (body.heartbeat ?? 15);
      this.#limit = this.t.silence * this.#interval;
      if (!attempt.probing) this.#carried();
    } else if (attempt.probing && attempt.hello !== null) {
      attempt.probing = false;
      this.#carried();
    }
    this.#take(type, id, body);
  }

  #carried() {
    this.#rung = "sse";
    this.#refused = 0;
    this.#probe = 0;
    this.#timers.cancel("probe");
    this.memory?.set(null);
    this.#report("live", "sse");
  }

  #onSseEnded(attempt) {
    const now = this.env.now();
    this.#disconnect();
    if (this.#topicsLeft().length === 0) return;
    if (attempt.probing) return this.#probeFailed();
    if (attempt.hello === null) return this.#diagnose();

    const lived = now - attempt.hello;
    const silent = now - this.#lastByte;
    if (lived >= this.t.longLived) this.#heartbeat = null;
    else if (silent > this.t.quick) this.#heartbeat = clamp(Math.floor(silent / 2000), 2, 30);
    this.#cuts = lived < this.t.quick ? this.#cuts + 1 : 0;
    if (this.#cuts >= this.t.quickFailures) return this.#fallBack("cut");
    this.#graceful();
    if (this.#cuts <= 1) return this.#connect();
    return this.#retryIn(this.#jitter(this.t.backoff * this.#cuts));
  }

  // An EventSource does not say why it failed; one plain poll does, and delivers what it finds.
  #diagnose() {
    this.#heartbeat = null;
    this.#link = this.#poll(0, {
      onAnswer: (answer) => {
        this.#link = null;
        this.#takeAnswer(answer);
        this.#refused += 1;
        if (this.#refused >= 2) this.#fallBack("refused");
        else this.#connect();
      },
      onFailure: (failure) => this.#outageOf(failure),
    });
  }

  // -- polls

  #poll(wait, { onAnswer, onFailure }) {
    const { fetch, now, setTimeout, clearTimeout } = this.env;
    this.#serial += 1;
    return openPoll({
      // Unique, because a cache would answer several pages with one waiting request.
      url: this.#address({ wait: Math.floor(wait / 1000), _: `${now().toString(36)}.${this.#serial}` }),
      limit: wait + this.t.answerWithin,
      fetch, now, setTimeout, clearTimeout, onAnswer, onFailure,
    });
  }

  #openPoll() {
    const wait = this.#rung === "poll" || this.#confirm ? 0 : this.#wait;
    this.#link = this.#poll(wait, {
      onAnswer: (answer, elapsed) => this.#onAnswer(answer, wait, elapsed),
      onFailure: (failure, elapsed) => this.#onPollFailed(failure, wait, elapsed),
    });
  }

  #onAnswer(answer, wait, elapsed) {
    this.#link = null;
    const afterOutage = this.#outage !== null;
    this.#takeAnswer(answer);
    this.#report("polling", this.#rung);
    if (this.status.reason === "mute") this.memory?.set("mute");
    if (!this.#timers.has("probe")) this.#scheduleProbe();
    if (afterOutage) return this.#startProbe();
    const empty = answer.events.length === 0 && !answer.reset && !answer.ended?.length;
    if (wait > 0 && empty && elapsed < Math.min(1000, wait / 2)) return this.#refusedPoll();
    if (wait > 0) this.#quick = 0;
    this.#confirm = false;
    if (this.#rung === "poll") return this.#timers.set("next", this.t.pollEvery, () => this.#connect());
    return this.#connect();
  }

  #onPollFailed(failure, wait, elapsed) {
    this.#link = null;
    const cut = failure.kind === "network" || failure.kind === "status";
    if (wait === 0 || !cut) return this.#outageOf(failure);
    if (elapsed <= this.t.quick) return this.#refusedPoll();
    this.#wait = Math.min(this.#wait, elapsed / 2);
    if (this.#wait < this.t.shortestWait) this.#stepDown("short");
    this.#confirm = true;
    return this.#connect();
  }

  #refusedPoll() {
    this.#quick += 1;
    if (this.#quick >= this.t.quickFailures) this.#stepDown("refused");
    this.#confirm = true;
    return this.#retryIn(this.#jitter(this.t.backoff), false);
  }

  // -- falling back and climbing up

  #fallBack(reason) {
    this.#disconnect();
    this.#rung = "long-poll";
    this.#wait = this.t.wait;
    this.#quick = 0;
    this.#cuts = 0;
    this.#refused = 0;
    this.#confirm = true;
    this.#note(reason);
    this.#scheduleProbe();
    this.#connect();
  }

  #stepDown(reason) {
    this.#rung = "poll";
    this.#note(reason);
  }

  #note(reason) {
    this.status.reason = reason;
    this.status.fellBack = this.env.now();
  }

  #scheduleProbe() {
    const pause = this.t.probes[Math.min(this.#probe, this.t.probes.length - 1)];
    this.#timers.set("probe", pause, () => this.#startProbe());
  }

  // The probe takes the place of the poll; it hears a second event within seconds or gives way.
  #startProbe() {
    this.#timers.cancel("probe");
    if (this.status.state === "offline") return this.#scheduleProbe();
    this.#disconnect();
    this.#timers.cancel("retry");
    return this.#openSse(true);
  }

  #probeFailed() {
    this.#probe += 1;
    if (this.#rung === "poll") { // give waiting another chance too; one failure brings it down
      this.#rung = "long-poll";
      this.#wait = this.t.wait;
      this.#quick = this.t.quickFailures - 1;
    }
    this.#confirm = true;
    this.#scheduleProbe();
    this.#connect();
  }

  // -- silence and outages

  // One timer that compares timestamps: ticks come late in hidden and sleeping pages.
  #watch(limit) {
    this.#limit = limit;
    this.#armWatch(limit);
  }

  #armWatch(pause) {
    const due = this.env.now() + pause;
    this.#timers.set("watch", pause, () => {
      const now = this.env.now();
      const left = this.#lastByte + this.#limit - now;
      if (left > 0) this.#armWatch(left);
      else if (now - due > this.t.lateTimer) this.#armWatch(this.t.drain);
      else if (this.#attempt?.probing) {
        this.#disconnect();
        this.#probeFailed();
      } else this.#fallBack(this.#attempt?.hello == null ? "mute" : "silent");
    });
  }

  // A normal end of a stream is no news, unless the next one does not come.
  #graceful() {
    if (this.status.state === "offline" && !this.status.connecting) return;
    this.#timers.set("grace", this.t.grace, () => this.#report("offline", this.status.transport));
  }

  #outageOf(failure) {
    this.#link = null;
    const { now } = this.env;
    this.status.problem = failure;
    if (failure.kind === "denied") {
      this.#retryIn(this.t.denied);
      this.on.denied(failure.status);
      return;
    }
    this.#outage ??= now();
    this.#failures += 1;
    this.#wait = this.t.wait; // what was learnt from cuts may have been the outage
    const short = now() - this.#outage < this.t.shortOutage && failure.kind !== "html";
    const most = short ? this.t.shortBackoff : this.t.longBackoff;
    const pause = failure.kind === "html" ? most : this.t.backoff * 2 ** (this.#failures - 1);
    this.#retryIn(this.#jitter(Math.min(pause, most)));
  }

  #retryIn(pause, offline = this.#outage !== null || this.status.problem !== null) {
    this.status.retryAt = this.env.now() + pause;
    if (offline) this.#report("offline", this.status.transport);
    this.#timers.set("retry", pause, () => this.#connect());
  }

  #jitter(pause) {
    return pause * (0.5 + 0.5 * this.env.random());
  }

  // -- what arrives

  #take(type, id, body) {
    if (type === "HELLO") {
      // With a cursor of our own, HELLO must not move it: a RESET may follow and get lost.
      this.cursor ??= id || null;
    } else if (type === "HEARTBEAT") {
      if (id && isAfter(id, this.cursor)) this.cursor = id;
    } else if (type === "RESET") {
      this.cursor = id;
      this.on.reset(body.reason ?? null);
    } else if (type === "END") {
      this.#ended.add(body.topic);
      this.on.end(body.topic);
    } else if (isAfter(id, this.cursor)) {
      this.cursor = id;
      this.status.lastEvent = this.env.now();
      this.on.event(body);
    }
  }

  #takeAnswer(answer) {
    this.#outage = null;
    if (answer.reset) this.#take("RESET", answer.cursor, answer.reset.reason ? answer.reset : { reason: answer.reset });
    const { topics } = this;
    for (const event of answer.events) {
      this.#take(event.type, event.id, event);
      if (this.topics !== topics) return; // the rest of this answer lacks the new topic: ask again
    }
    this.cursor = answer.cursor;
    for (const topic of answer.ended ?? []) this.#take("END", null, { topic });
  }

  // -- small things

  #report(state, transport) {
    this.#timers.cancel("grace");
    const changed = this.status.state !== state || this.status.connecting;
    if (state !== "offline") {
      this.#outage = null;
      this.#failures = 0;
      this.status.problem = null;
      this.status.retryAt = null;
    }
    Object.assign(this.status, { state, transport, connecting: false });
    if (changed) this.status.since = this.env.now();
    this.on.status(this.status);
  }
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
