// All logs as one: read back page by page, forward as lines arrive, each line once and in its place.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AllFinder } from "../../static/js/log/all-finder.js";
import { AllLogs, keyOf } from "../../static/js/log/all.js";
import { until } from "./log-server.mjs";

const at = (second) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();

// The server's answers, from lines in the order of time, task and number; `few`: it answers so many
// lines at most, as when its time is up.
class Server {
  lines = [];
  last = {};
  asked = [];
  few = Infinity;
  matches = () => true;

  append(task, count = 1, time = at(this.lines.length)) {
    const fresh = Array.from({ length: count }, () => {
      this.last[task] = (this.last[task] ?? 0) + 1;
      return { time, task_id: task, n: this.last[task], text: `${task}:${this.last[task]}` };
    });
    const last = this.lines.at(-1);
    this.lines.push(...fresh);
    if (last && inOrder(fresh[0], last) < 0) this.lines.sort(inOrder);
    return { task_id: task, attempt: 1, lines: fresh.map(({ time, n, text }) => ({ time, n, text })) };
  }

  read = async ({ before, after, limit }) => {
    this.asked.push({ before, after, limit });
    const order = (key) => {
      const [time, task, n] = key.split(",");
      return this.lines.filter((line) => line.time < time || (line.time === time
        && (line.task_id < Number(task) || (line.task_id === Number(task) && line.n < Number(n))))).length;
    };
    const most = Math.min(limit, this.few);
    const all = this.lines;
    let [from, to] = [0, all.length];
    if (before) to = order(before);
    if (after) {
      const [time, task, n] = after.split(",");
      from = order(`${time},${task},${Number(n) + 1}`);
    }
    const part = after ? all.slice(from, from + most) : all.slice(Math.max(from, to - most), to);
    const done = after ? from + most >= all.length : to - most <= 0;
    return {
      lines: part.filter(this.matches),
      older: !after && !done ? keyOf(part[0]) : after ? keyOf(part[0] ?? { time: after, task_id: 0, n: 0 }) : null,
      newer: part.length > 0 ? keyOf(part.at(-1)) : after ?? "2026-01-01T00:00:00.000Z,0,0",
      done,
      searched: part.length,
      tasks: Object.fromEntries(part.map((line) => [line.task_id, { name: `task ${line.task_id}`, queue: "q" }])),
    };
  };
}

function inOrder(a, b) {
  return a.time < b.time ? -1 : a.time > b.time ? 1 : a.task_id - b.task_id || a.n - b.n;
}

function texts(logs) {
  const found = [];
  for (let place = logs.first; place <= logs.total; place += 1) found.push(logs.get(place)?.text);
  return found;
}

// As a reader who goes on to the first line.
async function toTheFirst(logs, count) {
  for (let round = 0; round < 200 && logs.total - logs.first + 1 < count; round += 1) {
    logs.want(logs.first, logs.first + 40);
    await new Promise((resume) => setTimeout(resume, 2));
  }
}

function filled(server, lines = 3000) {
  for (let n = 0; n < lines; n += 1) server.append(1 + (n % 3));
  return server;
}

test("the newest first, and back to the first line", async () => {
  const server = filled(new Server());
  const logs = new AllLogs({ read: server.read });
  await logs.ready;
  assert.equal(logs.get(logs.total).text, server.lines.at(-1).text);
  assert.equal(server.asked.length, 1);
  const { total } = logs;
  await toTheFirst(logs, 3000);
  assert.equal(logs.total, total);
  assert.deepEqual(texts(logs), server.lines.map(({ text }) => text));
  assert.equal(logs.tasks[2].name, "task 2");
  logs.close();
});

test("answers that come short are gone on from", async () => {
  const server = filled(new Server(), 600);
  server.few = 70;
  server.matches = ({ n }) => n % 50 === 0;
  const logs = new AllLogs({ read: server.read });
  await logs.ready;
  await toTheFirst(logs, 12);
  assert.deepEqual(texts(logs), server.lines.filter(server.matches).map(({ text }) => text));
  logs.close();
});

