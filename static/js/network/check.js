// One run of the check: quick probes, a first verdict, then the slow ones side by side.

import { EVENTS, Unreached } from "./probes.js";

const RETRY = 3000; // ms between tries while LiveQueue does not answer

export class Check {
  #run = new AbortController();
  #serial = 0;
  #instance = null;
  #slow = new Map(); // name -> AbortController of a slow probe that runs
  #skipped = new Set();

  // lengths: { idle, poll } in seconds; view: see view.js
  constructor({ probes, address, prefix, lengths, view }) {
    Object.assign(this, { probes, address, prefix, lengths, view });
    this.measured = {};
  }

  async start() {
    this.#end();
    this.#run = new AbortController();
    const { signal } = this.#run;
    this.measured = { address: this.address, prefix: this.prefix };
    this.#skipped.clear();
    this.view.begin();
    await this.#guarded(signal, () => this.#all(signal));
  }

  // A slow probe: stopped where it is, or measured anew.
  stop(name) {
    this.#slow.get(name)?.abort();
  }

  async again(name) {
    const { signal } = this.#run;
    delete this.measured[name];
    this.#skipped.delete(name);
    await this.#guarded(signal, () => Promise.all([this.#one(name, signal), this.#refresh(signal)]));
  }

  #end() {
    this.#run.abort();
    for (const probe of this.#slow.values()) probe.abort();
    this.#slow.clear();
  }

  async #all(signal) {
    const { answer, ...seen } = await this.probes.seen(signal);
    this.#instance = answer.instance;
    Object.assign(this.measured, seen);
    const [stream, other, write] = await Promise.all([
      this.probes.stream("text/event-stream", signal),
      this.probes.stream("application/json", signal),
      this.probes.write(signal),
      this.#refresh(signal),
    ]);
    if (stream.stopping) await this.#stillThere(signal);
    Object.assign(this.measured, {
      events: EVENTS,
      stream_status: stream.status,
      encoding: stream.encoding,
      page: stream.page || undefined,
      sent: stream.sent,
      arrived: stream.arrived,
      other_sent: other.sent,
      other_arrived: other.arrived,
      write_status: write,
    });
    await this.#refresh(signal);
    await Promise.all([this.#one("idle", signal), this.#one("poll", signal)]);
  }

  // One slow probe with its progress.
  async #one(name, signal) {
    const whole = this.lengths[name];
    const stop = new AbortController();
    this.#slow.set(name, stop);
    const tick = this.view.slow(name, whole);
    const both = AbortSignal.any([signal, stop.signal]);
    try {
      const result = await (name === "idle" ? this.probes.silence(whole, both) : this.probes.poll(whole, both));
      const fine = name === "idle" ? result.whole : result.status === 200;
      if (!fine || result.stopping) await this.#stillThere(signal); // it may have been the server's own end
      this.measured[name] = fine ? whole : result.lived;
      this.measured[`${name}_status`] = fine ? 200 : result.status % 200;
      if (result.page) this.measured.page ??= result.page;
    } catch (error) {
      if (signal.aborted || !stop.signal.aborted) throw error;
      this.#skipped.add(name);
      this.view.stopped(name);
    } finally {
      clearInterval(tick);
      if (this.#slow.get(name) === stop) this.#slow.delete(name);
    }
    await this.#refresh(signal);
  }

  async #stillThere(signal) {
    const { answer } = await this.probes.seen(signal);
    if (answer.instance !== this.#instance) throw new Unreached("restarted");
  }

  // Ask what it means by now; of several answers under way the last one counts.
  async #refresh(signal) {
    this.#serial += 1;
    const serial = this.#serial;
    const missing = ["idle", "poll"].filter((name) => this.measured[name] === undefined);
    const quick = missing.length > 0 && missing.every((name) => this.#skipped.has(name));
    const verdict = await this.probes.verdict({ ...this.measured, quick }, signal);
    if (serial === this.#serial) this.view.draw(verdict);
  }

  async #guarded(signal, work) {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Unreached)) throw error;
      this.#end();
      this.view.gone(error);
      if (error.kind !== "restarted") this.#untilBack();
    }
  }

  // Try until LiveQueue answers, then start over.
  #untilBack() {
    this.#run = new AbortController();
    const { signal } = this.#run;
    const ask = async () => {
      try {
        await this.probes.seen(signal);
      } catch {
        if (!signal.aborted) setTimeout(ask, RETRY);
        return;
      }
      if (!signal.aborted) this.start();
    };
    setTimeout(ask, RETRY);
  }
}
