// The first way to share a stream: a SharedWorker holds it. It outlives the tab that began it, and
// works on plain HTTP too; when it dies with a crashed tab, the others begin a new one.

const ADDRESS = new URL("./worker.js", import.meta.url);

// -> { send(message), recover(), close() }; null where there are no SharedWorkers
export function byWorker({ receive, fail }) {
  if (!globalThis.SharedWorker) return null;
  let port;
  const open = () => {
    const worker = new SharedWorker(ADDRESS, { type: "module", name: "livequeue" });
    worker.onerror = () => fail();
    port = worker.port;
    port.onmessage = ({ data }) => receive(data);
  };
  try {
    open();
  } catch { // forbidden here
    return null;
  }
  return {
    role: () => "worker",
    send: (message) => port.postMessage(message),
    recover: () => {
      port.close();
      open();
      receive({ type: "unknown" });
    },
    close: () => port.close(),
  };
}
