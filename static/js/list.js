// The rows: a snapshot from the server, kept up to date by events, never moving under the reader.

import { ApiError, api } from "./api.js";
import { batched } from "./frame.js";
import { isActive } from "./format.js";
import { byId, setText } from "./page.js";
import { Row } from "./row.js";
import { Store } from "./store.js";

const MOST_ROWS = 200; // beyond, new tasks wait behind the pill
const RECHECK = 2000;
const SKELETON_AFTER = 300;
const SKELETONS = 8;
const RETRY = 2000;

export class TaskList {
  #dirty = new Set();
  #journal = null; // events since a snapshot was asked for
  #abort = null;
  #fetching = new Set();
  #waiting = new Set(); // ids behind the pill
  #arrivals = []; // tasks whose rows are still to be drawn
  #atTop = true; // kept, because asking the window would lay the page out at each event
  #recheck = 0;

  // drawn(list): after the rows were replaced
  constructor({ context, query, data, drawn }) {
    this.context = context;
    this.query = query;
    this.drawn = drawn;
    this.body = byId("rows");
    this.rows = new Map();
    this.next = data.next;
    this.store = new Store((id) => {
      this.#dirty.add(id);
      this.#draw();
    });
    this.#draw = batched(() => this.#flush());
    this.store.replace(data.tasks);
    for (const element of this.body.children) {
      const task = this.store.get(Number(element.dataset.taskId));
      this.rows.set(task.id, new Row(task, context, element));
    }
    const place = () => (this.#atTop = window.scrollY < 80);
    addEventListener("scroll", place, { passive: true });
    place();
    byId("pill").addEventListener("click", () => this.refresh(true));
    byId("tidy").addEventListener("click", () => this.refresh());
    byId("load-error").querySelector("button").addEventListener("click", () => this.refresh());
  }

  #draw;

  // -- events

  onEvent(event) {
    this.#journal?.push(event);
    this.#apply(event);
  }

  #apply(event) {
    const { data, type } = event;
    const result = this.store.apply(event);
    if (result === "gap") this.fetchTask(data.id);
    if (type === "TASK_DELETED" && this.#waiting.delete(data.id)) this.#drawPill();
    if (result !== "unknown") return;
    if (type === "TASK_CREATED") this.#arrive(data);
    else if (this.#mayEnter(event)) this.recheckSoon();
  }

  // A task that is not on the page changed so that it may belong there now.
  #mayEnter({ type, data }) {
    if (!this.query.firstPage || type === "TASK_UPDATED" || type === "TASK_DELETED") return false;
    const wanted = this.query.all("status");
    return wanted.length > 0 ? wanted.includes(data.status) : isActive(data.status);
  }

  #arrive(task) {
    if (!this.query.firstPage || this.store.has(task.id) || !this.query.matches(task)) return;
    const room = this.rows.size + this.#arrivals.length < MOST_ROWS;
    if (this.query.newestFirst && this.#atTop && room) {
      this.store.put(task);
      this.#arrivals.push(task.id);
    } else {
      this.#waiting.add(task.id);
      this.#drawPill();
    }
  }

