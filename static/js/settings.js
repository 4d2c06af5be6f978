// The switches in the top bar: appearance and language.

import { byId, rootPath } from "./page.js";

const THEMES = ["auto", "light", "dark"];
const ICONS = { auto: "bi-circle-half", light: "bi-sun", dark: "bi-moon-stars" };
const YEAR = 31536000;

export function startSettings(t) {
  const button = byId("theme-button");
  const draw = () => {
    const { theme } = document.documentElement.dataset;
    button.querySelector("i").className = `bi ${ICONS[theme]}`;
    const text = t("nav.theme", { theme: t(`theme.${theme}`) });
    button.title = text;
    button.setAttribute("aria-label", text);
  };
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
    try {
      localStorage.setItem("livequeue.theme", next);
    } catch {
      return;
    }
    document.dispatchEvent(new Event("livequeue:theme"));
    draw();
  });
  draw();

  byId("language").addEventListener("change", (event) => {
    document.cookie = `lang=${event.target.value}; path=${rootPath}; max-age=${YEAR}; samesite=lax`;
    location.reload();
  });
}
