// What screen readers hear: status changes, a few at a time, not every tick of progress.

import { byId } from "./page.js";

const PAUSE = 1500;
const MOST = 3;

export class Announcer {
  #waiting = [];
  #timer = 0;

  constructor(t) {
    this.t = t;
  }

  say(text) {
    this.#waiting.push(text);
    this.#timer ||= setTimeout(() => this.#speak(), PAUSE);
  }

  #speak() {
    const texts = this.#waiting.slice(0, MOST);
    const more = this.#waiting.length - texts.length;
    if (more > 0) texts.push(this.t("announce.more", { count: more }));
    byId("announcer").textContent = texts.join(". ");
    this.#waiting = [];
    this.#timer = 0;
  }
}
