// What stands above a log: the switches for how lines look, which are the reader's own and kept here,
// and the download.

import { byId, root } from "../page.js";
import { placeAtButton } from "../popover.js";

const LOOK = "livequeue.log"; // in the browser's storage
const TIMES = ["local", "utc", "relative", "off"];
const NARROW = "(max-width: 767.98px)";

export class Toolbar {
  // path: the API's for these lines; looks(): lines are to look otherwise
  constructor({ path, looks }) {
    Object.assign(this, { path, looks });
    this.look = remembered();
    for (const id of ["log-looks", "log-downloads"]) placeAtButton(byId(id));
    byId("log-looks").addEventListener("change", () => this.#looked());
    byId("log-wrap").addEventListener("change", () => this.#looked());
    this.#drawLook();
    this.#drawDownloads();
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
    byId("log").classList.toggle("wrap", this.look.wrap);
    this.looks();
  }

  #drawLook() {
    const { times, raw, wrap } = this.look;
    for (const box of document.querySelectorAll("#log-looks [name=times]")) box.checked = box.value === times;
    byId("log-raw").checked = raw;
    byId("log-wrap").checked = wrap;
    byId("log").classList.toggle("wrap", wrap);
  }

  // -- download

  #drawDownloads() {
    for (const link of byId("log-downloads").querySelectorAll("a")) {
      const { format } = link.dataset;
      const parameters = new URLSearchParams({ format: format === "raw" ? "text" : format });
      if (format === "raw") parameters.set("raw", "true");
      link.href = `${root}${this.path}?${parameters}`;
    }
  }
}

function remembered() {
  const standard = { times: matchMedia(NARROW).matches ? "off" : "local", raw: false, wrap: true };
  try {
    const kept = JSON.parse(localStorage.getItem(LOOK) ?? "{}");
    return {
      times: TIMES.includes(kept.times) ? kept.times : standard.times,
      raw: kept.raw === true,
      wrap: kept.wrap !== false,
    };
  } catch {
    return standard;
  }
}
