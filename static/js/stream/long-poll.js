// One poll. A wait of 0 makes it a plain one. The loop around it is the state machine's.

// -> { close() }. It calls one of
//    onAnswer(answer, elapsed)
//    onFailure({ kind, status?, after?, topics? }, elapsed), `kind` being
//      login, forbidden, missing, denied   the server refused: 401, 403, 404, another 4xx
//      busy      429, or our 503 with a Retry-After: come back in `after` milliseconds
//      status    another HTTP error, perhaps of a box in between
//      html      something else than LiveQueue answers
//      network   no answer, or none in time
// `limit`: until it begins to answer; `bodyLimit`: until all of it is here. Milliseconds.
export function openPoll({
  url, fetch, now, setTimeout, clearTimeout, limit, bodyLimit, onAnswer, onFailure,
}) {
  const started = now();
  const abort = new AbortController();
  let open = true;
  let timer = setTimeout(() => abort.abort(), limit);

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
    if (!open) return;
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), bodyLimit);
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok) return finish(onFailure, await failureOf(response, type));
    if (!type.startsWith("application/json")) return finish(onFailure, { kind: "html" });
    const answer = await response.json();
    return Array.isArray(answer?.events)
      ? finish(onAnswer, answer)
      : finish(onFailure, { kind: "html" });
  };
  run().catch(() => finish(onFailure, { kind: "network" }));
  return { close };
}

const REFUSALS = { 401: "login", 403: "forbidden" };

async function failureOf(response, type) {
  const { status } = response;
  if (REFUSALS[status]) return { kind: REFUSALS[status], status };
  // What is not ours comes from a box in between: its 404 passes, and its 503 says only that the
  // server is away for a moment (Varnish's asks for 5 s).
  const ours = type.startsWith("application/problem+json");
  const after = Number(response.headers.get("retry-after"));
  if (status === 429 || (ours && status === 503 && after > 0)) {
    return { kind: "busy", status, after: Number.isFinite(after) ? after * 1000 : 0 };
  }
  if (!ours || status < 400 || status >= 500 || status === 408) return { kind: "status", status };
  if (status !== 404) return { kind: "denied", status };
  const { errors } = await response.json();
  return { kind: "missing", status, topics: (errors ?? []).map((error) => error.field) };
}
