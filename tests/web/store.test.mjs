import assert from "node:assert/strict";
import { test } from "node:test";

import { Query } from "../../static/js/query.js";
import { Store } from "../../static/js/store.js";

const task = (fields) => ({ id: 1, name: "backup", status: "running", progress: 10, version: 3, ...fields });
const event = (data, type = "TASK_UPDATED") => ({ type, data: { id: 1, ...data } });

test("events apply once and in order", () => {
  const changes = [];
  const store = new Store((id, now, before) => changes.push([before?.version, now?.version]));
  store.replace([task()]);
  const table = [
    [event({ version: 4, progress: 20 }), "applied"],
    [event({ version: 4, progress: 21 }), "old"],
    [event({ version: 2, progress: 99 }), "old"],
    [event({ version: 6, progress: 60 }), "gap"],
    [event({ version: 5, progress: 50 }), "applied"],
    [event({ id: 9, version: 2 }), "unknown"],
    [event({ version: 6 }, "TASK_DELETED"), "deleted"],
    [event({ version: 7 }), "unknown"],
  ];
  for (const [given, expected] of table) assert.equal(store.apply(given), expected);
  assert.deepEqual(changes, [[3, 4], [4, 5], [5, undefined]]);
});

test("fields an event does not name stay", () => {
  const store = new Store();
  store.replace([task()]);
  store.apply(event({ version: 4, progress: 20 }));
  assert.equal(store.get(1).name, "backup");
});

test("a whole task that is older than ours is dropped", () => {
  const store = new Store();
  store.replace([task({ version: 5 })]);
  assert.equal(store.put(task({ version: 4 })), false);
  assert.equal(store.put(task({ version: 9 })), true);
  assert.equal(store.apply(event({ version: 1 }, "TASK_CREATED")), "old");
});

test("a snapshot forgets what is not in it", () => {
  const store = new Store();
  store.replace([task(), task({ id: 2 })]);
  store.replace([task({ id: 2, version: 1 })]);
  assert.equal(store.has(1), false);
  assert.equal(store.get(2).version, 1);
});

test("filters match as the server's do", () => {
  const backup = task({ name: "Nightly DB", queue: "ops", labels: { host: "a" }, created_at: "2026-11-25T15:00:00Z" });
  const table = [
    ["", true],
    ["status=running", true],
    ["status=failed", false],
    ["status=failed&status=running", true],
    ["queue=ops", true],
    ["queue=other", false],
    ["q=nightly", true],
    ["q=NIGHTLY+d", true],
    ["q=%25", false],
    ["label=host:a", true],
    ["label=host:b", false],
    ["label=host", true],
    ["since=2026-11-25T15:00:00Z", true],
    ["until=2026-11-25T15:00:00Z", false],
    ["utm=x", true],
  ];
  for (const [text, expected] of table) assert.equal(new Query(text).matches(backup), expected, text);
});

test("a changed filter starts at the first page and keeps the others", () => {
  const query = new Query("status=failed&queue=ops&page=abc&evil=1");
  assert.equal(String(query.with("status", "running")), "queue=ops&status=running");
  assert.equal(String(query.with("queue", "")), "status=failed");
  assert.equal(new Query("sort=name").filtered, false);
});

test("active tasks come before ended ones, then newest first", () => {
  const query = new Query("");
  assert.equal(query.before(task({ id: 1 }), task({ id: 2, status: "failed" })), true);
  assert.equal(query.before(task({ id: 3 }), task({ id: 2 })), true);
  assert.equal(query.before(task({ id: 1, status: "failed" }), task({ id: 2 })), false);
});
