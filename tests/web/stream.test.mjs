import assert from "node:assert/strict";
import { test } from "node:test";

import { World, event } from "./fakes.mjs";

async function live(options) {
  const world = new World(options);
  world.stream.start();
  await world.pass(10);
  world.source.hello();
  await world.pass(1000);
  world.source.send("HEARTBEAT", "e-0"); // the server sees to it that bytes flow
  return world;
}

async function longPolling(options) {
  const world = new World(options);
  world.stream.start();
  await world.pass(1501);
  world.poll.answer("e-0"); // the snapshot
  await world.pass(2500);
  world.poll.answer("e-0");
  await world.pass(0);
  return world;
}

// Long-polls answer nothing for a while, as they do on a quiet server.
async function quiet(world, milliseconds) {
  for (let left = milliseconds; left > 0; left -= 20000) {
    await world.pass(Math.min(left, 20000));
    if (world.poll.open) world.poll.answer(world.stream.cursor);
    await world.pass(0);
  }
}

test("live after HELLO, not before", async () => {
  const world = new World();
  world.stream.start();
  await world.pass(100);
  assert.equal(world.stream.status.connecting, true);
  world.source.hello();
  assert.equal(world.state, "live sse");
  assert.equal(world.after(), "e-0");
});

test("each event once, in order, and duplicates dropped", async () => {
  const world = await live();
  for (const id of ["e-1", "e-2", "e-2", "e-1", "e-3"]) world.source.send("TASK_UPDATED", id);
  assert.deepEqual(world.seen, ["e-1", "e-2", "e-3"]);
  world.source.send("TASK_UPDATED", "f-4");
  assert.equal(world.stream.cursor, "f-4");
});

test("a mute stream gives way to long-polling with the same cursor", async () => {
  const world = new World();
  world.stream.start();
  await world.pass(1499);
  assert.equal(world.polls.length, 0);
  await world.pass(2);
  assert.equal(world.poll.url.searchParams.get("wait"), "0");
  assert.equal(world.source.closed, false);
  world.poll.answer("e-0");
  await world.pass(2497);
  assert.equal(world.polls.length, 1);
  await world.pass(2);
  assert.equal(world.source.closed, true);
  assert.equal(world.after(world.poll.url), "e-0");
  assert.equal(world.poll.url.searchParams.get("wait"), "0");
  world.poll.answer("e-1", [event("e-1")]);
  await world.pass(0);
  assert.equal(world.state, "polling long-poll");
  assert.equal(world.poll.url.searchParams.get("wait"), "25");
  assert.equal(world.after(world.poll.url), "e-1");
  assert.equal(world.open, 1);
  assert.equal(world.stream.status.reason, "mute");
});

test("a stream that falls silent is left after 2.5 heartbeats", async () => {
  const world = await live();
  for (const id of ["e-3", "e-9"]) {
    await world.pass(15000);
    world.source.send("HEARTBEAT", id);
  }
  assert.equal(world.stream.cursor, "e-9");
  await world.pass(37400);
  assert.equal(world.state, "live sse");
  await world.pass(200);
  assert.equal(world.after(world.poll.url), "e-9");
  assert.equal(world.stream.status.reason, "silent");
});

test("after a sleep the queued burst may arrive before silence is judged", async () => {
  const world = await live();
  const [watch] = world.timers;
  world.time += 600000; // the page was frozen
  world.timers = world.timers.filter((timer) => timer !== watch);
  watch.run();
  world.source.send("TASK_UPDATED", "e-1");
  await world.pass(1500);
  assert.equal(world.state, "live sse");
  assert.equal(world.sources.length, 1);
});

test("a normal end is reopened at once from the cursor and not shown", async () => {
  const world = await live();
  await world.pass(5000);
  world.source.send("TASK_UPDATED", "e-7");
  for (let beat = 0; beat < 20; beat += 1) {
    await world.pass(15000);
    world.source.send("HEARTBEAT", "e-7");
  }
  const before = world.states.length;
  assert.equal(world.sources.length, 1);
  world.source.fail();
  await world.pass(20);
  assert.equal(world.after(), "e-7");
  world.source.hello("e-7");
  assert.deepEqual(world.states.slice(before).filter((state) => state.startsWith("offline")), []);
});

test("a reopening that takes more than 2.5 s is shown as offline", async () => {
  const world = await live();
  await world.pass(10000);
  world.source.fail();
  await world.pass(2499); // the snapshot is not answered either
  assert.equal(world.state, "live sse");
  await world.pass(2);
  assert.equal(world.state, "offline sse");
  world.source.hello();
  assert.equal(world.state, "live sse");
});

