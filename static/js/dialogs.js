// Native dialogs: the browser keeps the focus inside and gives it back.

import { byId, setText } from "./page.js";

// -> whether the reader agreed
export function confirm({ title, text, button, danger = true }) {
  const dialog = byId("confirm-dialog");
  const agree = byId("confirm-button");
  setText(byId("confirm-title"), title);
  setText(byId("confirm-text"), text);
  setText(agree, button);
  agree.classList.toggle("btn-danger", danger);
  agree.classList.toggle("btn-primary", !danger);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "confirm"), { once: true });
  });
}

export function openHelp() {
  const dialog = byId("help-dialog");
  if (!dialog.open) dialog.showModal();
}

export function dialogOpen() {
  return document.querySelector("dialog[open]") !== null;
}
