// A clock that is turned by hand, and timers that go by it.

const tick = () => new Promise((resolve) => setImmediate(resolve));

export class Clock {
  time = 1000;
  timers = [];

  env = {
    now: () => this.time,
    random: () => 1,
    setTimeout: (run, pause = 0) => {
      const timer = { at: this.time + pause, run };
      this.timers.push(timer);
      return timer;
    },
    clearTimeout: (timer) => {
      this.timers = this.timers.filter((each) => each !== timer);
    },
  };

  // Turns the clock; timers run in order, and what they started may settle.
  async pass(milliseconds) {
    const end = this.time + milliseconds;
    await tick();
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.env.clearTimeout(next);
      this.time = Math.max(this.time, next.at);
      next.run();
      await tick();
    }
    this.time = end;
    await tick();
  }
}