test("a restart: offline, tries at most 3 s apart, then live from the cursor", async () => {
  const world = await live();
  world.source.send("TASK_UPDATED", "e-5");
  await world.pass(10000);
  const died = world.time;
  const tries = [];
  world.source.fail();
  for (let count = 0; count < 8; count += 1) {
    await world.pass(0);
    world.source.fail(); // refused
    await world.pass(0);
    tries.push(world.time - died);
    world.poll.break();
    await world.pass(0);
    assert.equal(world.state, "offline sse");
    assert.equal(world.open, 0);
    const before = world.sources.length;
    while (world.sources.length === before) await world.pass(100);
  }
  const pauses = tries.slice(1).map((at, index) => at - tries[index]);
  assert.ok(Math.max(...pauses) <= 3100, String(pauses));
  world.source.hello("e-5");
  assert.equal(world.state, "live sse");
  assert.equal(world.after(), "e-5");
});

test("a refused stream with answering polls goes to long-polling", async () => {
  const world = new World();
  world.stream.start();
  for (const cursor of ["e-1", "e-2"]) {
    await world.pass(10);
    world.source.fail();
    await world.pass(0);
    world.poll.answer(cursor);
  }
  await world.pass(0);
  assert.equal(world.poll.url.searchParams.get("after"), "e-2");
  world.poll.answer("e-2");
  await world.pass(0);
  assert.equal(world.state, "polling long-poll");
  assert.equal(world.stream.status.reason, "refused");
});

test("a stream cut right after HELLO three times goes to long-polling", async () => {
  const world = new World();
  world.stream.start();
  for (let count = 0; count < 3; count += 1) {
    world.source.hello();
    await world.pass(100);
    world.source.fail();
    await world.pass(2000 * count);
  }
  assert.equal(world.stream.status.reason, "cut");
  assert.equal(world.open, 1);
});

test("a stream cut while silent is reopened with half the time as heartbeat", async () => {
  const world = await live();
  await world.pass(10000);
  world.source.fail();
  await world.pass(0);
  assert.equal(new URL(world.source.url, "http://x").searchParams.get("heartbeat"), "5");
});

test("long-polls that are cut wait half as long, then plain polling", async () => {
  const world = await longPolling();
  const waits = [];
  for (const cut of [10000, 4400, 3100]) {
    await world.pass(cut);
    world.poll.break();
    await world.pass(0);
    if (world.state === "polling long-poll") world.poll.answer("e-0");
    await world.pass(0);
    waits.push(world.poll.url.searchParams.get("wait"));
  }
  assert.deepEqual(waits, ["5", "2", "0"]);
  await world.pass(0);
  assert.equal(world.state, "polling poll");
  const count = world.polls.length;
  await world.pass(5000);
  assert.equal(world.polls.length, count + 1);
});

test("three long-polls refused at once lead to plain polling", async () => {
  const world = await longPolling();
  for (let count = 0; count < 3; count += 1) {
    world.poll.respond(502, "text/html", null);
    await world.pass(1100);
    world.poll.answer("e-0"); // the plain one works
    await world.pass(0);
  }
  assert.equal(world.state, "polling poll");
  assert.ok(world.open <= 1);
});

test("a probe goes up after HELLO and a second event; meanwhile no poll is open", async () => {
  const world = await longPolling();
  await quiet(world, 60000);
  assert.equal(world.sources.length, 2);
  assert.equal(world.open, 1);
  world.source.hello("e-0", 2);
  world.source.send("TASK_UPDATED", "e-1"); // may have come along with HELLO
  assert.equal(world.state, "polling long-poll");
  await world.pass(1000);
  world.source.send("HEARTBEAT", "e-1");
  assert.equal(world.state, "live sse");
  assert.equal(world.open, 1);
});

test("a probe without a second event gives way, and the next waits longer", async () => {
  const world = await longPolling();
  await quiet(world, 60000);
  world.source.hello("e-0", 15);
  await world.pass(4001);
  assert.equal(world.source.closed, true);
  world.poll.answer("e-0");
  await quiet(world, 240000);
  assert.equal(world.sources.length, 2);
  await quiet(world, 60000);
  assert.equal(world.sources.length, 3);
});

test("the network's return probes at once", async () => {
  const world = await longPolling();
  world.stream.wake(true);
  assert.equal(world.sources.length, 2);
  assert.equal(world.open, 1);
});

test("RESET moves the cursor, by stream and by poll", async () => {
  const world = await live();
  world.source.send("RESET", "f-3", { reason: "unknown-epoch" });
  assert.equal(world.stream.cursor, "f-3");
  world.source.send("TASK_UPDATED", "f-4");
  assert.deepEqual(world.seen, ["f-4"]);

  const polled = await longPolling();
  polled.poll.answer("f-9", [], { reset: "expired" });
  await polled.pass(0);
  assert.deepEqual(polled.resets, ["expired"]);
  assert.equal(polled.after(polled.poll.url), "f-9");
});

