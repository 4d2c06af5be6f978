// Selecting and copying lines, of which only some are in the document.

import { plain } from "../ansi.js";

const MOST = 50_000; // lines copied at once; more are a download

export class Selection {
  // range() -> { first, last }, places
  // failed(error, most): nothing was copied, without an error because it is more than `most` lines
  constructor({ box, scroller, view, range, failed }) {
    Object.assign(this, { box, scroller, view, range, failed });
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
    const { source, look } = this.view;
    if (!begin || !end || (begin.place === end.place && !look.raw)) return;
    event.preventDefault();
    if (end.place - begin.place >= MOST) {
      this.failed(null, MOST);
      return;
    }
    const lines = [];
    for (let at = begin.place; at <= end.place; at += 1) {
      const line = source.get(at);
      if (!line) {
        this.#copyLater(begin, end);
        return;
      }
      lines.push(line);
    }
    event.clipboardData.setData("text/plain", cut(lines, begin, end, look.raw));
  }

  async #copyLater(begin, end) {
    const { source, look } = this.view;
    try {
      const lines = await source.all(begin.place, end.place);
      await navigator.clipboard.writeText(cut(lines, begin, end, look.raw));
    } catch (error) {
      this.failed(error, MOST);
    }
  }
}

// What is shown is copied: raw lines as they were sent, others without escape sequences.
function cut(lines, begin, end, raw) {
  const texts = lines.map(({ text }) => (raw ? text : plain(text)));
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
  return { place: Number(element.dataset.place), offset: before.toString().length };
}