test("lines that arrive are read once, in order, in bursts", async () => {
  const server = filled(new Server(), 10);
  const arrived = [];
  const logs = new AllLogs({ read: server.read, arrived: (lines) => arrived.push(...lines) });
  await logs.ready;
  logs.want(logs.first, logs.total);
  server.asked = [];
  for (let burst = 0; burst < 40; burst += 1) logs.take(server.append(1 + (burst % 3), 30));
  await until(() => logs.total - logs.first + 1 === 1210);
  assert.deepEqual(texts(logs), server.lines.map(({ text }) => text));
  assert.ok(server.asked.length <= 3, String(server.asked.length));
  assert.equal(arrived.length, 1200);
  assert.equal(logs.waiting, 0);
  logs.close();
});

test("lines of the same moment that belong before others are not missed", async () => {
  const server = new Server();
  server.append(5, 3, at(1));
  const logs = new AllLogs({ read: server.read });
  await logs.ready;
  logs.take(server.append(2, 3, at(1)));
  await until(() => logs.total - logs.first + 1 === 6);
  assert.deepEqual(new Set(texts(logs)), new Set(server.lines.map(({ text }) => text)));
  logs.close();
});

test("a rewritten line is replaced; one that is left out asks for nothing", async () => {
  const server = filled(new Server(), 10);
  const logs = new AllLogs({ read: server.read });
  await logs.ready;
  server.asked = [];
  const changed = [];
  logs.changed = (places) => changed.push(...places);
  logs.take({ task_id: 1, lines: [{ n: 1, time: at(0), text: "now another" }] });
  assert.equal(logs.get(logs.first).text, "now another");
  assert.deepEqual(changed, [logs.first]);
  logs.take({ task_id: 9, lines: [{ n: 1, time: at(0), text: "of a task that the filter leaves out" }] });
  await new Promise((resume) => setTimeout(resume, 400));
  assert.equal(server.asked.length, 0);
  logs.close();
});

test("from a line in the middle: both ways, and what arrives waits until the end is reached", async () => {
  const server = filled(new Server());
  const line = server.lines[1500];
  const logs = new AllLogs({ read: server.read, at: line });
  const place = await logs.locate(line);
  assert.equal(logs.get(place).text, line.text);
  assert.ok(logs.total - place < 600);
  logs.want(place, place);
  logs.take(server.append(1, 7));
  await until(() => logs.waiting === 7);
  while (logs.get(logs.total)?.text !== server.lines.at(-1).text) {
    logs.want(logs.total - 40, logs.total);
    await new Promise((resume) => setTimeout(resume, 2));
  }
  await until(() => logs.waiting === 0);
  await toTheFirst(logs, 3007);
  assert.deepEqual(texts(logs), server.lines.map(({ text }) => text));
  logs.close();
});

test("a line that is left out leads to the one before it", async () => {
  const server = filled(new Server(), 300);
  server.matches = ({ task_id }) => task_id === 1;
  const logs = new AllLogs({ read: server.read, at: server.lines[100] }); // of task 2
  const place = await logs.locate(server.lines[100]);
  assert.equal(logs.get(place).text, server.lines[99].text);
  logs.close();
});

test("more than is kept is let go and read again; more than can be read is skipped and said", async () => {
  const server = filled(new Server(), 30_000);
  const logs = new AllLogs({ read: server.read });
  await logs.ready;
  await toTheFirst(logs, 30_000);
  assert.equal(logs.total - logs.first + 1, 30_000);
  assert.equal(logs.get(logs.total), undefined);
  logs.want(logs.total - 40, logs.total);
  await until(() => logs.get(logs.total)?.text === server.lines.at(-1).text);
  const places = await logs.all(logs.first, logs.first + 2);
  assert.deepEqual(places.map(({ text }) => text), server.lines.slice(0, 3).map(({ text }) => text));
  logs.want(logs.total - 40, logs.total);
  for (let burst = 0; burst < 5; burst += 1) {
    server.append(1, 5000);
    logs.take({ task_id: 1, lines: [], from: server.last[1] - 4999, to: server.last[1] });
  }
  await until(() => logs.skipped === 25_000);
  await logs.ready;
  assert.equal(logs.get(logs.total).text, server.lines.at(-1).text);
  logs.close();
});

