// What stands above a log: its filters, the switches for how lines look, and the download. What is
// shown is in the address; how lines look is the reader's own, and kept here.

import { byId, root, setAttribute, setText } from "../page.js";
import { placeAtButton } from "../placing.js";

const LOOK = "livequeue.log"; // in the browser's storage
const TIMES = ["local", "utc", "relative", "off"];
const STREAMS = 30; // offered at most
const NARROW = "(max-width: 47.99em)";

export class Toolbar {
  // path: the API's for these lines
  // changed(): others are to be shown, or searched for; looks(): they are to look otherwise
  constructor({ context, query, path, changed, looks }) {
    Object.assign(this, { context, query, path, changed, looks });
    this.filters = byId("log-filters");
    this.look = remembered();
    placeAtButton(this.filters, () => this.#offerStreams());
    for (const id of ["log-looks", "log-downloads"]) placeAtButton(byId(id));
    this.filters.addEventListener("change", () => this.#filter());
    this.filters.addEventListener("submit", (event) => event.preventDefault());
    byId("log-tasks")?.addEventListener("keydown", ({ key }) => key === "Enter" && this.#filter());
    byId("log-unfilter").addEventListener("click", () => this.go(this.query.unfiltered()));
    byId("log-all").addEventListener("click", () => this.go(this.query.unfiltered().withOnly(false)));
    byId("log-looks").addEventListener("change", () => this.#looked());
    addEventListener("popstate", () => this.#show(this.query.from(location.search)));
    this.#drawLook();
    this.#draw();
  }

  // Shows something else; `push`: one step back leads to what was shown before.
  go(query, { push = true } = {}) {
    if (String(query) === String(this.query)) return;
    const text = String(query);
    const address = `${location.pathname}${text ? `?${text}` : ""}`;
    if (push) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    this.#show(query);
  }

  #show(query) {
    if (String(query) === String(this.query)) return; // only the line in the address is another one
    this.query = query;
    this.#draw();
    this.changed();
  }

  #draw() {
    const { query, filters } = this;
    this.#offerStreams();
    for (const box of filters.querySelectorAll("[type=checkbox]")) {
      box.checked = query.all(box.name).includes(box.value);
    }
    byId("log-since").value = toLocal(query.get("since"));
    byId("log-until").value = toLocal(query.get("until"));
    const tasks = byId("log-tasks");
    if (tasks) tasks.value = query.all("task").join(", ");
    const { t } = this.context;
    const count = query.filters;
    const button = byId("log-filters-button");
    button.classList.toggle("chosen", count > 0);
    setText(button.querySelector(".log-count"), count > 0 ? String(count) : "");
    button.setAttribute("aria-label", count > 0 ? t("log.filter.some", { count }) : t("log.filter"));
    byId("log-unfilter").hidden = count === 0;
    this.#drawDownloads();
  }

  // -- filters

  #filter() {
    const chosen = (name) => [...this.filters.querySelectorAll(`[name="${name}"]:checked`)].map((box) => box.value);
    let query = this.query
      .with("level", ...chosen("level"))
      .with("stream", ...chosen("stream"))
      .with("since", fromLocal(byId("log-since").value))
      .with("until", fromLocal(byId("log-until").value));
    const tasks = byId("log-tasks");
    if (tasks) query = query.with("queue", ...chosen("queue")).with("task", ...(tasks.value.match(/\d+/g) ?? []));
    this.go(query);
  }

  // Streams are whatever producers call them: those of the lines in sight can be chosen.
  #offerStreams() {
    const offer = byId("log-streams");
    const offered = new Set([...offer.querySelectorAll("input")].map((box) => box.value));
    const chosen = this.query.all("stream");
    const seen = [...document.querySelectorAll(".log-line[data-stream]")].map((line) => line.dataset.stream);
    for (const stream of new Set([...chosen, ...seen])) {
      if (offered.has(stream) || (offered.size >= STREAMS && !chosen.includes(stream))) continue;
      const label = offer.querySelector("label").cloneNode(true);
      label.querySelector("input").value = stream;
      label.querySelector("input").checked = false;
      label.querySelector("span").textContent = stream;
      offer.append(label);
      offered.add(stream);
    }
  }

  // -- looks

  #looked() {
    const times = document.querySelector("#log-looks [name=times]:checked").value;
    this.look = { times, raw: byId("log-raw").checked, wrap: byId("log-wrap").checked };
    try {
      localStorage.setItem(LOOK, JSON.stringify(this.look));
    } catch {
      // storage is full or forbidden: it holds for this page
    }
    this.#drawLook();
    this.looks();
  }

  // Wraps long lines, or no longer.
  wrap() {
    byId("log-wrap").click();
  }

  #drawLook() {
    const { times, raw, wrap } = this.look;
    for (const box of document.querySelectorAll("#log-looks [name=times]")) box.checked = box.value === times;
    byId("log-raw").checked = raw;
    byId("log-wrap").checked = wrap;
    byId("log").classList.toggle("wrap", wrap);
    this.#tellLook();
  }

  // What is not as usual can be seen without opening anything.
  #tellLook() {
    const { t } = this.context;
    const { times, raw, wrap } = this.look;
    const usual = standard();
    const said = [
      times === usual.times ? "" : t(`log.times.${times}`),
      wrap ? "" : t("log.wrap.off"),
      raw ? t("log.raw.on") : "",
    ].filter(Boolean);
    const words = said.length > 0 ? t("log.look.some", { settings: said.join(", ") }) : t("log.look");
    const button = byId("log-looks-button");
    button.classList.toggle("chosen", said.length > 0);
    setText(button.querySelector(".log-count"), raw ? t("log.raw.on") : "");
    for (const name of ["title", "aria-label"]) setAttribute(button, name, words);
  }

  // -- download

  #drawDownloads() {
    byId("log-download-part").hidden = !this.query.narrowed;
    for (const link of byId("log-downloads").querySelectorAll("a")) {
      const { format } = link.dataset;
      const parameters = this.query.shown();
      parameters.set("format", format === "raw" ? "text" : format);
      if (format === "raw") parameters.set("raw", "true");
      link.href = `${root}${this.path}?${parameters}`;
    }
  }
}

function standard() {
  return { times: matchMedia(NARROW).matches ? "off" : "local", raw: false, wrap: true };
}

function remembered() {
  const usual = standard();
  try {
    const kept = JSON.parse(localStorage.getItem(LOOK) ?? "{}");
    return {
      times: TIMES.includes(kept.times) ? kept.times : usual.times,
      raw: kept.raw === true,
      wrap: kept.wrap !== false,
    };
  } catch {
    return usual;
  }
}

// The API's times are UTC, the reader's are local.
function toLocal(timestamp) {
  const time = new Date(timestamp);
  if (!timestamp || Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function fromLocal(value) {
  const time = new Date(value);
  return value && !Number.isNaN(time.getTime()) ? time.toISOString() : "";
}
