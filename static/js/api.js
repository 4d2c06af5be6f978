// Requests to the API. Errors are ApiError with words for the reader.

import { root } from "./page.js";

export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export async function api(method, path, { body, signal, unreachable } = {}) {
  let response;
  try {
    response = await fetch(root + path, {
      method,
      signal,
      cache: "no-store",
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(method === "POST" ? { "Idempotency-Key": idempotencyKey() } : {}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, unreachable ?? error.message);
  }
  const type = response.headers.get("content-type") ?? "";
  const answer = type.includes("json") ? await response.json() : null;
  if (response.ok) return answer;
  throw new ApiError(response.status, answer?.detail ?? `HTTP ${response.status}`);
}

// crypto.randomUUID is missing on plain HTTP with a LAN name.
function idempotencyKey() {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return `page-${[...words].map((word) => word.toString(36)).join("")}`;
}
