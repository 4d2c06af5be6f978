// Selecting and copying lines, of which only some are in the document.

import { plain } from "../ansi.js";

const MOST = 50_000; // lines copied at once; more are a download

export class Selection {
  // read(first, last) -> promise of lines; range() -> { first, last }
  // failed(error, most): nothing was copied, without an error because it is more than `most` lines
  constructor({ box, scroller, lines, read, range, failed }) {
    Object.assign(this, { box, scroller, lines, read, range, failed });
    box.addEventListener("keydown", (event) => this.#onKey(event));
    box.addEventListener("copy", (event) => this.#onCopy(event));
  }

  #onKey(event) {
    if (event.key !== "a" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    const { first, last } = this.range();
    if (last < first) return;
    event.preventDefault();
    const begin = this.scroller.pin(first);
    const end = this.scroller.pin(last);
    getSelection().setBaseAndExtent(textOf(begin), 0, textOf(end), textOf(end).childNodes.length);
  }

  // Several lines are copied from what we know of them, not from what is drawn.
  #onCopy(event) {
    const selection = getSelection();
    if (selection.rangeCount === 0) return;
    const range = selection.getRangeAt(0);
    const begin = place(range.startContainer, range.startOffset);
    const end = place(range.endContainer, range.endOffset);
    if (!begin || !end || begin.n === end.n) return;
    event.preventDefault();
    if (end.n - begin.n >= MOST) {
      this.failed(null, MOST);
      return;
    }
    const texts = [];
    for (let n = begin.n; n <= end.n; n += 1) {
      const line = this.lines.get(n);
      if (!line) {
        this.#copyLater(begin, end);
        return;
      }
      texts.push(plain(line.text));
    }
    event.clipboardData.setData("text/plain", cut(texts, begin, end));
  }

  async #copyLater(begin, end) {
    try {
      const lines = await this.read(begin.n, end.n);
      const text = cut(lines.map((line) => plain(line.text)), begin, end);
      await navigator.clipboard.writeText(text);
    } catch (error) {
      this.failed(error, MOST);
    }
  }
}

function cut(texts, begin, end) {
  texts[texts.length - 1] = texts.at(-1).slice(0, end.offset);
  texts[0] = texts[0].slice(begin.offset);
  return texts.join("\n");
}

function textOf(element) {
  return element.querySelector(".log-text");
}

// The line and the place in its text that a boundary of a range means.
function place(node, offset) {
  const element = (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement).closest(".log-line");
  if (!element) return null;
  const text = textOf(element);
  const before = document.createRange();
  before.setStart(text, 0);
  if (before.comparePoint(node, offset) > 0) before.setEnd(node, offset);
  if (!text.contains(before.endContainer)) before.setEnd(text, text.childNodes.length);
  return { n: Number(element.dataset.n), offset: before.toString().length };
}
