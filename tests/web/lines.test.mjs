// The lines that a page keeps: read when they are looked at, let go again, never older than the stream's.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Lines } from "../../static/js/log/lines.js";

const line = (n, text = `line ${n}`) => ({ n, text, level: null, stream: "stdout", time: "" });
const span = (first, last) => Array.from({ length: last - first + 1 }, (_, at) => first + at);
const settled = () => new Promise((resolve) => setImmediate(resolve));

// A server whose log has `total` lines; its answers wait until they are let go.
class Server {
  asked = [];
  first = 1; // what was before it, retention has removed

  constructor(total, options = {}) {
    this.total = total;
    this.log = new Map(span(1, Math.min(total, 100_000)).map((n) => [n, line(n)]));
    this.changed = [];
    this.failures = [];
    this.lines = new Lines({
      read: (first, count, signal) => new Promise((resolve, reject) => {
        const ask = { first, count, resolve, reject, open: true };
        signal?.addEventListener("abort", () => {
          ask.open = false;
          reject(new DOMException("", "AbortError"));
        });
        this.asked.push(ask);
      }),
      changed: (numbers) => this.changed.push(...numbers),
      failed: (error) => this.failures.push(error),
      total,
      ...options,
    });
  }

  get open() {
    return this.asked.filter((ask) => ask.open);
  }

  async answer(ask = this.open[0]) {
    const { first } = this;
    ask.open = false;
    const numbers = span(Math.max(ask.first, first), Math.min(ask.first + ask.count - 1, this.total));
    ask.resolve({ lines: numbers.map((n) => this.log.get(n) ?? line(n)), total: this.total, first });
    await settled();
  }

  async answerAll() {
    while (this.open.length > 0) await this.answer();
  }
}

test("what is looked at is read, once, and in whole blocks", async () => {
  const server = new Server(2_000_000);
  server.lines.want(1_000_010, 1_000_060);
  server.lines.want(1_000_012, 1_000_062);
  assert.equal(server.asked.length, 1);
  const [{ first, count }] = server.asked;
  assert.ok(first <= 1_000_010 && first + count > 1_000_062);
  await server.answerAll();
  for (const n of span(1_000_010, 1_000_062)) assert.equal(server.lines.get(n).n, n);
  server.lines.want(1_000_010, 1_000_062);
  assert.equal(server.asked.length, 1);
  assert.ok(server.changed.includes(1_000_010));
});

test("a reader who has gone on is answered first: nobody waits for what was passed", async () => {
  const server = new Server(2_000_000);
  for (let n = 1; n < 1_900_000; n += 50_000) server.lines.want(n, n + 60);
  assert.ok(server.open.length <= 2);
  server.lines.want(1_950_000, 1_950_060);
  await server.answerAll();
  assert.ok(server.lines.get(1_950_000));
  assert.ok(server.lines.get(1_950_060));
});

test("the stream is newer than an answer under way", async () => {
  const server = new Server(500);
  server.lines.want(1, 60);
  server.lines.add([line(10, "rewritten")]);
  await server.answerAll();
  assert.equal(server.lines.get(10).text, "rewritten");
  server.lines.add([line(20, "rewritten later")]);
  // A line of a block that nobody asked for is not kept: it is read when it is looked at.
  assert.deepEqual(server.lines.add([line(400, "unseen")]), []);
  assert.equal(server.lines.get(20).text, "rewritten later");
  assert.equal(server.lines.get(11).text, "line 11");
});

test("new lines are kept and counted", () => {
  const server = new Server(0);
  assert.deepEqual(server.lines.add([line(1), line(2)]), [1, 2]);
  assert.deepEqual(server.lines.add([line(2, "rewritten"), line(3)]), [2, 3]);
  assert.equal(server.lines.total, 3);
  assert.equal(server.lines.get(2).text, "rewritten");
  server.lines.want(1, 3);
  assert.equal(server.asked.length, 0);
});

test("lines that the stream left out are read when they are looked at", async () => {
  const server = new Server(10, { lines: span(1, 10).map((n) => line(n)) });
  server.total = 5_000;
  assert.deepEqual(server.lines.skip(6, 4_990), [6, 7, 8, 9, 10]);
  server.lines.add(span(4_991, 5_000).map((n) => line(n)));
  assert.equal(server.lines.total, 5_000);
  assert.equal(server.lines.get(6), undefined);
  server.lines.want(1, 60);
  await server.answerAll();
  assert.equal(server.lines.get(6).text, "line 6");
  assert.equal(server.lines.get(60).text, "line 60");
});

