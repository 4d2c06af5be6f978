// The page of the network check.

import { copyText } from "../copy.js";
import { loadCatalogue } from "../i18n.js";
import { byId, language, root, setText } from "../page.js";
import { startSettings } from "../settings.js";
import { Check } from "./check.js";
import { Probes } from "./probes.js";
import { View } from "./view.js";

const LENGTHS = { idle: [70, 75], poll: [30, 30] }; // seconds: default, most

const { t } = await loadCatalogue(language);
byId("help-button").hidden = true;
startSettings(t);

const address = new URL(root, location.href);
setText(byId("terminal-command"), `livequeue check ${address.href.replace(/\/$/, "")}`);

const asked = new URLSearchParams(location.search);
const lengths = Object.fromEntries(Object.entries(LENGTHS).map(([name, [usual, most]]) => {
  const given = Number(asked.get(name));
  return [name, given >= 1 ? Math.min(given, most) : usual];
}));

const check = new Check({
  probes: new Probes({ base: address.href }),
  address: address.href,
  prefix: address.pathname,
  lengths,
  view: new View({ t, stop: (name) => check.stop(name), again: (name) => check.again(name) }),
});

byId("check-again").hidden = false;
byId("check-again").addEventListener("click", () => check.start());
byId("advice").addEventListener("change", (event) => (event.currentTarget.dataset.touched = ""));
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const copied = await copyText(byId(button.dataset.copies));
    const words = t(copied ? "network.copied" : "network.select");
    const label = button.querySelector("span");
    const before = (button.dataset.label ??= label.textContent);
    setText(label, words);
    setText(byId("announcer"), words);
    setTimeout(() => {
      setText(label, before);
      setText(byId("announcer"), "");
    }, 2500);
  });
}
// What was left by going back is stale, and its connections are closed.
addEventListener("pageshow", (event) => event.persisted && check.start());
check.start();
