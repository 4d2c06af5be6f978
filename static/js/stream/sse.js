// One server-sent event stream. It never reconnects by itself: the state machine decides.

export const CONTROL_TYPES = ["HELLO", "HEARTBEAT", "RESET", "END"];
export const EVENT_TYPES = [
  "TASK_CREATED", "TASK_UPDATED", "TASK_STATUS_CHANGED", "TASK_COMPLETED", "TASK_FAILED",
  "TASK_CANCELLED", "TASK_DELETED", "WORKER_UPDATED", "NOTICE", "LOG",
];

export function openSse({ url, EventSource, onMessage, onFailure }) {
  const source = new EventSource(url);
  let open = true;

  const close = () => {
    open = false;
    source.close();
  };
  const fail = () => {
    if (!open) return;
    close();
    onFailure();
  };
  const receive = (message) => {
    if (!open) return;
    let body;
    try {
      body = JSON.parse(message.data);
    } catch {
      fail();
      return;
    }
    onMessage(message.type, message.lastEventId, body);
  };

  for (const type of [...CONTROL_TYPES, ...EVENT_TYPES]) source.addEventListener(type, receive);
  source.onerror = fail;
  return { close };
}