test("an answer from before lines were left out is not believed", async () => {
  const server = new Server(100);
  server.lines.want(1, 60);
  const [early] = server.open;
  server.log.set(30, line(30, "rewritten"));
  server.lines.skip(30, 30);
  assert.equal(early.open, false);
  server.lines.want(1, 60);
  await server.answerAll();
  assert.equal(server.lines.get(30).text, "rewritten");
});

test("what was looked at long ago is let go, what is looked at stays", async () => {
  const server = new Server(100_000);
  for (let n = 1; n <= 60_000; n += 250) {
    server.lines.want(n, n + 249);
    await server.answerAll();
  }
  assert.equal(server.lines.get(1), undefined);
  assert.ok(server.lines.get(59_900));
  const kept = span(1, 100_000).filter((n) => server.lines.get(n)).length;
  assert.ok(kept <= 20_250, `${kept} lines`);
});

test("few lines are kept when they are long", () => {
  const server = new Server(0);
  for (let n = 1; n <= 5_000; n += 1) server.lines.add([line(n, "x".repeat(16_000))]);
  const kept = span(1, 5_000).filter((n) => server.lines.get(n)).length;
  assert.ok(kept <= 1_000, `${kept} lines`);
  assert.ok(server.lines.get(5_000));
});

test("what could not be read is asked for again, with growing pauses, and said", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const server = new Server(1_000);
    server.lines.want(1, 60);
    for (const pause of [1_000, 2_000, 5_000]) {
      const [ask] = server.open;
      ask.open = false;
      ask.reject(new Error("no way"));
      await settled();
      assert.equal(server.failures.at(-1).message, "no way");
      mock.timers.tick(pause - 1);
      assert.equal(server.open.length, 0);
      mock.timers.tick(1);
      assert.equal(server.open.length, 1);
    }
    await server.answerAll();
    assert.equal(server.failures.at(-1), null);
    assert.ok(server.lines.get(1));
  } finally {
    mock.timers.reset();
  }
});

test("lines that retention removed are not asked for", async () => {
  const server = new Server(1_000);
  server.first = 201;
  server.lines.want(1, 300);
  await server.answerAll();
  assert.equal(server.lines.first, 201);
  const { length } = server.asked;
  server.lines.want(1, 300);
  assert.equal(server.asked.length, length);
});

test("after the stream lost its place nothing old is left, and nothing new is lost", () => {
  const server = new Server(300, { lines: span(201, 300).map((n) => line(n)) });
  server.lines.clear();
  assert.equal(server.lines.get(250), undefined);
  server.lines.add([line(40, "of another life")]);
  server.lines.restart(1, 38);
  assert.equal(server.lines.total, 40);
});

test("lines that the server removed go when nobody looks at them", async () => {
  const server = new Server(1000);
  server.lines.want(1, 300);
  await server.answerAll();
  server.first = 201;
  server.lines.trim(201);
  assert.equal(server.lines.first, 1); // they are looked at
  server.lines.want(150, 400);
  assert.equal(server.lines.first, 150);
  await server.answerAll();
  server.lines.want(300, 500);
  assert.equal(server.lines.first, 201);
});

test("a line that is rewritten in another colour leads to those below being read again", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const server = new Server(1000);
  server.lines.want(101, 150);
  await server.answerAll();
  server.asked = [];
  for (const n of span(106, 1000)) server.log.set(n, { ...line(n), sgr: "31" });
  server.lines.take({ lines: [{ ...line(105), text: "\x1b[31mred" }] });
  server.lines.take({ lines: [{ ...line(120), text: "newer than the answer", sgr: "31" }] });
  mock.timers.tick(1000);
  assert.deepEqual(server.asked.map(({ first, count }) => [first, count]), [[106, 45]]);
  server.changed.length = 0;
  await server.answerAll();
  assert.equal(server.lines.get(106).sgr, "31");
  assert.equal(server.lines.get(120).text, "newer than the answer");
  assert.equal(server.lines.get(105).text, "\x1b[31mred");
  assert.deepEqual(server.changed, span(106, 150).filter((n) => n !== 120));
  assert.equal(server.lines.get(200), undefined); // kept from the same block, and read when looked at
  mock.timers.reset();
});