test("a failure is said, and read again", async () => {
  const server = filled(new Server(), 10);
  let failures = 1;
  const troubles = [];
  const logs = new AllLogs({
    read: async (parameters) => {
      failures -= 1;
      if (failures >= 0) throw new Error("away");
      return server.read(parameters);
    },
    failed: (error) => troubles.push(error?.message ?? null),
  });
  await logs.ready;
  assert.deepEqual(troubles, ["away", null]);
  assert.equal(logs.total - logs.first + 1, 10);
  logs.close();
});

test("counting begins when the first lines are there", async () => {
  const asked = [];
  let there;
  const finder = new AllFinder({
    read: async () => ({ lines: [], done: true }),
    count: async (parameters) => {
      asked.push(parameters);
      return { hits: 3, searched: 9, next: null };
    },
    end: () => at(1000),
    ready: new Promise((resume) => { there = resume; }),
    changed: () => {},
  });
  assert.equal(await finder.find(null, 1), null);
  assert.deepEqual(asked, []);
  finder.arrived([{ time: at(1001), hits: [[0, 1]] }, { time: at(999), hits: [[0, 1]] }]);
  there();
  await until(() => finder.done);
  assert.deepEqual(asked, [{ until: at(1000) }]);
  assert.equal(finder.hits, 4);
});

test("what is counted, and from one to the next", async () => {
  const server = filled(new Server(), 300);
  server.few = 40;
  server.matches = ({ n }) => n % 25 === 0;
  const pages = [{ hits: 5, searched: 100, next: "2,7" }, { hits: 7, searched: 200, next: null }];
  const asked = [];
  const finder = new AllFinder({
    read: server.read,
    count: async (parameters) => {
      asked.push(parameters);
      return pages[asked.length - 1];
    },
    end: () => at(1000),
    changed: () => {},
  });
  await until(() => finder.done);
  assert.deepEqual(asked, [{ until: at(1000) }, { until: at(1000), page: "2,7" }]);
  assert.equal(finder.hits, 12);
  assert.equal(finder.looked, 300);
  finder.arrived([{ time: at(1001), hits: [[0, 1], [2, 3]] }, { time: at(999), hits: [[0, 1]] }, { time: at(1002) }]);
  assert.equal(finder.hits, 14);
  const matching = server.lines.filter(server.matches);
  let line = null;
  for (const expected of matching) {
    line = await finder.find(line, 1);
    assert.equal(line.text, expected.text);
  }
  assert.equal(await finder.find(line, 1), null);
  assert.equal((await finder.find(line, 1, { inclusive: true })).text, line.text);
  line = null;
  for (const expected of matching.toReversed()) {
    line = await finder.find(line, -1);
    assert.equal(line.text, expected.text);
  }
  assert.equal(await finder.find(line, -1), null);
  finder.stop();
});

test("a rewritten line gets its hits anew, and is told to whoever counts", async () => {
  const server = filled(new Server(), 10);
  const told = [];
  const logs = new AllLogs({ read: server.read, marked: true, rewritten: (time) => told.push(time) });
  await logs.ready;
  const line = { ...server.lines[3], text: "a needle", hits: [[2, 8]] };
  server.lines[3] = line;
  logs.take({ task_id: line.task_id, lines: [{ n: line.n, time: line.time, text: "a needle" }] });
  await until(() => logs.get(logs.first + 3).hits?.length === 1);
  assert.deepEqual(told, [line.time]);
  server.matches = (other) => other !== line; // it matches no more
  logs.take({ task_id: line.task_id, lines: [{ n: line.n, time: line.time, text: "hay" }] });
  assert.equal(logs.get(logs.first + 3).hits, undefined);
  logs.take({ task_id: 7, lines: [{ n: 1, time: at(0), text: "one that is left out" }] });
  assert.deepEqual(told, [line.time, line.time, at(0)]);
  logs.close();
});

