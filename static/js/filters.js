// Chips, search, queue and order; the address bar is their state.

import { byId, root, setAttribute } from "./page.js";
import { Query } from "./query.js";

const TYPING = 250;

export class Filters {
  #typing = 0;

  // change(query): the reader asked for another list
  constructor({ query, change }) {
    this.query = query;
    this.change = change;
    this.search = byId("search");
    this.queue = byId("queue");
    this.sort = byId("sort");

    byId("chips").addEventListener("click", (event) => this.#chip(event));
    byId("filters").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#searched(true);
    });
    this.search.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#searched(false), TYPING);
    });
    this.queue.addEventListener("change", () => this.#go(this.query.with("queue", this.queue.value)));
    this.sort.addEventListener("change", () => {
      const standard = this.sort.value === this.sort.options[0].value;
      this.#go(this.query.with("sort", standard ? "" : this.sort.value));
    });
    for (const id of ["clear-filters", "clear-filters-too"]) {
      byId(id).addEventListener("click", () => this.#go(this.query.cleared()));
    }
    for (const id of ["first-page", "next-page"]) {
      byId(id).addEventListener("click", (event) => {
        if (plainClick(event)) this.#go(new Query(new URL(event.currentTarget.href).search), true);
      });
    }
    addEventListener("popstate", () => this.#show(new Query(location.search)));
    reveal();
  }

  // One status at a time; with Shift several.
  #chip(event) {
    const chip = event.target.closest(".chip");
    if (!chip || event.ctrlKey || event.metaKey || event.button !== 0) return;
    event.preventDefault();
    const { status } = chip.dataset;
    const chosen = this.query.all("status");
    let wanted = chosen.length === 1 && chosen[0] === status ? [] : [status];
    if (event.shiftKey && status) {
      wanted = chosen.includes(status) ? chosen.filter((each) => each !== status) : [...chosen, status];
    }
    this.#go(this.query.with("status", ...wanted));
  }

  #searched(push) {
    clearTimeout(this.#typing);
    const query = this.query.with("q", this.search.value.trim());
    if (String(query) !== String(this.query)) this.#go(query, false, push || !this.query.get("q"));
  }

  #go(query, toTop = false, push = true) {
    const address = addressOf(query);
    if (push) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    if (toTop) scrollTo({ top: 0 });
    this.#show(query);
  }

  #show(query) {
    this.query = query;
    this.draw();
    reveal();
    this.change(query);
  }

  draw(next = null) {
    const { query } = this;
    const chosen = query.all("status");
    for (const chip of byId("chips").children) {
      const { status } = chip.dataset;
      const current = status ? chosen.includes(status) : chosen.length === 0;
      setAttribute(chip, "aria-current", current ? "true" : null);
      chip.href = addressOf(query.with("status", status));
    }
    if (document.activeElement !== this.search) this.search.value = query.get("q");
    addOption(this.queue, query.get("queue"));
    this.queue.value = query.get("queue");
    this.sort.value = query.get("sort") || this.sort.options[0].value;
    byId("clear-filters").hidden = !query.filtered;
    byId("first-page").hidden = query.firstPage;
    byId("first-page").href = addressOf(query.with("page"));
    const more = byId("next-page");
    more.hidden = !next;
    if (next) more.href = addressOf(query.with("page", next));
  }

  addQueues(names) {
    for (const name of names) addOption(this.queue, name);
  }
}

function addressOf(query) {
  const text = String(query);
  return `${root}tasks${text ? `?${text}` : ""}`;
}

// A phone's row of chips is wider than its window: the chosen one goes to the middle.
function reveal() {
  const row = byId("chips");
  const chip = row.querySelector("[aria-current]");
  if (chip) row.scrollLeft = chip.offsetLeft - row.offsetLeft - (row.clientWidth - chip.offsetWidth) / 2;
}

function addOption(select, name) {
  if (!name || [...select.options].some((option) => option.value === name)) return;
  const after = [...select.options].slice(1).find((option) => option.value > name);
  select.add(new Option(name, name), after ?? null);
}

function plainClick(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return false;
  event.preventDefault();
  return true;
}
