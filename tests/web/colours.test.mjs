// Whatever colours a log asks for, it can be read: AA, light and dark.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { colours, contrast, index } from "../../static/js/log/colours.js";

const read = (name) => readFileSync(new URL(`../../static/css/${name}`, import.meta.url), "utf8");
const rgb = (hex) => [...hex.matchAll(/../g)].map(([byte]) => parseInt(byte, 16));
const hex = (text) => rgb(text.length === 3 ? [...text].map((digit) => digit + digit).join("") : text);
const parts = (css) => css.match(/\d+/g).map(Number);
const faint = (css) => [...css.matchAll(/--lq-faint: #(\w+)/g)].map(([, colour]) => hex(colour));
const [LIGHT, DARK] = faint(read("base.css"));

test("the sixteen", () => {
  const css = read("log-line.css");
  for (const [start, paper] of [["^", LIGHT], ['^\\[data-bs-theme="dark"\\] ', DARK]]) {
    const found = [...css.matchAll(new RegExp(`${start}\\.ansi-(\\d+) \\{ color: #(\\w+); \\}`, "gm"))];
    assert.deepEqual(found.map(([, number]) => Number(number)), [...Array(16).keys()]);
    for (const [rule, , colour] of found) assert.ok(contrast(hex(colour), paper) >= 4.5, rule);
  }
});

test("which of the sixteen", () => {
  const cases = { 30: 0, 37: 7, 90: 8, 97: 15, 40: 0, 107: 15, "38;5;3": 3, "48;5;15": 15, "38;5;16": null, "38;2;1;2;3": null, "": null };
  for (const [colour, expected] of Object.entries(cases)) assert.equal(index(colour), expected, colour);
});

test("all 256, any true colour, backgrounds, inverse and dim", () => {
  const foregrounds = ["", "31", "97", "38;5;226", "38;5;232", "38;2;255;255;0", "38;2;0;0;64", "38;2;128;128;128"];
  const backgrounds = ["", "40", "43", "107", "48;5;21", "48;2;119;119;119", "48;2;118;118;118"];
  for (let number = 0; number < 256; number += 1) foregrounds.push(`38;5;${number}`);
  for (const foreground of foregrounds) {
    for (const background of backgrounds) {
      for (const inverse of [false, true]) {
        for (const dim of [false, true]) {
          const found = colours({ foreground, background, inverse, dim });
          for (const [theme, paper] of [["light", LIGHT], ["dark", DARK]]) {
            const on = found[theme].paper ? parts(found[theme].paper) : paper;
            const ratio = contrast(parts(found[theme].ink), on);
            assert.ok(ratio >= 4.49, JSON.stringify({ foreground, background, inverse, dim, theme, ratio }));
          }
        }
      }
    }
  }
});

test("colours that can be read stay as they are", () => {
  const found = colours({ foreground: "37", background: "44", inverse: false, dim: false });
  assert.equal(found.dark.paper, "rgb(36 114 200)");
  assert.equal(colours({ foreground: "38;2;1;2;3", background: "", inverse: false, dim: false }).light.ink, "rgb(1 2 3)");
  assert.equal(colours({ foreground: "38;5;196", background: "48;5;16", inverse: true, dim: false }).light.paper, "rgb(255 0 0)");
});
