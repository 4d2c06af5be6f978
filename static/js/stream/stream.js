// The one connection to the server: a state machine over three transports with one cursor.
//
//   sse -- mute, held, silent, refused or cut --> long-poll -- cut short or refused --> poll
//    ^------------------ a probe carried: HELLO and a second event on time ------------'
//
// Exactly one transport is open at a time, but for a single snapshot while a new stream is still
// mute. It knows nothing of the page: exchange.js shares it among tabs.

import { openPoll } from "./long-poll.js";
import { openSse } from "./sse.js";
import { Subscription } from "./subscription.js";
import { BROWSER, Timers } from "./timers.js";
import { TIMINGS } from "./timings.js";
import { Watchdog } from "./watchdog.js";

const SILENT = {
  event() {}, position() {}, reset() {}, end() {}, gone() {}, status() {}, denied() {},
};
const LIMIT = 1000; // events in one answer
const APART = 300; // so long after HELLO, a second event proves that bytes flow
const REFUSALS = ["login", "forbidden", "missing", "denied"];
const HOPELESS = ["mute", "held"]; // reasons that will hold for the next page too

export class Stream {
  #subscription;
  #timers;
  #watchdog;
  #link = null;
  #opened = 0;
  #rung = "sse";
  #running = false;
  #interval = 15000;
  #heartbeat = null; // asked of the server when streams were cut while silent
  #attempt = null; // of an event stream: { probing, hello, flows, aside }
  #wait;
  #most = LIMIT; // events wanted in an answer: fewer where answers do not come through in time
  #confirm = false; // the next poll only asks whether the server answers
  #refused = 0;
  #cuts = 0;
  #quick = 0;
  #failures = 0;
  #outage = null;
  #probe = 0;
  #serial = 0;

