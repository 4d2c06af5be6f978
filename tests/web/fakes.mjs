// A browser of our own: a clock that is turned by hand, and transports that do as they are told.

import { Clock } from "./clock.mjs";
import { Stream } from "../../static/js/stream/stream.js";

export class World extends Clock {
  constructor(options = {}) {
    super();
    this.sources = []; // every EventSource ever opened
    this.polls = []; // every poll ever sent
    this.seen = [];
    this.states = [];
    this.resets = [];
    const world = this;
    this.env = {
      ...this.env,
      EventSource: class {
        constructor(url) {
          Object.assign(this, { url, closed: false, listeners: {} });
          world.sources.push(this);
        }
        addEventListener(type, listener) {
          this.listeners[type] = listener;
        }
        close() {
          this.closed = true;
        }
        send(type, id, body = {}) {
          this.listeners[type]?.({ type, lastEventId: id, data: JSON.stringify({ type, id, ...body }) });
        }
        hello(id = "e-0", heartbeat = 15) {
          this.send("HELLO", id, { heartbeat });
        }
        fail() {
          this.onerror();
        }
      },
      fetch: (url, { signal }) =>
        new Promise((resolve, reject) => {
          const poll = { url: new URL(url, "http://x"), open: true };
          signal.addEventListener("abort", () => {
            poll.open = false;
            reject(new Error("aborted"));
          });
          poll.respond = (status, type, body, headers = {}) => {
            poll.open = false;
            const all = { "content-type": type, ...headers };
            resolve({
              ok: status < 400, status, headers: { get: (name) => all[name] ?? null },
              json: async () => body,
            });
          };
          poll.answer = (cursor, events = [], more = {}) =>
            poll.respond(200, "application/json", { events, cursor, reset: null, ended: [], ...more });
          poll.break = () => {
            poll.open = false;
            reject(new Error("network"));
          };
          this.polls.push(poll);
        }),
    };
    this.stream = new Stream({
      url: (topics, parameters) => `/events/${topics.join(",")}?${new URLSearchParams(parameters)}`,
      topics: ["system"],
      cursor: "e-0",
      env: this.env,
      handlers: {
        event: (event) => this.seen.push(event.id),
        status: ({ state, transport }) => this.states.push(`${state} ${transport}`),
        reset: (reason) => this.resets.push(reason),
        denied: (status) => this.states.push(`denied ${status}`),
      },
      ...options,
    });
  }

  get source() {
    return this.sources.at(-1);
  }

  get poll() {
    return this.polls.at(-1);
  }

  get open() {
    return this.sources.filter((source) => !source.closed).length + this.polls.filter((poll) => poll.open).length;
  }

  get state() {
    return `${this.stream.status.state} ${this.stream.status.transport}`;
  }

  after(url = this.source.url) {
    return new URL(url, "http://x").searchParams.get("after");
  }
}

export function event(id, type = "TASK_UPDATED", data = {}) {
  return { id, type, data };
}
