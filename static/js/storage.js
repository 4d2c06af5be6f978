// The page of what is kept: asks for itself every few seconds and takes over what has changed.

import { Wording } from "./format.js";
import { loadCatalogue } from "./i18n.js";
import { byId, language, root, setText } from "./page.js";
import { patch } from "./patch.js";
import { startSettings } from "./settings.js";

const EVERY = 10000;

const wording = new Wording(await loadCatalogue(language), Date.now);
const { t } = wording;
let timer = 0;
let taken = Date.now();

byId("help-button").hidden = true;
startSettings(t);

async function load() {
  const response = await fetch(`${root}storage`, {
    cache: "no-store",
    credentials: "same-origin",
    headers: { Accept: "text/html" },
  });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("storage");
  if (!response.ok || fresh === null) throw new Error(`HTTP ${response.status}`);
  return fresh;
}

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    patch(byId("storage"), await load());
    taken = Date.now();
  } catch {
    byId("storage-stale").hidden = false;
    setText(byId("storage-stale"), t("storage.stale", { age: wording.duration((Date.now() - taken) / 1000) }));
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, EVERY);
}

timer = setTimeout(refresh, EVERY);
document.addEventListener("visibilitychange", refresh);
addEventListener("online", refresh);
addEventListener("pageshow", (event) => event.persisted && refresh());