// Counts in lines as the server does: those from `since` on and before `until`.
function counter(server) {
  const asked = [];
  const count = async ({ since = "", until: end = "~" }) => {
    asked.push({ since, until: end });
    const within = server.lines.filter(({ time }) => time >= since && time < end);
    return { hits: within.reduce((sum, { hits = [] }) => sum + hits.length, 0), searched: within.length, next: null };
  };
  return { asked, count };
}

function withHits(server, count) {
  filled(server, count);
  for (const line of server.lines) line.hits = line.n % 2 ? [[0, 1], [2, 3]] : [];
  server.matches = ({ hits = [] }) => hits.length > 0;
  const plain = server.read;
  server.read = async ({ since = "", ...parameters }) => {
    const answer = await plain(parameters);
    const lines = answer.lines.filter(({ time }) => time >= since);
    return { ...answer, lines, older: lines.length < answer.lines.length ? null : answer.older };
  };
  return server;
}

test("the rank of a hit is counted once; from there on each step knows", async () => {
  const server = withHits(new Server(), 60);
  const { asked, count } = counter(server);
  const finder = new AllFinder({ read: server.read, count, end: () => at(1000), changed: () => {} });
  await until(() => finder.done);
  const before = (line) => server.lines.slice(0, server.lines.indexOf(line)).flatMap(({ hits }) => hits).length;
  let line = await finder.find(null, -1);
  for (let step = 0; step < 5; step += 1) {
    assert.equal(await finder.rank(line), before(line));
    line = await finder.find(line, -1);
  }
  for (let step = 0; step < 3; step += 1) line = await finder.find(line, 1);
  assert.equal(await finder.rank(line), before(line));
  assert.equal(asked.length, 2); // all of them, and those before the first one asked for
  finder.stop();
});

test("hits of the same moment are told apart", async () => {
  const server = new Server();
  for (const task of [1, 2, 3]) server.append(task, 4, at(5));
  for (const line of server.lines) line.hits = [[0, 1]];
  const { count } = counter(server);
  const finder = new AllFinder({ read: server.read, count, end: () => at(1000), changed: () => {} });
  await until(() => finder.done);
  for (const [rank, line] of server.lines.entries()) assert.equal(await finder.rank(line), rank);
  finder.stop();
});

test("hits of rewritten lines are counted again, from the oldest of them on", async () => {
  const server = withHits(new Server(), 60);
  const { asked, count } = counter(server);
  let now = at(100);
  const finder = new AllFinder({ read: server.read, count, end: () => now, changed: () => {} });
  await until(() => finder.done);
  assert.equal(finder.hits, 60);
  for (const line of [server.lines[50], server.lines[55]]) {
    line.hits = Array(10).fill([0, 1]);
    finder.rewritten(line.time);
  }
  const expected = () => server.lines.flatMap(({ hits }) => hits).length;
  await until(() => finder.hits === expected());
  assert.deepEqual(asked.slice(1), [{ since: "", until: at(50) }, { since: at(50), until: at(100) }]);
  server.lines[54].hits = [];
  finder.rewritten(at(54));
  const arrived = { time: at(101), task_id: 1, n: 99, hits: [[0, 1]] };
  server.lines.push(arrived);
  finder.arrived([arrived]);
  assert.equal(finder.hits, expected() + 2);
  now = at(102);
  await until(() => finder.hits === expected());
  assert.deepEqual(asked.slice(3), [{ since: at(50), until: at(102) }]);
  finder.stop();
});
