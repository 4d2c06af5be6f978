// Filters and search in one log: where lines match, which are shown, where hits stand in them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Filtered } from "../../static/js/log/filtered.js";
import { Hits } from "../../static/js/log/hits.js";
import { Index } from "../../static/js/log/index.js";
import { LogQuery } from "../../static/js/log/query.js";
import { LogServer, until } from "./log-server.mjs";

function indexOf(server, q = /7/g) {
  const index = new Index({
    read: server.index(q),
    total: server.last,
    changed: () => { index.changes = (index.changes ?? 0) + 1; },
    failed: (error) => { index.trouble = error; },
  });
  return index;
}

const sevens = (last) => Array.from({ length: last }, (_, at) => at + 1).filter((n) => String(n).includes("7"));

test("what matches is found newest first, and places stay what they are", async () => {
  const server = new LogServer(5000);
  server.piece = 500;
  const index = indexOf(server);
  const seen = [];
  index.changed = () => seen.push({ first: index.first, last: index.last, looked: index.looked });
  await until(() => index.done);
  assert.equal(index.matching, sevens(5000).length);
  assert.equal(index.hits, sevens(5000).join("").match(/7/g).length);
  assert.equal(index.looked, 5000);
  assert.equal(index.of, 5000);
  assert.ok(seen.length >= 9);
  assert.deepEqual(new Set(seen.map(({ last }) => last)).size, 1); // older ones were put before
  assert.deepEqual(server.asked[0], { from: 4001, to: 5000 });
});

test("what arrives is looked at in bursts, and counted once", async () => {
  const server = new LogServer(100);
  const index = indexOf(server);
  await until(() => index.done);
  const { first, last } = index;
  for (let burst = 0; burst < 3; burst += 1) {
    server.asked = [];
    for (let arrival = 0; arrival < 50; arrival += 1) {
      server.grow(60);
      index.arrived(server.last);
    }
    await until(() => index.matching === sevens(server.last).length);
    assert.ok(server.asked.length < 80, String(server.asked.length)); // in pieces of 100 lines
  }
  assert.equal(index.first, first);
  assert.equal(index.last, last + sevens(server.last).length - sevens(100).length);
  index.stop();
});

test("a rewritten line counts as what it is now", async () => {
  const server = new LogServer(100);
  const index = indexOf(server);
  await until(() => index.done);
  const before = index.matching;
  const edition = index.blocks.at(-1).edition;
  server.lines[49].text = "now there is a 7";
  index.arrived(100, 50);
  await until(() => index.matching === before + 1);
  assert.notEqual(index.blocks.at(-1).edition, edition);
  index.stop();
});

test("a failure is said, and asked again; a refusal is not", async () => {
  const server = new LogServer(10);
  const answer = server.index(/7/g);
  let asked = 0;
  const index = new Index({
    read: async (parameters) => {
      asked += 1;
      if (asked === 1) throw Object.assign(new Error("away"), { status: 0 });
      return answer(parameters);
    },
    total: 10,
    changed: () => {},
    failed: (error) => { index.trouble = error; },
  });
  await until(() => index.trouble?.message === "away");
  await until(() => index.done);
  assert.equal(index.trouble, null);
  const refused = new Index({
    read: async () => { asked += 1; throw Object.assign(new Error("no pattern"), { status: 422 }); },
    total: 10,
    changed: () => {},
    failed: (error) => { refused.trouble = error; },
  });
  await until(() => refused.trouble);
  const before = asked;
  await new Promise((resume) => setTimeout(resume, 50));
  assert.equal(asked, before);
});

test("only the lines that are looked at are fetched, and each has its place", async () => {
  const server = new LogServer(60_000);
  server.piece = 4000;
  const index = indexOf(server);
  await until(() => index.done);
  const changed = [];
  const lines = new Filtered({ index, read: server.read(/7/g), changed: (places) => changed.push(...places), failed: () => {} });
  const expected = sevens(60_000);
  const check = (from, to) => {
    for (let place = from; place <= to; place += 1) {
      assert.equal(lines.get(place)?.n, expected[place - lines.first], String(place));
    }
  };
  assert.equal(lines.total - lines.first + 1, expected.length);
  server.asked = [];
  lines.want(lines.total - 50, lines.total);
  await until(() => lines.get(lines.total) && lines.get(lines.total - 50));
  check(lines.total - 50, lines.total);
  assert.equal(server.asked.length, 1);
  lines.want(lines.first, lines.first + 100);
  await until(() => lines.get(lines.first));
  check(lines.first, lines.first + 100);
  for (const n of [1, 7, 8, 4000, 29_999, 60_000]) {
    const place = await lines.locate({ n });
    assert.equal(expected[place - lines.first], expected.find((each) => each >= n), String(n));
  }
  for (let place = lines.first; place <= lines.total; place += 500) {
    lines.want(place, Math.min(place + 499, lines.total));
    await until(() => lines.get(place));
  }
  let kept = 0;
  for (let place = lines.first; place <= lines.total; place += 1) if (lines.get(place)) kept += 1;
  assert.ok(kept < 26_000, String(kept));
  lines.close();
});

