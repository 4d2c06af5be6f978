// The last way, where tabs cannot share: each asks for itself, only while it can be seen, and holds
// no connection, of which a browser has six for one server.

import { Exchange } from "./exchange.js";

// -> { send(message), recover(), close() }
export function alone({ options, receive }) {
  let exchange = null;
  const port = { send: (message) => queueMicrotask(() => receive(message)) };
  const stop = () => {
    exchange?.close();
    exchange = null;
  };
  const look = () => {
    if (document.hidden) stop();
    else {
      exchange ??= new Exchange({ ...options, ladder: false });
      receive({ type: "unknown" });
    }
  };
  document.addEventListener("visibilitychange", look);
  queueMicrotask(look);
  return {
    role: () => "alone",
    send: (message) => exchange?.receive(port, message),
    recover: look,
    close: () => {
      document.removeEventListener("visibilitychange", look);
      stop();
    },
  };
}
