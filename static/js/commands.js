// Commands that stand on a page to be copied.

import { copyText } from "./copy.js";
import { root, setText } from "./page.js";

const SHOWN = 1500; // milliseconds that a copied one is marked

export function startCommands({ t, announcer }) {
  // The server cannot know by what address readers reach it through a proxy; the browser does.
  for (const element of document.querySelectorAll(".own-address")) {
    setText(element, root.replace(/\/$/, ""));
  }
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      // Where there is no clipboard it is selected, for the reader to copy.
      if (!(await copyText(button.previousElementSibling))) return;
      button.firstElementChild.className = "bi bi-check2";
      announcer.say(t("action.copied"));
      setTimeout(() => (button.firstElementChild.className = "bi bi-clipboard"), SHOWN);
    });
  }
}
