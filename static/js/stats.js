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

  // draw({ counts, queues })
  constructor(draw) {
    this.draw = draw;
  }

  refreshSoon() {
    this.#stale = true;
    const wait = Math.max(50, this.#last + PAUSE - Date.now());
    this.#timer ||= setTimeout(() => this.#refresh(), wait);
  }

  async #refresh() {
    this.#last = Date.now();
    this.#stale = false;
    try {
      this.draw(await api("GET", "api/stats"));
    } catch {
      // offline: the next event, or the return of the connection, asks again
    } finally {
      this.#timer = 0;
      if (this.#stale) this.refreshSoon();
    }
  }
}