test("HELLO does not move a cursor of ours: a RESET behind it could get lost", async () => {
  const world = new World();
  world.stream.start();
  world.source.hello("f-9");
  assert.equal(world.stream.cursor, "e-0");
});

test("refusals are shown and not hammered", async () => {
  for (const status of [401, 403, 404]) {
    const world = new World();
    world.stream.start();
    world.source.fail();
    await world.pass(0);
    world.poll.respond(status, "application/problem+json", {});
    await world.pass(30000);
    assert.ok(world.states.includes(`denied ${status}`));
    assert.equal(world.state, "offline sse");
    assert.equal(world.sources.length, 1);
    await world.pass(31000);
    assert.equal(world.sources.length, 2);
  }
});

test("a login page in between is shown and tried again later", async () => {
  const world = new World();
  world.stream.start();
  world.source.fail();
  await world.pass(0);
  world.poll.respond(200, "text/html", null);
  await world.pass(0);
  assert.equal(world.stream.status.problem.kind, "html");
  await world.pass(20000);
  assert.equal(world.sources.length, 1);
});

test("END of the last topic ends the stream; another topic opens it again", async () => {
  const world = await live({ topics: ["system", "task:4"] });
  world.source.send("END", "e-1", { topic: "task:4" });
  await world.pass(10000);
  world.source.fail();
  await world.pass(0);
  assert.match(world.source.url, /^\/events\/system\?/);
  world.source.hello();
  world.source.send("END", "e-1", { topic: "system" });
  const count = world.sources.length;
  world.source.fail();
  await world.pass(60000);
  assert.equal(world.sources.length, count);
  world.stream.subscribe(["system", "task:4"]);
  assert.match(world.source.url, /^\/events\/system,task:4\?/);
});

test("a topic added amid an answer sees all events behind the one that told of it", async () => {
  const world = await longPolling({
    topics: ["system"],
    handlers: {
      event: ({ id }) => {
        world.seen.push(id);
        if (id === "e-5") world.stream.subscribe(["system", "task:4"]);
      },
    },
  });
  world.poll.answer("e-20", [event("e-5"), event("e-15")]);
  await world.pass(0);
  assert.deepEqual(world.seen, ["e-5"]);
  assert.equal(world.after(world.poll.url), "e-5");
});

test("leaving closes everything, coming back goes on from the cursor", async () => {
  const world = await live();
  world.source.send("TASK_UPDATED", "e-3");
  world.stream.stop();
  assert.equal(world.open, 0);
  assert.equal(world.timers.length, 0);
  world.stream.start();
  assert.equal(world.after(), "e-3");
});

test("a verdict of an hour ago spares a new page the wait", async () => {
  const kept = [];
  const memory = { get: () => "mute", set: (reason) => kept.push(reason) };
  const world = new World({ memory });
  world.stream.start();
  await world.pass(0);
  assert.equal(world.sources.length, 0);
  world.poll.answer("e-0");
  await quiet(world, 60000);
  world.source.hello("e-0", 2);
  await world.pass(1000);
  world.source.send("HEARTBEAT", "e-0");
  assert.deepEqual(kept.at(-1), null);
});

test("a stream whose beginning alone gets through is left after 4 s", async () => {
  const world = new World();
  world.stream.start();
  await world.pass(10);
  world.source.hello();
  world.source.send("TASK_UPDATED", "e-1"); // in the same breath
  await world.pass(3999);
  assert.equal(world.state, "live sse");
  await world.pass(2);
  world.poll.answer("e-1");
  await world.pass(0);
  assert.equal(world.state, "polling long-poll");
  assert.equal(world.stream.status.reason, "held");
});

test("while a new stream is mute, the page is told what there is, once", async () => {
  const world = new World();
  world.stream.start();
  await world.pass(1501);
  world.poll.answer("e-2", [event("e-1"), event("e-2")]);
  await world.pass(0);
  assert.equal(world.state, "polling poll");
  world.source.hello();
  for (const id of ["e-1", "e-2", "e-3"]) world.source.send("TASK_UPDATED", id);
  assert.equal(world.state, "live sse");
  assert.deepEqual(world.seen, ["e-1", "e-2", "e-3"]);
  assert.equal(world.polls.length, 1);
});

test("a black hole: offline is said in time, also on the way down", async () => {
  const world = await live();
  world.source.fail();
  await world.pass(2501);
  assert.equal(world.state, "offline sse");
  await world.pass(60000);
  assert.equal(world.state, "offline sse");
  assert.equal(world.stream.status.problem.kind, "network");
});

