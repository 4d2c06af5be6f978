// The tasks page.

import { Actions } from "./actions.js";
import { startCommands } from "./commands.js";
import { Filters } from "./filters.js";
import { listen } from "./keyboard.js";
import { TaskList } from "./list.js";
import { connect, startLive } from "./live.js";
import { RowMenu } from "./menu.js";
import { tellOutcome } from "./outcomes.js";
import { byId, pageData, setText } from "./page.js";
import { Query } from "./query.js";
import { Selection } from "./selection.js";
import { Stats, isLifecycle } from "./stats.js";
import { drawIcon, drawTitle, summary } from "./title.js";

const data = pageData();
const context = await startLive(data.now);
const { t, wording } = context;
const query = new Query(location.search);

const list = new TaskList({
  context, query, data,
  drawn: () => {
    filters.draw(list.next);
    selection.draw();
  },
});
const filters = new Filters({ query, change: (wanted) => list.load(wanted) });
const actions = new Actions({
  context,
  changed: (task) => list.put(task),
  deleted: (id) => list.remove(id),
});
const selection = new Selection({ context, list, actions });
new RowMenu({ list, choose: (action, id) => actions.one(action, id) });

const drawStats = ({ counts, queues }) => {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  for (const chip of byId("chips").children) {
    setText(chip.querySelector(".chip-count"), wording.number(counts[chip.dataset.status] ?? all));
  }
  filters.addQueues(queues);
  drawTitle(summary(counts, t));
  drawIcon(counts.failed > 0);
};
const stats = new Stats(drawStats);
drawStats(data);

list.body.addEventListener("click", (event) => {
  const button = event.target.closest(".task-action");
  if (button) actions.one(button.dataset.action, idOf(button));
});
startCommands(context);

// -- keyboard: the name link of a row carries the focus

const current = () => document.activeElement.closest("#rows tr");
const move = (step) => {
  const rows = [...list.body.children];
  const at = rows.indexOf(current());
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step];
  next?.querySelector(".task-name").focus();
  next?.scrollIntoView({ block: "nearest" });
};
const onCurrent = (act) => () => {
  const row = current();
  if (!row) return false;
  return act(idOf(row));
};
const offline = () => document.body.classList.contains("offline");
listen({
  "/": () => byId("search").select(),
  j: () => move(1),
  k: () => move(-1),
  x: onCurrent((id) => selection.toggle(id)),
  r: onCurrent((id) => (offline() ? false : actions.one("retry", id))),
  c: onCurrent((id) => (offline() ? false : actions.one("cancel", id))),
  Escape: () => (selection.ids.length > 0 ? selection.clear() : false),
});
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Escape") event.target.blur();
});

connect({
  topics: ["system"],
  cursor: data.cursor,
  context,
  handlers: {
    event: (event) => {
      tellOutcome(event, { context, nameOf: (id) => list.store.get(id)?.name });
      if (event.type.startsWith("TASK_")) list.onEvent(event);
      if (isLifecycle(event.type)) stats.refreshSoon();
    },
    status: ({ state }) => {
      if (state === "offline") return;
      list.connected();
      stats.connected();
    },
    reset: () => {
      list.reload();
      stats.refreshSoon();
    },
  },
});

function idOf(element) {
  return Number(element.closest("tr").dataset.taskId);
}
