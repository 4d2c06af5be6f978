// The page of one task.

import { Actions } from "./actions.js";
import { api } from "./api.js";
import { TaskView } from "./facts.js";
import { isActive } from "./format.js";
import { batched } from "./frame.js";
import { listen } from "./keyboard.js";
import { connect, startLive } from "./live.js";
import { TaskLog } from "./log/task-log.js";
import { tellOutcome } from "./outcomes.js";
import { pageData, root } from "./page.js";
import { Store } from "./store.js";
import { drawIcon, drawTitle } from "./title.js";

const RETRY = 2000;
const data = pageData();
const { id } = data.task;
const topic = `task:${id}`;
const context = await startLive(data.now);
const { t } = context;
const view = new TaskView({ context, task: data.task });
const log = new TaskLog({ context, id, log: data.log });

let ended = false; // the task's own topic says no more
let left = false; // ... or was refused, as there was no such task
let restarts = 0;
let again = 0; // timer
let journal = null; // events since the task was asked for anew
const draw = batched(() => {
  const task = store.get(id);
  if (!task) return;
  view.draw(task);
  log.end(isActive(task.status));
  drawTitle(`${t(`status.${task.status}`)} · #${id} ${task.name}`);
  drawIcon(task.status === "failed");
});
const store = new Store((_, task, before) => {
  if (!task) return gone();
  const finished = isActive(before.status) && !isActive(task.status);
  if (finished || (task.status === "stalled" && before.status !== "stalled")) refetch();
  return draw();
});
store.replace([data.task]);
draw();

const actions = new Actions({
  context,
  changed: (task) => store.put(task),
  deleted: () => location.assign(`${root}tasks`),
});
for (const button of document.querySelectorAll("#task .task-action")) {
  button.addEventListener("click", () => actions.one(button.dataset.action, id));
}

const act = (action) => () => {
  if (document.body.classList.contains("offline")) return false;
  return actions.one(action, id);
};
listen({
  r: act("retry"),
  c: act("cancel"),
  ...log.keys,
});

const stream = connect({
  topics: ["system", topic],
  cursor: data.cursor,
  context,
  handlers: {
    event: (event) => {
      tellOutcome(event, { context, nameOf: (other) => store.get(other)?.name });
      if (event.type === "LOG") {
        if (event.data.task_id === id) log.take(event.data);
      } else if (event.data.id === id && event.type.startsWith("TASK_")) {
        journal?.push(event);
        apply(event);
      }
    },
    end: (name) => {
      if (name === topic) ended = true;
    },
    reset: () => {
      restart();
      log.reload();
    },
    gone: () => {
      left = true;
      restart();
    },
  },
});

function apply(event) {
  if (store.apply(event) === "gap") refetch();
  const task = store.get(id);
  if (ended && task && isActive(task.status)) { // somebody retried it
    ended = false;
    stream.subscribe(["system", topic]);
  }
}

// Events do not carry results.
async function refetch() {
  clearTimeout(again);
  try {
    const task = await api("GET", `api/tasks/${id}`);
    const known = store.get(id);
    if (known && task.version < known.version) return;
    store.replace([task]);
    draw();
  } catch (error) {
    if (error.status === 404) gone();
    else again = setTimeout(refetch, RETRY);
  }
}

// What is shown may be of another life of the database.
async function restart() {
  restarts += 1;
  const turn = restarts;
  journal = [];
  try {
    const task = await api("GET", `api/tasks/${id}`);
    if (turn === restarts) resume(task);
  } catch (error) {
    if (turn !== restarts) return;
    if (error.status === 404) gone();
    else setTimeout(restart, RETRY);
  }
}

function resume(task) {
  store.replace([task]);
  draw();
  const missed = journal;
  journal = null;
  for (const event of missed) apply(event);
  if (!left) return;
  left = false;
  stream.subscribe(["system", topic]);
  log.reload();
}

function gone() {
  left = true;
  store.replace([]);
  view.gone();
  log.gone();
  stream.subscribe(["system"]);
}
