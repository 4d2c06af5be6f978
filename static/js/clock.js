// One timer for everything on the page that tells a relative time.

import { exact } from "./format.js";
import { setAttribute, setText } from "./page.js";

const EVERY = 1000;

export class Clock {
  #offset = -Infinity; // server's clock minus ours
  #listeners = [];

  constructor(serverNow) {
    this.sync(serverNow);
    this.now = () => Date.now() + this.#offset;
  }

  // The server wrote this timestamp some time ago: the newest one tells most.
  sync(timestamp) {
    const server = Date.parse(timestamp);
    if (Number.isFinite(server)) this.#offset = Math.max(this.#offset, server - Date.now());
  }

  start(wording) {
    this.wording = wording;
    setInterval(() => this.tick(), EVERY);
    document.addEventListener("visibilitychange", () => this.tick());
    this.tick();
  }

  onTick(listener) {
    this.#listeners.push(listener);
  }

  tick() {
    if (document.hidden) return;
    for (const element of document.querySelectorAll("time[datetime]")) this.draw(element);
    for (const listener of this.#listeners) listener();
  }

  // A <time> element, for now and all later ticks.
  draw(element, timestamp = element.getAttribute("datetime")) {
    setAttribute(element, "datetime", timestamp ?? "");
    setAttribute(element, "title", exact(timestamp));
    setText(element, this.wording.ago(timestamp));
  }
}
