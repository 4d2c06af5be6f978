// The same cases as tests/test_ansi.py: what is drawn is what the server searches.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { carry, pieces, plain } from "../../static/js/ansi.js";

const cases = JSON.parse(readFileSync(new URL("ansi.json", import.meta.url), "utf8"));

test("plain text", () => {
  for (const [text, expected] of cases.plain) assert.equal(plain(text), expected, JSON.stringify(text));
});

test("the state that a line leaves to the next one", () => {
  for (const [state, text, expected] of cases.carry) {
    assert.equal(carry(state, text), expected, JSON.stringify([state, text]));
  }
});

test("pieces in their colours, links only to the web", () => {
  for (const [state, text, expected] of cases.pieces) {
    const found = pieces(text, state).map((piece) => [piece.text, piece.state, piece.link]);
    assert.deepEqual(found, expected, JSON.stringify([state, text]));
  }
});

test("pieces together are the plain text, and leave the state that is carried", () => {
  for (const [text] of cases.plain) {
    assert.equal(pieces(text).map((piece) => piece.text).join(""), plain(text), JSON.stringify(text));
  }
  for (const [state, text, expected] of cases.carry) {
    assert.equal(pieces(`${text}end`, state).at(-1)?.state ?? state, expected, JSON.stringify([state, text]));
  }
});

test("with its escapes, nothing of a line is missing", () => {
  for (const [text] of cases.plain) {
    const found = pieces(text, "", { escapes: true });
    assert.equal(found.map((piece) => piece.text).join(""), text, JSON.stringify(text));
    const shown = found.filter((piece) => !piece.escape);
    assert.equal(shown.map((piece) => piece.text).join(""), plain(text), JSON.stringify(text));
  }
});

test("no line is slow", () => {
  for (const part of ["\x1b", "\x1b[", "\x1b[1", "\x1b[1;", "\x1b]", "\x1b]8;;", "\x1b]8;;https://", "\x1bP", "\x1bk", "\x1b(", "1;", " "]) {
    for (const start of ["", "\x1b[", "\x1b]", "\x1b]8;;https://", "\x1bk"]) {
      for (const end of ["", "m", "\x1b\\", "\x07", "日"]) {
        const line = start + part.repeat(16384 / part.length) + end;
        const started = process.cpuUsage().user;
        plain(line);
        pieces(line, "1;31");
        assert.ok(process.cpuUsage().user - started < 100_000, JSON.stringify([start, part, end]));
      }
    }
  }
});
