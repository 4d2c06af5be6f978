// Where lines stand in a space that no browser finds too high.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CAP, Extent } from "../../static/js/log/extent.js";

const COUNTS = [0, 1, 7, 1_000, 199_999, 200_000, 200_001, 2_000_000, 50_000_000];

test("the space is never higher than the cap, nor lower than what fits", () => {
  for (const count of COUNTS) {
    const { space } = new Extent(count, 20);
    assert.equal(space, Math.min(count * 20, CAP));
  }
});

test("places rise with the lines, from the top of the space to its bottom", () => {
  for (const count of COUNTS) {
    for (const height of [14, 19, 57.3, 400]) {
      const extent = new Extent(count, height);
      assert.equal(extent.offset(0), 0);
      assert.ok(Math.abs(extent.offset(count) - extent.space) < 1e-6);
      let before = -1;
      for (let part = 0; part <= 1000; part += 1) {
        const offset = extent.offset((count * part) / 1000);
        assert.ok(offset >= before && offset <= extent.space + 1e-6);
        before = offset;
      }
    }
  }
});

test("a place leads back to its line", () => {
  for (const count of COUNTS.slice(1)) {
    const extent = new Extent(count, 19);
    for (let part = 0; part <= 1000; part += 1) {
      const index = (count * part) / 1000;
      assert.ok(Math.abs(extent.index(extent.offset(index)) - index) < 1e-6 * count);
    }
  }
});

test("at both ends lines take their height, however many there are", () => {
  const extent = new Extent(2_000_000, 20);
  for (const index of [0, 10, 4_000]) {
    assert.equal(extent.offset(index + 1) - extent.offset(index), 20);
    const last = 2_000_000 - index;
    assert.ok(Math.abs(extent.offset(last) - extent.offset(last - 1) - 20) < 1e-6);
  }
});

test("the middle of the bar is the middle of the log", () => {
  for (const count of [1_000, 2_000_000, 50_000_000]) {
    const extent = new Extent(count, 20);
    assert.ok(Math.abs(extent.index(extent.space / 2) / count - 0.5) < 0.001);
    assert.ok(Math.abs(extent.index(extent.space / 10) / count - 0.1) < 0.03);
  }
});
