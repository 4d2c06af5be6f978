// The second way: the tab that has the lock holds the stream and serves the others over a
// BroadcastChannel. The browser passes the lock on when that tab closes or crashes; from one that
// is frozen it is taken away.

import { Exchange } from "./exchange.js";

const NAME = "livequeue";
const LEADER = "leader";
const ALL = "all";

// `root`: of the server, so that two under one host name have nothing to do with each other
// -> { send(message), recover(), close() }; null where there are no locks (plain HTTP)
export function byLeader({ root, options, receive }) {
  if (!navigator.locks || !globalThis.BroadcastChannel) return null;
  const name = `${NAME} ${root}`;
  const id = `${Date.now().toString(36)}.${Math.random().toString(36).slice(2)}`;
  const channel = new BroadcastChannel(name);
  const ports = new Map(); // of the others, while we lead
  const own = { send: (message) => queueMicrotask(() => receive(message)) };
  let exchange = null;
  let release = () => {};
  let waiting = null;
  let open = true;

  const portOf = (from) => {
    if (!ports.has(from)) {
      ports.set(from, { send: (message) => channel.postMessage({ to: from, message }) });
    }
    return ports.get(from);
  };
  channel.onmessage = ({ data: { to, from, message } }) => {
    if (to === id || to === ALL) receive(message);
    else if (to === LEADER && exchange) exchange.receive(portOf(from), message);
  };

  const lead = () =>
    new Promise((resolve) => {
      if (!open) return resolve();
      release = resolve;
      exchange = new Exchange(options);
      const again = { type: "unknown" };
      channel.postMessage({ to: ALL, message: again });
      return receive(again);
    });
  const resign = () => {
    exchange?.close();
    exchange = null;
    ports.clear();
  };
  const request = async (how) => {
    try {
      await navigator.locks.request(name, how, lead);
    } catch { // given up, or stolen while this tab was frozen: be a follower
      resign();
      if (open && !how.signal?.aborted) {
        wait();
        receive({ type: "unknown" });
      }
    }
  };
  const wait = () => {
    waiting = new AbortController();
    request({ signal: waiting.signal });
  };
  wait();

  return {
    role: () => (exchange ? "leader" : "follower"),
    send: (message) => {
      if (exchange) exchange.receive(own, message);
      else channel.postMessage({ to: LEADER, from: id, message });
    },
    recover: () => {
      waiting.abort();
      request({ steal: true });
    },
    close: () => {
      open = false;
      resign();
      release();
      waiting.abort();
      channel.close();
    },
  };
}
