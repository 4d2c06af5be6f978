// What the state machine takes from its surroundings, and its timers by name.

export const BROWSER = {
  EventSource: globalThis.EventSource,
  fetch: (...args) => globalThis.fetch(...args),
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (run, pause) => globalThis.setTimeout(run, pause),
  clearTimeout: (id) => globalThis.clearTimeout(id),
};

export class Timers {
  #running = new Map();

  constructor(env) {
    this.env = env;
  }

  // Replaces a running timer of the same name.
  set(name, pause, run) {
    this.cancel(name);
    const id = this.env.setTimeout(() => {
      this.#running.delete(name);
      run();
    }, pause);
    this.#running.set(name, id);
  }

  has(name) {
    return this.#running.has(name);
  }

  cancel(name) {
    if (!this.#running.has(name)) return;
    this.env.clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  clear() {
    for (const name of [...this.#running.keys()]) this.cancel(name);
  }
}
