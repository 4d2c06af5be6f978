import assert from "node:assert/strict";
import { test } from "node:test";

import { Clock } from "./clock.mjs";
import { Browser, Server, concerns } from "./tabs.mjs";

async function world(options) {
  const clock = new Clock();
  const server = new Server(clock);
  return { clock, server, browser: new Browser(clock, server, options) };
}

const update = (server, id = 1) => server.publish("TASK_UPDATED", { id });
const line = (server, id = 1) => server.publish("LOG", { task_id: id, lines: [{ text: "x" }] });

test("ten tabs, one stream; each gets all", async () => {
  const { clock, server, browser } = await world();
  const tabs = [];
  for (let count = 0; count < 10; count += 1) {
    tabs.push(browser.open(["system"]));
    await clock.pass(200);
    update(server);
  }
  await clock.pass(100);
  assert.equal(server.opened.length, 1);
  assert.deepEqual(tabs.map(({ seen }) => seen.length), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  assert.ok(tabs.every(({ statuses }) => statuses.at(-1) === "live sse"));
});

test("a tab a little behind gets what it lacks, and the stream goes on", async () => {
  const { clock, server, browser } = await world();
  browser.open(["system"]);
  await clock.pass(100);
  const snapshot = server.head;
  update(server);
  update(server);
  await clock.pass(100);
  const late = browser.open(["system"], snapshot);
  await clock.pass(100);
  assert.equal(late.seen.length, 2);
  assert.equal(server.opened.length, 1);
});

test("another topic, or a cursor from long ago: the stream goes back, nobody gets it twice", async () => {
  const { clock, server, browser } = await world();
  const start = server.head;
  update(server);
  line(server, 7);
  const first = browser.open(["system"], start);
  await clock.pass(100);
  update(server);
  await clock.pass(100);
  const second = browser.open(["system", "task:7"], start);
  await clock.pass(100);
  assert.match(server.opened.at(-1).pathname, /system,task:7$/);
  assert.deepEqual(first.ids, ["e1-1", "e1-3"]);
  assert.deepEqual(second.ids, ["e1-1", "e1-2", "e1-3"]);
});

test("what a tab passed before it asked for more does not hide what it asks for", async () => {
  const { clock, server, browser } = await world();
  const tab = browser.open(["system"]);
  browser.open(["system"]);
  await clock.pass(2000);
  const retry = update(server, 7);
  line(server, 7);
  await clock.pass(1); // the first event is here, the others are on their way
  for (let count = 0; count < 3; count += 1) update(server);
  tab.stream.subscribe(["system", "task:7"]);
  await clock.pass(100);
  assert.deepEqual(tab.ids, [retry.id, "e1-2", "e1-3", "e1-4", "e1-5"]);
});

test("a tab whose topics are quiet hears that the stream lives", async () => {
  const { clock, server, browser } = await world();
  const tab = browser.open(["system"]);
  browser.open(["system", "task:7"]);
  await clock.pass(3000);
  for (let second = 0; second < 60; second += 1) {
    line(server, 7);
    await clock.pass(1000);
  }
  assert.equal(tab.seen.length, 0);
  assert.ok(clock.time - tab.stream.status.lastByte <= 2100);
  assert.equal(tab.stream.cursor, server.head);
});

test("topics nobody needs are given up, once", async () => {
  const { clock, server, browser } = await world();
  browser.open(["system"]);
  const tabs = [7, 8, 9].map((id) => browser.open(["system", `task:${id}`]));
  await clock.pass(100);
  const before = server.opened.length;
  for (const tab of tabs) tab.close();
  await clock.pass(5000);
  assert.equal(server.opened.length, before + 1);
  assert.match(server.opened.at(-1).pathname, /events\/system$/);
});

test("the last tab that leaves ends the stream", async () => {
  const { clock, server, browser } = await world();
  const tab = browser.open(["system"]);
  await clock.pass(100);
  tab.close();
  await clock.pass(100);
  assert.equal(server.open.size, 0);
});

test("a holder that dies is replaced within 2 s, and nothing is lost or doubled", async () => {
  const { clock, server, browser } = await world();
  const tabs = [browser.open(["system"]), browser.open(["system", "task:7"])];
  await clock.pass(2000);
  update(server);
  await clock.pass(100);
  browser.crash();
  update(server);
  line(server, 7);
  await clock.pass(2000);
  update(server);
  await clock.pass(100);
  assert.deepEqual(tabs[0].ids, ["e1-1", "e1-2", "e1-4"]);
  assert.deepEqual(tabs[1].ids, ["e1-1", "e1-2", "e1-3", "e1-4"]);
  assert.equal(server.open.size, 1);
});

test("a tab that is frozen is given up, and catches up when it wakes", async () => {
  const { clock, server, browser } = await world();
  const tab = browser.open(["system", "task:7"]);
  browser.open(["system"]);
  await clock.pass(2000);
  const { carrier } = tab;
  const kept = clock.env.setTimeout;
  carrier.dead = true; // what it is sent is lost here; a frozen tab keeps it, up to a bound
  for (let count = 0; count < 300; count += 1) {
    server.publish("LOG", { task_id: 7, lines: [{ text: "x".repeat(100_000) }] });
  }
  await clock.pass(300_000);
  carrier.dead = false;
  tab.stream.wake();
  await clock.pass(3000);
  assert.equal(kept, clock.env.setTimeout);
  assert.equal(tab.seen.length, 300);
  assert.deepEqual(tab.ids, [...new Set(tab.ids)]);
});

test("a cursor of another life resets everybody", async () => {
  const { clock, server, browser } = await world();
  const tabs = [browser.open(["system"]), browser.open(["system"])];
  await clock.pass(100);
  for (const source of server.open) source.send("RESET", "f-3", { reason: "unknown" });
  await clock.pass(100);
  assert.deepEqual(tabs.map((tab) => tab.resets), [["unknown"], ["unknown"]]);
  assert.deepEqual(tabs.map((tab) => tab.stream.cursor), ["f-3", "f-3"]);
});

test("the network's return counts once for all tabs, also right after one was shown", async () => {
  const { clock, server, browser } = await world();
  const tabs = [1, 2, 3].map(() => browser.open(["system"]));
  await clock.pass(2000);
  tabs[0].stream.wake();
  for (const tab of tabs) tab.stream.wake(true);
  await clock.pass(100);
  assert.equal(server.opened.length, 2);
});

test("END reaches those it concerns, and a new attempt is followed again", async () => {
  const { clock, server, browser } = await world();
  const [list, task] = [browser.open(["system"]), browser.open(["system", "task:7"])];
  await clock.pass(100);
  for (const source of server.open) source.send("END", "e1-0", { topic: "task:7" });
  await clock.pass(100);
  assert.deepEqual([list.ended, task.ended], [[], ["task:7"]]);
  update(server, 7);
  await clock.pass(100);
  task.stream.subscribe(["system", "task:7"]);
  await clock.pass(100);
  line(server, 7);
  await clock.pass(100);
  assert.equal(task.seen.at(-1).type, "LOG");
});

test("a task that is no more is told to its tab, and the others go on", async () => {
  const { clock, server, browser } = await world();
  server.missing.add("task:9");
  const [list, task] = [browser.open(["system"]), browser.open(["system", "task:9"])];
  await clock.pass(200);
  update(server);
  await clock.pass(100);
  assert.deepEqual([list.gone, task.gone], [[], ["task:9"]]);
  assert.deepEqual([list.seen.length, task.seen.length], [1, 1]);
  assert.match(server.opened.at(-1).pathname, /events\/system$/);
});

test("a worker that is cut off where the page is not is woken, then left", async () => {
  const { clock, server, browser } = await world();
  const tab = browser.open(["system"], server.head, { second: true });
  await clock.pass(5000);
  server.unreachable = (url) => !url.pathname.endsWith("healthz");
  server.restart();
  await clock.pass(1000);
  assert.equal(tab.statuses.at(-1), "offline sse");
  const first = browser.exchange;
  server.unreachable = () => false;
  await clock.pass(3000);
  assert.equal(tab.statuses.at(-1), "live sse");
  assert.equal(browser.exchange, first);

  await clock.pass(5000);
  server.unreachable = (url) => browser.exchange === first && !url.pathname.endsWith("healthz");
  server.restart();
  await clock.pass(1000);
  assert.equal(tab.statuses.at(-1), "offline sse");
  await clock.pass(8000);
  update(server);
  await clock.pass(1000);
  assert.notEqual(browser.exchange, first);
  assert.equal(tab.statuses.at(-1), "live sse");
  assert.deepEqual(tab.ids, ["e3-1"]);
});

// Random tabs, topics, lags, crashes and restarts: each tab gets exactly what concerns it.
for (let seed = 1; seed <= 40; seed += 1) {
  test(`exactly once, in order, whatever happens (${seed})`, async () => {
    const random = generator(seed);
    const pick = (list) => list[Math.floor(random() * list.length)];
    const { clock, server, browser } = await world({ lag: () => Math.floor(random() * 30) });
    const all = [];
    const topicsOf = () => pick([["system"], ["system", "task:7"], ["system", "task:8"], ["task:7"]]);
    const follow = (tab, topics) => {
      tab.parts.push({ after: sequence(tab.stream.cursor), topics });
    };
    const open = () => {
      const topics = topicsOf();
      const tab = browser.open(topics, random() < 0.3 ? (pick(server.log)?.id ?? server.head) : server.head);
      tab.parts = [];
      follow(tab, topics);
      all.push(tab);
    };
    open();
    for (let step = 0; step < 150; step += 1) {
      const choice = random();
      const tab = pick(browser.tabs);
      if (choice < 0.45) update(server, pick([1, 7, 8]));
      else if (choice < 0.7) line(server, pick([7, 8]));
      else if (choice < 0.78) open();
      else if (choice < 0.86 && tab) {
        const topics = topicsOf();
        tab.stream.subscribe(topics);
        follow(tab, topics);
      } else if (choice < 0.9 && tab && browser.tabs.length > 1) {
        tab.close();
        all.splice(all.indexOf(tab), 1);
      } else if (choice < 0.92) server.restart();
      else if (choice < 0.94 && browser.exchange) browser.crash();
      else if (choice < 0.96 && tab) tab.stream.wake(random() < 0.5);
      await clock.pass(pick([0, 5, 20, 100, 700]));
    }
    await clock.pass(120_000);
    for (const tab of all) {
      const wanted = server.log.filter((event) => {
        const part = tab.parts.findLast(({ after }) => after < sequence(event.id));
        return part && concerns(event, part.topics);
      });
      assert.deepEqual(tab.ids, wanted.map(({ id }) => id));
    }
    assert.equal(server.open.size, 1);
  });
}

function sequence(id) {
  return Number(id.split("-").at(-1));
}

// mulberry32
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
