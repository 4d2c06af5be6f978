// Counts of the chips, and title and icon that follow from them: read again after lifecycle
// events, at most once a second.

import { api } from "./api.js";

const PAUSE = 1000;
const LIFECYCLE = new Set([
  "TASK_CREATED", "TASK_STATUS_CHANGED", "TASK_COMPLETED", "TASK_FAILED", "TASK_CANCELLED", "TASK_DELETED",
]);

export function isLifecycle(type) {
  return LIFECYCLE.has(type);
}

export class Stats {
  #timer = 0;
  #last = 0;
  #stale = false; // something has happened since the counts were asked for
  #missed = false; // they could not be read

  // draw({ counts, queues })
  constructor(draw) {
    this.draw = draw;
  }

  refreshSoon() {
    this.#stale = true;
    const wait = Math.max(50, this.#last + PAUSE - Date.now());
    this.#timer ||= setTimeout(() => this.#refresh(), wait);
  }

  connected() {
    if (this.#missed) this.refreshSoon();
  }

  async #refresh() {
    this.#last = Date.now();
    this.#stale = false;
    this.#missed = false;
    try {
      this.draw(await api("GET", "api/stats"));
    } catch {
      this.#missed = true; // the next event, or word that the connection stands, asks again
    } finally {
      this.#timer = 0;
      if (this.#stale) this.refreshSoon();
    }
  }
}
