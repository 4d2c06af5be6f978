// Single keys, for readers whose focus is not in a field.

import { dialogOpen, openHelp } from "./dialogs.js";
import { root } from "./page.js";

const CHORD = 1500; // between the keys of "g t"
const PAGES = { t: "tasks", l: "logs" };

// keys: { "/": () => ..., "End": ... }; a handler that returns false leaves the key alone
export function listen(keys) {
  let leader = 0;
  const all = { "?": openHelp, ...keys };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (dialogOpen() || event.target.closest("input:not([type=checkbox]), select, textarea, [popover]")) return;
    if (event.key === "g") {
      leader = Date.now();
      return;
    }
    if (event.key in PAGES && Date.now() - leader < CHORD) {
      location.assign(root + PAGES[event.key]);
      return;
    }
    leader = 0;
    const handler = all[event.key];
    if (handler && handler(event) !== false) event.preventDefault();
  });
}
