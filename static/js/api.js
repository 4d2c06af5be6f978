// Requests to the API. Errors are ApiError with words for the reader.

import { root } from "./page.js";
import { timings } from "./stream/timings.js";

export class ApiError extends Error {
  // errors: [{field, message}], what is wrong with which field
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

const { reply } = timings();

export async function api(method, path, { body, signal, unreachable } = {}) {
  // On a connection that is dead without a word, a request would hang for many minutes.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException("no answer", "TimeoutError")), reply);
  let response;
  let answer;
  try {
    response = await fetch(root + path, {
      method,
      signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
      cache: "no-store",
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(method === "POST" ? { "Idempotency-Key": idempotencyKey() } : {}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    }).finally(() => clearTimeout(timer));
    const type = response.headers.get("content-type") ?? "";
    answer = type.includes("json") ? await response.json() : null;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, unreachable ?? error.message);
  }
  const ours = answer !== null || response.status === 204;
  if (response.ok && ours) return answer;
  throw new ApiError(response.status, answer?.detail ?? `HTTP ${response.status}`, answer?.errors);
}

// crypto.randomUUID is missing on plain HTTP with a LAN name.
function idempotencyKey() {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return `page-${[...words].map((word) => word.toString(36)).join("")}`;
}
