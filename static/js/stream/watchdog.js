// Says when bytes have stopped arriving. One timer that compares time stamps: ticks come late in
// hidden and sleeping pages, and what was queued meanwhile may arrive a moment after the tick.

export class Watchdog {
  #timers;
  #env;
  #limit = 0;
  lastByte = 0;

  // silent(): nothing arrived for the limit. drain, late: see timings.js.
  constructor({ timers, env, drain, late, silent }) {
    this.#timers = timers;
    this.#env = env;
    Object.assign(this, { drain, late, silent });
  }

  // From now on, a pause of more than `limit` is silence.
  watch(limit) {
    this.lastByte = this.#env.now();
    this.#limit = limit;
    this.#arm(limit);
  }

  touch() {
    this.lastByte = this.#env.now();
  }

  stop() {
    this.#timers.cancel("watch");
  }

  #arm(pause) {
    const due = this.#env.now() + pause;
    this.#timers.set("watch", pause, () => {
      const now = this.#env.now();
      const left = this.lastByte + this.#limit - now;
      if (left > 0) this.#arm(left);
      else if (now - due > this.late) this.#arm(this.drain);
      else this.silent();
    });
  }
}
