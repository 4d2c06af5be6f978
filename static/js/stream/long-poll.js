// One poll. A wait of 0 makes it a plain one. The loop around it is the state machine's.

const LOGIN_STATUSES = [401, 403];

export function openPoll({ url, fetch, now, setTimeout, clearTimeout, limit, onAnswer, onFailure }) {
  const started = now();
  const abort = new AbortController();
  let open = true;
  const timer = setTimeout(() => abort.abort(), limit);

  const close = () => {
    open = false;
    clearTimeout(timer);
    abort.abort();
  };
  const finish = (report, value) => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    report(value, now() - started);
  };

  const run = async () => {
    const response = await fetch(url, {
      headers: { Accept: "application/json" },
      cache: "no-store",
      credentials: "same-origin",
      signal: abort.signal,
    });
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok) return finish(onFailure, failureOf(response, type));
    if (!type.startsWith("application/json")) return finish(onFailure, { kind: "html" });
    const answer = await response.json();
    return Array.isArray(answer?.events)
      ? finish(onAnswer, answer)
      : finish(onFailure, { kind: "html" });
  };
  run().catch(() => finish(onFailure, { kind: "network" }));
  return { close };
}

function failureOf(response, type) {
  const { status } = response;
  if (LOGIN_STATUSES.includes(status)) return { kind: "denied", status };
  // A 404 that is not ours comes from a box in between and passes.
  const ours = type.startsWith("application/problem+json");
  if (ours && status >= 400 && status < 500 && status !== 408 && status !== 429) {
    return { kind: "denied", status };
  }
  return { kind: "status", status };
}
