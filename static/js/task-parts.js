// Draws the parts of a task that both pages show; only what changed is touched.

import { barColour, barValue, isActive } from "./format.js";
import { setAttribute, setText } from "./page.js";

export const STATUS_ICONS = {
  pending: "bi-clock",
  running: "bi-play-circle-fill",
  stalled: "bi-exclamation-triangle-fill",
  completed: "bi-check-circle-fill",
  failed: "bi-x-circle-fill",
  cancelled: "bi-slash-circle",
};
const PULSE = 500;
const COLOURS = ["bg-primary", "bg-info", "bg-success"];
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function drawBadge(badge, task, t) {
  const before = badge.dataset.status;
  if (before === task.status) return;
  badge.dataset.status = task.status;
  badge.classList.replace(`status-${before}`, `status-${task.status}`);
  badge.querySelector("i").className = `bi ${STATUS_ICONS[task.status]}`;
  setText(badge.querySelector(".task-status-word"), t(`status.${task.status}`));
}

// Says that the status changed; again from the start when it changes once more.
export function pulse(badge) {
  if (calm.matches) return;
  if (badge.classList.contains("pulse")) {
    for (const animation of badge.getAnimations()) animation.currentTime = 0;
  }
  badge.classList.add("pulse");
  clearTimeout(pulses.get(badge));
  pulses.set(badge, setTimeout(() => badge.classList.remove("pulse"), PULSE));
}
const pulses = new WeakMap();

export function drawBar(bar, task) {
  const fill = bar.firstElementChild;
  const known = task.progress !== null;
  bar.classList.toggle("indeterminate", !known && isActive(task.status) && task.status !== "pending");
  setAttribute(bar, "aria-valuenow", known ? barValue(task.progress) : null);
  const colour = barColour(task.progress);
  for (const element of [bar, fill]) {
    for (const name of COLOURS) element.classList.toggle(name, name === colour);
  }
  const width = `${task.progress ?? 0}%`;
  if (fill.style.width !== width) fill.style.width = width;
}

export function drawProgressWords(words, task, wording) {
  wording.progressParts(task).forEach((part, index) => setText(words.children[index], part));
}