test("new lines that match go on at the end, and rewritten ones are drawn at once", async () => {
  const server = new LogServer(100);
  const index = indexOf(server);
  await until(() => index.done);
  const lines = new Filtered({ index, read: server.read(/7/g), changed: () => {}, failed: () => {} });
  lines.want(lines.first, lines.total);
  await until(() => lines.get(lines.total)?.n === 97);
  server.lines[96].text = "97 again";
  lines.take({ lines: [{ n: 97, text: "97 again" }] });
  assert.equal(lines.get(lines.total).text, "97 again");
  server.grow(10);
  lines.take({ lines: server.lines.slice(100) });
  await until(() => index.matching === sevens(110).length);
  lines.want(lines.first, lines.total);
  await until(() => lines.get(lines.total)?.n === 107);
  server.grow(1000);
  lines.take({ lines: [], from: 111, to: 1110 }); // left out by the stream
  await until(() => index.matching === sevens(1110).length);
  lines.want(lines.total - 10, lines.total);
  await until(() => lines.get(lines.total)?.n === 1107);
  index.stop();
  lines.close();
});

test("hits are asked for where they are looked at, once", async () => {
  const server = new LogServer(10_000);
  const found = new Set();
  const hits = new Hits({
    read: (from, to) => server.read(/7/g)({ from, to, limit: 5000 }),
    changed: (numbers) => numbers.forEach((n) => found.add(n)),
  });
  hits.want(5000, 5600);
  await until(() => found.has(5597));
  assert.deepEqual(hits.of(server.lines[5006]), [[8, 9]]);
  assert.deepEqual(hits.of(server.lines[5007]), []);
  assert.equal(server.asked.length, 1);
  hits.want(5000, 5600);
  hits.want(5100, 5700);
  await until(() => found.has(5700));
  assert.deepEqual(server.asked.slice(1), [{ from: 5601, to: 5700, limit: 5000 }]);
  server.lines[5006].text = "rewritten 77";
  assert.deepEqual(hits.of(server.lines[5006]), []); // not those of the text before
  hits.want(5000, 5100);
  hits.forget(5007);
  await until(() => hits.of(server.lines[5006]).length === 2);
  hits.stop();
});

test("a line that is rewritten while the server is asked is asked for again", async () => {
  const server = new LogServer(100);
  const answers = [];
  const hits = new Hits({
    read: (from, to) => new Promise((resolve) => {
      const answer = server.read(/7/g)({ from, to });
      answers.push(() => resolve(answer));
    }),
    changed: () => {},
  });
  hits.want(1, 100);
  await until(() => answers.length === 1);
  server.lines[49].text = "now there is a 7";
  hits.forget(50);
  answers[0]();
  await until(() => answers.length === 2);
  answers[1]();
  await until(() => hits.of(server.lines[49]).length === 1);
  hits.stop();
});

test("the address, and what the API is asked", () => {
  const query = new LogQuery("q=50%25+a_b&level=error&level=critical&stream=stderr&since=2026-01-01T00:00:00.000Z&line=3");
  assert.equal(String(query), "q=50%25+a_b&level=error&level=critical&stream=stderr&since=2026-01-01T00%3A00%3A00.000Z");
  assert.equal(String(query.shown()), "level=error&level=critical&stream=stderr&since=2026-01-01T00%3A00%3A00.000Z");
  assert.equal(query.sought().get("q"), "50% a_b");
  assert.equal(query.sought().get("ignore_case"), "true");
  assert.equal(query.sought().get("regex"), null);
  const precise = query.unfiltered().with("case", "1").with("regex", "1");
  assert.equal(String(precise.marked(precise.sought())), "q=50%25+a_b&regex=true&mark=50%25+a_b");
  assert.equal(String(query.marked([["from", "1"]])), "from=1&mark=50%25+a_b&ignore_case=true");
  assert.equal(query.filters, 3);
  assert.equal(query.narrowed, true);
  assert.equal(String(query.unfiltered()), "q=50%25+a_b");
  assert.equal(query.unfiltered().narrowed, false);
  assert.equal(query.unfiltered().withOnly(true).narrowed, true);
  assert.equal(String(query.unfiltered().withOnly(true).withOnly(false)), "q=50%25+a_b");
  assert.equal(String(new LogQuery("", { only: true }).withOnly(false)), "only=0");
  assert.equal(String(new LogQuery("").marked("")), "");
});

test("the place of a line is known as soon as the search has come that far", async () => {
  const server = new LogServer(5000);
  const index = indexOf(server);
  const filtered = new Filtered({ index, read: server.read(/7/g) });
  let looked = null;
  const place = await filtered.locate({ n: 3000 }).then((found) => {
    looked = index.looked;
    return found;
  });
  assert.equal((await filtered.all(place, place))[0].n, 3007);
  assert.ok(looked < 5000, String(looked));
  const none = new Filtered({ index: indexOf(server, /none/g), read: server.read(/none/g) });
  assert.equal(await none.locate({ n: 3000 }), null);
  const last = new Filtered({ index: indexOf(server, /line 70\b/g), read: server.read(/line 70\b/g) });
  assert.equal(await last.locate({ n: 3000 }), last.total);
  for (const each of [filtered, none, last]) {
    each.close();
    each.index.stop();
  }
});