  // url(topics, parameters) -> string
  // handlers: event(event), position(cursor), reset(reason), end(topic), gone(topic),
  //   status(status), denied(httpStatus)
  // memory: optional { get(), set(reason) } for the verdict that streams do not get through here
  // ladder: false for plain polls only
  constructor({
    url, topics, cursor = null, handlers = {}, timings = {}, memory = null, env = {}, ladder = true,
  }) {
    this.url = url;
    this.on = { ...SILENT, ...handlers };
    this.t = { ...TIMINGS, ...timings };
    this.env = { ...BROWSER, ...env };
    this.memory = memory;
    this.ladder = ladder;
    this.#subscription = new Subscription({
      topics,
      cursor,
      handlers: { ...this.on, event: (event) => this.#onEvent(event) },
    });
    this.#timers = new Timers(this.env);
    this.#watchdog = new Watchdog({
      timers: this.#timers, env: this.env, drain: this.t.drain, late: this.t.late,
      silent: () => this.#silent(),
    });
    this.status = {
      state: "offline", transport: "sse", connecting: true, since: this.env.now(),
      lastByte: null, lastEvent: null, overdue: 0,
      reason: null, fellBack: null, retryAt: null, problem: null,
    };
    this.#wait = this.t.wait;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    const verdict = this.memory?.get();
    if (!this.ladder) {
      this.#rung = "poll";
      this.#connect();
    } else if (verdict) this.#fallBack(verdict);
    else this.#connect();
  }

  // The page goes away (it may come back from the cache): nothing stays open.
  stop() {
    this.#running = false;
    this.#disconnect();
    this.#timers.clear();
  }

  get topics() {
    return this.#subscription.topics;
  }

  get cursor() {
    return this.#subscription.cursor;
  }

  // Other topics, from the same cursor or an earlier one.
  subscribe(topics, cursor = this.cursor) {
    this.#subscription.follow(topics, cursor);
    if (this.#running) this.#connect();
  }

  // Whether events of these topics arrive.
  carries(topics) {
    return this.#subscription.carries(topics);
  }

  // The network or the page came back. `certain`: the old connection is surely dead.
  wake(certain = false) {
    if (!this.#running || this.#subscription.left.length === 0) return;
    const age = this.env.now() - Math.max(this.#opened, this.#watchdog.lastByte);
    const stale = certain || age > this.t.fresh;
    if (this.status.state === "offline") {
      this.#failures = 0;
      if (stale || this.#timers.has("retry")) this.#connect();
    } else if (this.#attempt) {
      if (stale && !this.#attempt.probing) this.#connect();
    } else if (certain && this.ladder) this.#startProbe();
    else if (stale || this.#timers.has("next")) {
      this.#confirm = true;
      this.#connect();
    }
  }

  // -- connecting

  #connect() {
    this.#disconnect();
    this.#timers.cancel("retry");
    if (this.#subscription.left.length === 0) return;
    if (this.#rung === "sse") this.#openSse(false);
    else this.#openPoll();
  }

  #disconnect() {
    this.#attempt?.aside?.close();
    this.#attempt = null;
    this.#link?.close();
    this.#link = null;
    this.#watchdog.stop();
    for (const name of ["snapshot", "next"]) this.#timers.cancel(name);
  }

  #address(parameters) {
    parameters.skip = 1; // when we cannot keep up: ranges of log lines instead of all of them
    if (this.cursor) parameters.after = this.cursor;
    return this.url(this.#subscription.left, parameters);
  }

  // -- server-sent events

  #openSse(probing) {
    const attempt = { probing, hello: null, flows: false, aside: null };
    this.#attempt = attempt;
    this.#opened = this.env.now();
    this.#link = openSse({
      url: this.#address(this.#heartbeat ? { heartbeat: this.#heartbeat } : {}),
      EventSource: this.env.EventSource,
      onMessage: (type, id, body) => this.#onSse(attempt, type, id, body),
      onFailure: () => this.#onSseEnded(attempt),
    });
    this.#watchdog.watch(this.t.hello);
    this.#timers.set("snapshot", this.t.snapshot, () => this.#snapshot(attempt));
    if (!probing) this.#graceful();
  }

  #onSse(attempt, type, id, body) {
    this.#watchdog.touch();
    this.#heard();
    if (type === "HELLO") {
      attempt.hello = this.env.now();
      attempt.aside?.close();
      this.#timers.cancel("snapshot");
      this.#interval = 1000 * (body.heartbeat ?? 15);
      this.#watchdog.watch(Math.min(this.t.second, this.t.silence * this.#interval));
      if (!attempt.probing) this.#carries();
    } else if (attempt.hello !== null && !attempt.flows) {
      attempt.flows = this.env.now() - attempt.hello >= APART;
      if (attempt.flows) this.#flows(attempt);
    }
    this.#subscription.take(type, id, body);
  }

  #carries() {
    this.#rung = "sse";
    this.#refused = 0;
    this.#timers.cancel("probe");
    this.#report("live", "sse");
  }

  #flows(attempt) {
    this.#watchdog.watch(this.t.silence * this.#interval);
    this.status.overdue = 1.2 * this.#interval;
    this.#probe = 0;
    this.memory?.set(null);
    attempt.probing = false;
    this.#carries();
  }

  // A stream that says nothing at first may be mute: see meanwhile what there is.
  #snapshot(attempt) {
    attempt.aside = this.#poll(0, {
      onAnswer: (answer) => {
        attempt.aside = null;
        this.#heard();
        this.#takeAnswer(answer);
        if (attempt !== this.#attempt) return undefined;
        if (answer.reset) return attempt.probing ? this.#startProbe() : this.#connect();
        return attempt.probing ? undefined : this.#report("polling", "poll");
      },
      onFailure: (failure) => {
        attempt.aside = null;
        if (failure.kind === "network") return undefined; // it may be late as the stream is
        this.#disconnect();
        return attempt.probing ? this.#probeFailed() : this.#outageOf(failure);
      },
    });
  }

  #silent() {
    const { probing, hello, flows } = this.#attempt;
    this.#disconnect();
    if (probing) this.#probeFailed();
    else this.#fallBack(hello === null ? "mute" : flows ? "silent" : "held");
  }

  #onSseEnded(attempt) {
    const now = this.env.now();
    const silent = now - this.#watchdog.lastByte;
    this.#disconnect();
    if (this.#subscription.left.length === 0) return undefined;
    if (attempt.probing) return this.#probeFailed();
    if (attempt.hello === null) return this.#diagnose();

    const lived = now - attempt.hello;
    if (lived >= this.t.longLived) this.#heartbeat = null;
    else if (silent > this.t.quick / 2) this.#heartbeat = clamp(Math.floor(silent / 2000), 2, 30);
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
    const parameters = { wait: Math.floor(wait / 1000) };
    if (this.#most < LIMIT) parameters.limit = this.#most;
    // Unique, because a cache would answer several pages with one waiting request.
    parameters._ = `${now().toString(36)}.${this.#serial}`;
    return openPoll({
      url: this.#address(parameters),
      limit: wait + this.t.answerWithin,
      bodyLimit: this.t.bodyWithin,
      fetch, now, setTimeout, clearTimeout,
      onAnswer: (answer, elapsed) => {
        if (answer.events.length < this.#most) this.#most = LIMIT;
        onAnswer(answer, elapsed);
      },
      onFailure: (failure, elapsed) => {
        const timedOut = failure.kind === "network" && elapsed >= wait + this.t.answerWithin;
        if (timedOut) this.#most = Math.max(20, Math.floor(this.#most / 4));
        onFailure(failure, elapsed);
      },
    });
  }

  #openPoll() {
    const wait = this.#rung === "poll" || this.#confirm ? 0 : this.#wait;
    this.#opened = this.env.now();
    if (this.#confirm) this.#graceful();
    this.#link = this.#poll(wait, {
      onAnswer: (answer, elapsed) => this.#onAnswer(answer, wait, elapsed),
      onFailure: (failure, elapsed) => this.#onPollFailed(failure, wait, elapsed),
    });
  }

  #onAnswer(answer, wait, elapsed) {
    this.#link = null;
    const afterOutage = this.#outage !== null;
    this.#heard();
    this.status.overdue = 1.2 * (this.#rung === "poll" ? this.t.pollEvery : this.#wait);
    this.#takeAnswer(answer);
    this.#report("polling", this.#rung);
    const hopeless = HOPELESS.includes(this.status.reason);
    if (hopeless) this.memory?.set(this.status.reason);
    if (!this.#timers.has("probe")) this.#scheduleProbe();
    // What brought the outage may be what let no stream through. A mute box is not cured by it.
    if (afterOutage && this.ladder && !hopeless) return this.#startProbe();
    const empty = answer.events.length === 0 && !answer.reset && !answer.ended?.length;
    if (wait > 0 && empty && elapsed < Math.min(1000, wait / 2)) return this.#refusedPoll();
    if (wait > 0) this.#quick = 0;
    this.#confirm = false;
    if (this.#rung !== "poll") return this.#connect();
    const more = answer.events.length >= this.#most;
    return this.#timers.set("next", more ? 0 : this.t.pollEvery, () => this.#connect());
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
    if (!this.ladder) return;
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

  // -- outages

  // A normal end of a stream is no news, unless the next one does not come.
  #graceful() {
    if (this.status.state === "offline" && !this.status.connecting) return;
    if (this.#timers.has("grace")) return;
    this.#timers.set("grace", this.t.grace, () => this.#report("offline", this.status.transport));
  }

  #outageOf(failure) {
    this.#link = null;
    if (failure.kind === "missing" && this.#subscription.drop(failure.topics)) return this.#connect();
    this.status.problem = failure;
    if (REFUSALS.includes(failure.kind)) {
      this.#retryIn(this.t.refused);
      return this.on.denied(failure.status);
    }
    const now = this.env.now();
    this.#outage ??= now;
    this.#failures += 1;
    this.#wait = this.t.wait; // what was learnt from cuts may have been the outage
    const asked = Math.min(failure.after ?? 0, this.t.longestAsked);
    // Who is told that it asks too often, but not when to come back, had better take its time.
    const slow = failure.kind === "html" || (failure.kind === "busy" && asked === 0);
    const short = now - this.#outage < this.t.shortOutage && !slow;
    const most = short ? this.t.shortBackoff : this.t.longBackoff;
    const pause = failure.kind === "html" ? most : this.t.backoff * 2 ** (this.#failures - 1);
    return this.#retryIn(asked + this.#jitter(Math.min(pause, most)));
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

  #heard() {
    this.status.lastByte = this.env.now();
  }

  #onEvent(event) {
    this.status.lastEvent = this.env.now();
    this.on.event(event);
  }

  #takeAnswer(answer) {
    this.#outage = null;
    this.#subscription.takeAnswer(answer);
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
