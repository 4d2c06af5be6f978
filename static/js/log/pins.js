// Lines that a selection begins or ends in while they are out of sight: they stay in the document, in
// order, wherever the reader goes, or the selection would be gone.

export class Pins {
  #pinned = new Map(); // n -> element

  constructor({ lines }) {
    this.lines = lines;
    document.addEventListener("selectionchange", () => this.#letGo());
  }

  get(n) {
    return this.#pinned.get(n);
  }

  keep(n, element) {
    element.classList.add("log-pinned");
    this.#pinned.set(n, element);
  }

  // The element is to be drawn as any other; undefined when there is none.
  release(n) {
    const element = this.#pinned.get(n);
    this.#pinned.delete(n);
    element?.classList.remove("log-pinned");
    return element;
  }

  // The element of the next one; null when there is none.
  after(n) {
    const after = [...this.#pinned.keys()].filter((other) => other > n);
    return after.length > 0 ? this.#pinned.get(Math.min(...after)) : null;
  }

  #letGo() {
    if (this.#pinned.size === 0) return;
    const selected = selectionEnds();
    for (const [n, element] of this.#pinned) {
      if (selected(element)) continue;
      element.remove();
      this.#pinned.delete(n);
    }
  }
}

// -> whether the selection begins or ends in an element; asked for once, since it may cost a layout.
export function selectionEnds() {
  const selection = getSelection();
  const ends = selection.isCollapsed ? [] : [selection.anchorNode, selection.focusNode];
  return (element) => ends.some((node) => element.contains(node));
}