  #insert(id) {
    const task = this.store.get(id);
    if (!task) return;
    const row = new Row(task, this.context);
    row.element.classList.add("arriving");
    this.rows.set(id, row);
    const behind = [...this.body.children].find((element) => {
      const other = this.store.get(Number(element.dataset.taskId));
      return other && this.query.before(task, other);
    });
    this.body.insertBefore(row.element, behind ?? null);
  }

  #drawPill() {
    const pill = byId("pill");
    pill.hidden = this.#waiting.size === 0;
    setText(pill.querySelector("span"), this.context.t("pill.new", { count: this.#waiting.size }));
  }

  #flush() {
    const ids = [...this.#dirty];
    this.#dirty.clear();
    if (this.#arrivals.length > 0) {
      for (const id of this.#arrivals.splice(0)) this.#insert(id);
      this.#frame();
    }
    const { t } = this.context;
    for (const id of ids) {
      const row = this.rows.get(id);
      const task = this.store.get(id);
      if (!row) continue;
      if (!task) {
        row.dim(t("row.deleted"), true);
        continue;
      }
      row.draw(task);
      row.dim(this.query.matches(task) ? null : t("row.left"));
    }
    byId("tidy").hidden = this.body.querySelector(".dimmed") === null;
  }

  // -- snapshots

  refresh(toTop = false) {
    const query = toTop ? this.query.with("page") : this.query;
    if (toTop) window.scrollTo({ top: 0 });
    return this.load(query);
  }

  // -> false when it has to be tried again
  async load(query) {
    this.query = query;
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#journal = [];
    const skeleton = setTimeout(() => this.#skeleton(), SKELETON_AFTER);
    try {
      const answer = await this.#read(query, abort.signal);
      this.#replace(answer);
      return true;
    } catch (error) {
      if (abort.signal.aborted) return true; // another one is on its way
      this.#journal = null;
      this.#failed(error);
      return false;
    } finally {
      clearTimeout(skeleton);
    }
  }

  // After RESET: until it works, because what is shown may be of another life.
  async reload() {
    if (!(await this.load(this.query))) setTimeout(() => this.reload(), RETRY);
  }

  #read(query, signal) {
    return api("GET", `api/tasks?${query}`, { signal, unreachable: this.context.t("error.unreachable") });
  }

  #replace(answer) {
    const kept = this.rows;
    const focused = document.activeElement;
    this.store.replace(answer.tasks);
    this.#arrivals = [];
    this.next = answer.next;
    this.rows = new Map();
    for (const task of answer.tasks) {
      const row = kept.get(task.id) ?? new Row(task, this.context);
      row.draw(task);
      row.dim(null);
      row.element.classList.remove("arriving");
      this.rows.set(task.id, row);
    }
    this.body.replaceChildren(...[...this.rows.values()].map((row) => row.element));
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
    this.#waiting.clear();
    this.#drawPill();
    byId("load-error").hidden = true;
    byId("tidy").hidden = true;
    const journal = this.#journal;
    this.#journal = null;
    for (const event of journal) this.#apply(event);
    this.#frame();
    this.drawn(this);
  }

  // The connection is back: is there something to make up for?
  connected() {
    if (!byId("load-error").hidden) this.refresh();
  }

  #failed(error) {
    const { t, wording } = this.context;
    setText(byId("load-error").querySelector("span"), t("error.load", { detail: wording.trouble(error) }));
    byId("load-error").hidden = false;
    for (const element of this.body.querySelectorAll(".skeleton")) element.remove();
    if (this.body.childElementCount === 0) {
      this.body.replaceChildren(...[...this.rows.values()].map((row) => row.element));
    }
  }

  #skeleton() {
    const columns = byId("tasks").tHead.rows[0].cells.length;
    const rows = Array.from({ length: SKELETONS }, () => {
      const row = document.createElement("tr");
      row.className = "skeleton";
      row.setAttribute("aria-hidden", "true");
      for (let index = 0; index < columns; index += 1) row.insertCell().append(document.createElement("i"));
      return row;
    });
    byId("table-frame").hidden = false;
    byId("no-match").hidden = true;
    this.body.replaceChildren(...rows);
  }

  // What stands around the rows: the table, or why there are none.
  #frame() {
    const none = this.rows.size === 0;
    const empty = none && !this.query.filtered && this.query.firstPage;
    byId("table-frame").hidden = none;
    byId("pager").hidden = none;
    byId("empty").hidden = !empty;
    byId("no-match").hidden = !none || empty;
    setText(byId("shown"), this.context.t("pager.shown", { count: this.rows.size }));
  }

  // -- single tasks

  // Which tasks of the first page are not shown yet?
  recheckSoon() {
    this.#recheck ||= setTimeout(async () => {
      this.#recheck = 0;
      if (this.#journal !== null) return;
      try {
        const query = this.query;
        const answer = await this.#read(query);
        if (query !== this.query || this.#journal !== null) return;
        for (const task of answer.tasks) {
          if (this.store.has(task.id)) this.store.put(task);
          else this.#arrive(task);
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }, RECHECK);
  }

  async fetchTask(id) {
    if (this.#fetching.has(id)) return;
    this.#fetching.add(id);
    try {
      this.put(await api("GET", `api/tasks/${id}`));
    } catch (error) {
      if (error.status !== 404) setTimeout(() => this.store.has(id) && this.fetchTask(id), RETRY);
      else if (this.rows.has(id)) this.gone(id);
    } finally {
      this.#fetching.delete(id);
    }
  }

  put({ payload, result, ...task }) {
    if (this.store.has(task.id)) this.store.put(task);
  }

  // Deleted elsewhere: its row stays, dimmed.
  gone(id) {
    this.store.forget(id);
    this.#dirty.add(id);
    this.#draw();
  }

  // Deleted by the reader: its row goes.
  remove(id) {
    const row = this.rows.get(id);
    if (!row) return;
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    const focused = row.element.contains(document.activeElement);
    row.element.remove();
    this.rows.delete(id);
    this.store.forget(id);
    if (focused && next) next.querySelector(".task-name").focus();
    else if (focused) byId("content").focus({ preventScroll: true });
    this.#frame();
    this.drawn(this);
  }
}
