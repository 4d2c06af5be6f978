// A browser with several tabs, one exchange and a server, all by hand: a clock that is turned,
// messages that take their time, and a server that can restart.

import { Exchange } from "../../static/js/stream/exchange.js";
import { SharedStream } from "../../static/js/stream/shared.js";

export function concerns(event, topics) {
  return event.type === "LOG"
    ? topics.includes(`task:${event.data.task_id}`)
    : topics.includes("system") || topics.includes(`task:${event.data.id}`);
}

// The event log and its streams.
export class Server {
  log = [];
  life = 1;
  open = new Set();
  opened = [];
  missing = new Set();
  unreachable = () => false;

  constructor(clock) {
    const server = this;
    this.clock = clock;
    this.env = {
      ...clock.env,
      EventSource: class {
        constructor(url) {
          this.listeners = {};
          this.url = new URL(url, "http://x");
          server.#connect(this);
        }
        addEventListener(type, listener) {
          this.listeners[type] = listener;
        }
        close() {
          this.closed = true;
          server.open.delete(this);
        }
        send(type, id, body = {}) {
          if (!this.closed) this.listeners[type]?.({ type, lastEventId: id, data: JSON.stringify(body) });
        }
      },
      fetch: (url, { signal }) => this.#poll(new URL(url, "http://x"), signal),
    };
  }

  get head() {
    return this.log.at(-1)?.id ?? `e${this.life}-0`;
  }

  publish(type, data) {
    const event = { id: `e${this.life}-${this.log.length + 1}`, type, data };
    this.log.push(event);
    for (const source of this.open) if (concerns(event, source.topics)) source.send(type, event.id, event);
    return event;
  }

  restart() {
    this.life += 1;
    for (const source of [...this.open]) {
      this.open.delete(source);
      source.onerror();
    }
  }

  // A poll is answered after a moment, whatever wait it asks for.
  #poll(url, signal) {
    const topics = url.pathname.split("/").at(-1).split(",");
    if (this.unreachable(url)) return Promise.reject(new Error("unreachable"));
    if (url.pathname.endsWith("/healthz")) {
      return Promise.resolve({ ok: true, headers: { get: () => "application/json" } });
    }
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
      this.clock.env.setTimeout(() => {
        const missing = topics.filter((topic) => this.missing.has(topic));
        const after = Number(url.searchParams.get("after").split("-").at(-1));
        const events = this.log.slice(after).filter((event) => concerns(event, topics));
        const body = missing.length > 0
          ? { errors: missing.map((field) => ({ field })) }
          : { events, cursor: this.head, reset: null, ended: [] };
        const type = `application/${missing.length > 0 ? "problem+" : ""}json`;
        resolve({
          ok: missing.length === 0, status: missing.length === 0 ? 200 : 404,
          headers: { get: (name) => (name === "content-type" ? type : null) },
          json: async () => body,
        });
      }, 20);
    });
  }

  #connect(source) {
    this.opened.push(source.url);
    source.topics = source.url.pathname.split("/").at(-1).split(",");
    this.clock.env.setTimeout(() => {
      if (source.closed) return;
      const missing = source.topics.some((topic) => this.missing.has(topic));
      if (missing || this.unreachable(source.url)) {
        source.onerror();
        return;
      }
      const after = Number(source.url.searchParams.get("after").split("-").at(-1));
      source.send("HELLO", this.head, { heartbeat: 15 });
      for (const event of this.log.slice(after)) {
        if (concerns(event, source.topics)) source.send(event.type, event.id, event);
      }
      this.open.add(source);
      this.#beat(source, 1000);
    }, 20);
  }

  #beat(source, pause) {
    this.clock.env.setTimeout(() => {
      if (source.closed || !this.open.has(source)) return;
      source.send("HEARTBEAT", this.head);
      this.#beat(source, 15000);
    }, pause);
  }
}

// Tabs and whoever holds their stream; `lag()`: how long a message between them takes.
export class Browser {
  tabs = [];

  constructor(clock, server, { lag = () => 1 } = {}) {
    Object.assign(this, { clock, server, lag });
    this.revive();
  }

  revive() {
    this.exchange = new Exchange({
      url: (topics, parameters) => `/events/${topics.join(",")}?${new URLSearchParams(parameters)}`,
      env: this.server.env,
    });
  }

  // The process of the SharedWorker dies: no word from it any more, its stream ends.
  crash() {
    this.exchange.close();
    this.exchange = null;
  }

  // `second`: there is another way than the first holder.
  open(topics, cursor = this.server.head, { second = false } = {}) {
    const tab = new Tab(this, topics, cursor, second);
    this.tabs.push(tab);
    return tab;
  }
}

class Tab {
  seen = [];
  resets = [];
  statuses = [];
  gone = [];
  ended = [];
  verdict = null;
  frozen = false;

  constructor(browser, topics, cursor, second) {
    this.browser = browser;
    const other = (options) => {
      browser.revive();
      return this.#connect(options);
    };
    this.stream = new SharedStream({
      root: "http://x/",
      topics,
      cursor,
      env: browser.server.env,
      memory: { get: () => this.verdict, set: (reason) => (this.verdict = reason) },
      handlers: {
        event: (event) => this.seen.push(event),
        reset: (reason) => this.resets.push(reason),
        status: ({ state, transport }) => this.statuses.push(`${state} ${transport}`),
        gone: (topic) => this.gone.push(topic),
        end: (topic) => this.ended.push(topic),
        denied: (status) => this.gone.push(status),
      },
      ways: [["worker", (options) => this.#connect(options)], ...(second ? [["other", other]] : [])],
    });
    this.stream.start();
  }

  get ids() {
    return this.seen.map(({ id }) => id);
  }

  close() {
    this.stream.stop();
    this.browser.tabs = this.browser.tabs.filter((tab) => tab !== this);
  }

  // It dies without a word.
  crash() {
    this.stream.send = () => {};
    this.carrier.dead = true;
    this.stream.stop();
    this.browser.tabs = this.browser.tabs.filter((tab) => tab !== this);
  }

  #connect({ receive }) {
    const { browser } = this;
    const carrier = { dead: false };
    this.carrier = carrier;
    const later = ordered(browser.clock, browser.lag);
    const back = ordered(browser.clock, browser.lag);
    const join = () => {
      if (!browser.exchange) browser.revive();
      carrier.exchange = browser.exchange;
      carrier.port = { send: (message) => back(() => carrier.dead || receive(structuredClone(message))) };
    };
    join();
    return {
      role: () => "worker",
      send: (message) => {
        if (carrier.dead) return;
        const { exchange, port } = carrier;
        later(() => exchange === browser.exchange && exchange.receive(port, structuredClone(message)));
      },
      recover: () => {
        join();
        receive({ type: "unknown" });
      },
      close: () => {},
    };
  }
}

// Messages on one way do not overtake each other.
function ordered(clock, lag) {
  let last = 0;
  return (run) => {
    last = Math.max(last, clock.time + lag());
    clock.env.setTimeout(run, last - clock.time);
  };
}
