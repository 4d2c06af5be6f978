// The SharedWorker that holds the stream of all tabs (by-worker.js starts it).

import { Exchange } from "./exchange.js";
import { addresses } from "./address.js";

const root = new URL("../../../../", self.location.href).href; // this is assets/HASH/js/stream/
let exchange = null;

self.onconnect = ({ ports: [channel] }) => {
  const port = { send: (message) => channel.postMessage(message) };
  channel.onmessage = ({ data }) => {
    if (!globalThis.EventSource) {
      port.send({ type: "unfit" });
      return;
    }
    exchange ??= new Exchange({ url: addresses(root), timings: data.timings });
    exchange.receive(port, data);
  };
};