test("429 and its Retry-After are obeyed", async () => {
  const world = new World();
  world.stream.start();
  world.source.fail();
  await world.pass(0);
  world.poll.respond(429, "application/problem+json", {}, { "retry-after": "7" });
  await world.pass(7999);
  assert.equal(world.stream.status.problem.kind, "busy");
  assert.equal(world.sources.length, 1);
  await world.pass(2);
  assert.equal(world.sources.length, 2);
});

test("429 without Retry-After is met with pauses that go on growing", async () => {
  const world = new World();
  world.stream.start();
  for (const pause of [1000, 2000, 4000, 8000, 16000]) {
    const before = world.sources.length;
    world.source.fail();
    await world.pass(0);
    world.poll.respond(429, "text/html", null);
    await world.pass(pause - 1);
    assert.equal(world.sources.length, before);
    await world.pass(2);
    assert.equal(world.sources.length, before + 1);
  }
});

test("a box that says 503 while the server restarts does not hold the page up", async () => {
  const world = await live();
  await world.pass(5000);
  world.source.fail();
  await world.pass(0);
  world.source.fail();
  await world.pass(0);
  world.poll.respond(503, "text/html", null, { "retry-after": "5" });
  const before = world.sources.length;
  await world.pass(1001);
  assert.equal(world.sources.length, before + 1);

  const ours = new World();
  ours.stream.start();
  ours.source.fail();
  await ours.pass(0);
  ours.poll.respond(503, "application/problem+json", {}, { "retry-after": "5" });
  await ours.pass(5500);
  assert.equal(ours.sources.length, 1);
  await ours.pass(600);
  assert.equal(ours.sources.length, 2);
});

test("a task that is no more is left out, and the rest goes on", async () => {
  const gone = [];
  const world = new World({
    topics: ["system", "task:4", "task:5"], handlers: { gone: (topic) => gone.push(topic) },
  });
  world.stream.start();
  world.source.fail();
  await world.pass(0);
  const body = { errors: [{ field: "task:5", message: "There is no task #5." }] };
  world.poll.respond(404, "application/problem+json", body);
  await world.pass(0);
  assert.deepEqual(gone, ["task:5"]);
  assert.match(world.source.url, /events\/system,task:4\?/);
});

test("a page that wakes trusts a fresh connection only", async () => {
  const world = await live();
  await world.pass(3000);
  world.stream.wake();
  assert.equal(world.sources.length, 1);
  await world.pass(3000);
  world.stream.wake();
  assert.equal(world.sources.length, 2);
  assert.equal(world.state, "live sse");
  await world.pass(2501); // it does not come back
  assert.equal(world.state, "offline sse");

  const polling = await longPolling();
  await polling.pass(6000);
  polling.stream.wake();
  assert.equal(polling.poll.url.searchParams.get("wait"), "0");
  assert.equal(polling.open, 1);
});

test("an outage is tried again at once when the network is back", async () => {
  const world = new World();
  world.stream.start();
  for (let count = 0; count < 20; count += 1) {
    await world.pass(0);
    world.source.fail();
    await world.pass(0);
    world.poll.break();
    await world.pass(10000);
  }
  const tries = () => world.sources.length + world.polls.length;
  const before = tries();
  world.stream.wake(true);
  assert.equal(tries(), before + 1);
  assert.equal(world.open, 1);
});

test("answers that do not come through in time are asked for in smaller parts", async () => {
  const world = await longPolling();
  world.poll.respond(504, "text/html", null);
  await world.pass(2000);
  for (const limit of ["250", "62", "20", "20"]) {
    await world.pass(5001);
    while (!world.poll?.open || world.sources.at(-1).closed === false) {
      if (world.sources.at(-1).closed === false) world.source.fail();
      await world.pass(100);
    }
    assert.equal(world.poll.url.searchParams.get("limit"), limit);
  }
  world.poll.answer("e-0");
  await world.pass(0);
  world.source.fail(); // an event stream was tried first
  await world.pass(0);
  assert.equal(world.poll.url.searchParams.get("limit"), null);
});

test("without the ladder there are plain polls only", async () => {
  const world = new World({ ladder: false });
  world.stream.start();
  for (let count = 0; count < 200; count += 1) {
    await world.pass(0);
    assert.equal(world.poll.url.searchParams.get("wait"), "0");
    world.poll.answer("e-0");
    await world.pass(5001);
  }
  assert.equal(world.state, "polling poll");
  assert.equal(world.sources.length, 0);
});

test("after an outage a mute box is not probed at once, another reason is", async () => {
  const world = await longPolling(); // mute
  world.poll.respond(502, "text/html", null);
  await world.pass(2000);
  while (!world.poll.open) await world.pass(100);
  world.poll.break();
  await world.pass(5000);
  while (!world.poll.open) await world.pass(100);
  const before = world.sources.length;
  world.poll.answer("e-0");
  await world.pass(0);
  assert.equal(world.state, "polling long-poll");
  assert.equal(world.sources.length, before);
});
