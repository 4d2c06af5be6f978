// What the page measures. What it means is for the server to say, so that page and terminal agree.

import { beginning, json, pieces } from "./answer.js";

export const EVENTS = 6;
const PAUSE = 0.4; // seconds between them
const SIZE = 1000; // bytes of every second one; all together less than the 4 KB buffers of boxes
const QUICK = 8000; // ms a quick probe may take
const SLACK = 10000; // ms a slow one may take longer than asked
const PAGE = 300; // characters of an error page that are kept
const PROTOCOLS = { h2: "2", h3: "3", "http/1.1": "1.1", "http/1.0": "1.0" };

// LiveQueue does not answer; kind: network, html, status
export class Unreached extends Error {
  constructor(kind, { status = 0, detail = "" } = {}) {
    super(kind);
    Object.assign(this, { kind, status, detail });
  }
}

export class Probes {
  // base: address of the server, with a slash at its end
  constructor({ base, fetch = globalThis.fetch.bind(globalThis), now = () => performance.now() }) {
    this.base = base;
    this.fetch = fetch;
    this.now = now;
  }

  async seen(signal) {
    const url = this.#address("seen");
    const begun = this.now();
    const { response, answer } = await this.#ask(url, signal);
    const took = this.now() - begun;
    if (answer.name !== "LiveQueue") throw new Unreached("html");
    return {
      answer,
      first_byte: seconds(took),
      server: response.headers.get("server") ?? "",
      via: response.headers.get("via") ?? "",
      ...(await timingOf(url)),
    };
  }

  async verdict(measured, signal) {
    return (await this.#ask(this.#address("verdict", measured), signal)).answer;
  }

  stream(type, signal) {
    return this.#stream({ count: EVENTS, pause: PAUSE, size: SIZE, type }, QUICK, signal);
  }

  silence(whole, signal) {
    return this.#stream({ count: 2, pause: whole }, whole * 1000 + SLACK, signal);
  }

  async write(signal) {
    try {
      const limit = limited(signal, QUICK);
      const request = { method: "POST", cache: "no-store", credentials: "same-origin", signal: limit };
      return (await this.fetch(this.#address("write"), request)).status;
    } catch {
      signal.throwIfAborted();
      return 0;
    }
  }

  async poll(whole, signal) {
    const begun = this.now();
    const result = { status: 0, lived: 0, page: "", stopping: false };
    try {
      const response = await this.#get(this.#address("poll", { wait: whole }), limited(signal, whole * 1000 + SLACK));
      if (isOurs(response)) {
        const answer = await json(response);
        Object.assign(result, { status: response.status, stopping: answer.stopping === true });
      } else {
        result.page = (await beginning(response)).slice(0, PAGE);
        result.status = response.ok ? 0 : response.status;
      }
    } catch {
      signal.throwIfAborted();
    }
    result.lived = seconds(this.now() - begun);
    return result;
  }

  async #stream(query, limit, signal) {
    const result = {
      status: 0, encoding: "", page: "", sent: [], arrived: [], whole: false, stopping: false, lived: 0,
    };
    const begun = this.now();
    try {
      await this.#follow(query, limited(signal, limit), result, () => seconds(this.now() - begun));
    } catch {
      signal.throwIfAborted();
    }
    result.lived = seconds(this.now() - begun);
    return result;
  }

  async #follow(query, signal, result, age) {
    const accept = query.type ?? "text/event-stream";
    const response = await this.#get(this.#address("stream", query), signal, accept);
    result.status = response.status;
    result.encoding = response.headers.get("content-encoding") ?? "";
    if (!response.ok) {
      result.page = (await beginning(response)).slice(0, PAGE);
      return;
    }
    let rest = "";
    for await (const piece of pieces(response)) {
      const frames = (rest + piece).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) take(frame, age(), result);
    }
    result.page ||= rest.slice(0, PAGE); // no stream of ours
  }

  #address(name, query = {}) {
    const url = new URL(`api/network/${name}`, this.base);
    for (const [key, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== null) url.searchParams.append(key, one);
      }
    }
    // Caches merge equal requests.
    url.searchParams.set("nonce", Math.random().toString(36).slice(2, 10));
    return url.href;
  }

  #get(url, signal, accept = "application/json") {
    const headers = { Accept: accept };
    return this.fetch(url, { headers, cache: "no-store", credentials: "same-origin", redirect: "manual", signal });
  }

  // The answer of a small request. Throws Unreached.
  async #ask(url, signal) {
    let response;
    try {
      response = await this.#get(url, limited(signal, QUICK));
      if (response.type === "opaqueredirect") throw new Unreached("html");
      const answer = isOurs(response) ? await json(response) : null;
      if (response.ok && answer) return { response, answer };
      if (answer?.detail) throw new Unreached("status", { status: response.status, detail: answer.detail });
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof Unreached ? error : new Unreached("network");
    }
    if (response.status >= 500) throw new Unreached("status", { status: response.status });
    throw new Unreached("html");
  }
}

function take(frame, now, result) {
  let event;
  try {
    event = JSON.parse(frame.slice(frame.indexOf("\ndata: ") + 7));
  } catch { // not ours
    result.page ||= frame.slice(0, PAGE);
    return;
  }
  if (event.stopping) {
    result.stopping = true;
    return;
  }
  result.sent.push(event.at);
  result.arrived.push(now);
  result.whole = event.last;
}

function isOurs(response) {
  return (response.headers.get("content-type") ?? "").startsWith("application/");
}

function limited(signal, limit) {
  return AbortSignal.any([signal, AbortSignal.timeout(Math.round(limit))]);
}

function seconds(ms) {
  return Math.round(ms) / 1000;
}

// What the browser noted of a request; it may do so a moment after the answer.
async function timingOf(url) {
  for (let tries = 0; tries < 10; tries += 1) {
    const [entry] = performance.getEntriesByName(url);
    if (entry) {
      const connecting = entry.domainLookupEnd - entry.domainLookupStart + entry.connectEnd - entry.connectStart;
      const queued = entry.requestStart > 0 ? entry.requestStart - entry.startTime - connecting : 0;
      return { http: PROTOCOLS[entry.nextHopProtocol] ?? "", queued: seconds(Math.max(0, queued)) };
    }
    await new Promise((resume) => setTimeout(resume, 20));
  }
  return { http: "", queued: 0 };
}
