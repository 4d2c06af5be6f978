// The network check's probes, against servers that are none of ours.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { Probes, Unreached } from "../../static/js/network/probes.js";

const KIND = { stream: "text/event-stream", seen: "application/json", poll: "text/html" };

// Begins to answer with `piece` and never ends; -> { probes, ends(): once it was left }
async function endless(t, piece, status = 200) {
  const left = [];
  const server = createServer((request, response) => {
    const [, name] = request.url.match(/\/api\/network\/(\w+)/);
    response.writeHead(status, { "Content-Type": KIND[name] });
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on("drain", more);
    left.push(new Promise((resolve) => response.on("close", resolve)));
    more();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = `http://127.0.0.1:${server.address().port}/`;
  return { probes: new Probes({ base }), ends: () => Promise.all(left) };
}

test("a stream that never ends is left, and its beginning kept", { timeout: 30000 }, async (t) => {
  const { probes, ends } = await endless(t, `${"x".repeat(5000)}\n`);
  const result = await probes.stream("text/event-stream", new AbortController().signal);
  await ends();
  assert.equal(result.status, 200);
  assert.equal(result.whole, false);
  assert.equal(result.page, "x".repeat(300));
});

test("so is one that has frames", { timeout: 30000 }, async (t) => {
  const { probes, ends } = await endless(t, 'event: OTHER\ndata: {"at": 1}\n\n');
  const result = await probes.stream("text/event-stream", new AbortController().signal);
  await ends();
  assert.ok(result.sent.length < 20000, `${result.sent.length} events`);
});

test("and an error page, and a poll's answer", { timeout: 30000 }, async (t) => {
  const { probes, ends } = await endless(t, "<p>no</p>\n", 403);
  const { signal } = new AbortController();
  const stream = await probes.stream("text/event-stream", signal);
  const poll = await probes.poll(5, signal);
  await ends();
  assert.deepEqual([stream.status, poll.status], [403, 403]);
  assert.ok(stream.page.startsWith("<p>no</p>") && poll.page.startsWith("<p>no</p>"));
});

test("what answers without end is not LiveQueue", { timeout: 30000 }, async (t) => {
  const { probes, ends } = await endless(t, '{"name": "LiveQueue"}');
  await assert.rejects(probes.seen(new AbortController().signal), Unreached);
  await ends();
});
