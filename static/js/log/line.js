// One line of a log as it is drawn: its number, which is a link to it, and its text.

import { plain } from "../ansi.js";
import { exact } from "../format.js";
import { setAttribute, setText } from "../page.js";

export function createLine() {
  const element = document.createElement("div");
  element.className = "log-line";
  const number = document.createElement("a");
  number.className = "log-number";
  number.tabIndex = -1;
  const text = document.createElement("span");
  text.className = "log-text";
  element.append(number, text);
  return element;
}

// line: as the API answers it, or { n, pending: true } while it is not there yet
export function drawLine(element, line) {
  const [number, text] = element.children;
  const n = String(line.n);
  element.dataset.n = n;
  element.classList.toggle("pending", line.pending === true);
  setText(number, n);
  number.hash = `L${n}`;
  setAttribute(element, "data-stream", line.stream ?? null);
  setAttribute(element, "data-level", line.level ?? null);
  setAttribute(element, "title", line.pending ? null : exact(line.time));
  setText(text, line.pending ? "" : plain(line.text));
}
