// The tab's title and icon tell how things are.

import { byId } from "./page.js";

export function drawTitle(text) {
  if (document.title !== text) document.title = text;
}

export function summary(counts, t) {
  const parts = ["running", "failed"]
    .filter((status) => counts[status] > 0)
    .map((status) => t(`title.${status}`, { count: counts[status] }));
  return parts.join(" · ") || `${t("title.tasks")} · LiveQueue`;
}

export function drawIcon(failed) {
  const icon = byId("favicon");
  icon.dataset.calm ??= icon.getAttribute("href");
  const address = failed ? icon.dataset.failed : icon.dataset.calm;
  if (icon.getAttribute("href") !== address) icon.setAttribute("href", address);
}
