// The same cases as tests/test_wording.py: server and browser must say the same.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Wording, barColour, barValue, exact, reason } from "../../static/js/format.js";
import { Catalogue } from "../../static/js/i18n.js";

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const cases = read("wording.json");
const wording = new Wording(
  new Catalogue("en", read("../../static/locale/en.json")),
  () => Date.parse(cases.now),
);
const TASK = {
  status: "running", current: null, total: null, unit: null, progress: null, eta_seconds: null,
  started_at: null, finished_at: null, rate: null,
};
const says = {
  percent: (value) => wording.percent(value),
  barValue,
  barColour,
  duration: (seconds) => wording.duration(seconds),
  remaining: (seconds) => wording.remaining(seconds),
  quantity: ([value, unit]) => wording.quantity(value, unit),
  ago: (timestamp) => wording.ago(timestamp),
  exact,
  progress: (task) => wording.progress({ ...TASK, ...task }),
  reason,
};

for (const [name, say] of Object.entries(says)) {
  test(name, () => {
    for (const [given, expected] of cases[name]) assert.equal(say(given), expected, JSON.stringify(given));
  });
}

test("plural forms", () => {
  assert.equal(wording.t("pill.new", { count: 1 }), "1 new task");
  assert.equal(wording.t("pill.new", { count: 1200 }), "1,200 new tasks");
  const chinese = new Catalogue("zh", read("../../static/locale/zh.json"));
  assert.equal(chinese.t("pill.new", { count: 1 }), "1 个新任务");
});

test("places are filled once: text of a user is never a pattern", () => {
  assert.equal(
    wording.t("announce.changed", { id: 1, name: "{status} $&", status: "failed" }),
    "Task 1, {status} $&: failed",
  );
});

test("Chinese stands apart from Latin letters", () => {
  const { t } = new Catalogue("zh", read("../../static/locale/zh.json"));
  assert.equal(t("connection.fallback", { age: "2 h", reason: "x" }), "2 h 退出事件流：x");
  assert.equal(t("time.ago", { duration: "3 分钟" }), "3 分钟前");
  assert.equal(t("limit.kind", { kind: "true" }), "必须是 true");
});
