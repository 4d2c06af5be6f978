// What both live pages have: words, clock, connection, toasts, announcements.

import { Announcer } from "./announce.js";
import { Clock } from "./clock.js";
import { ConnectionView } from "./connection.js";
import { openHelp } from "./dialogs.js";
import { Wording } from "./format.js";
import { loadCatalogue } from "./i18n.js";
import { byId, language, root } from "./page.js";
import { startSettings } from "./settings.js";
import { SharedStream } from "./stream/shared.js";
import { timings } from "./stream/timings.js";
import { Toasts } from "./toasts.js";

const VERDICT = "livequeue.transport"; // streams do not get through here: why, until when
const HOUR = 3600000;

export async function startLive(serverNow) {
  const catalogue = await loadCatalogue(language);
  const { t } = catalogue;
  const clock = new Clock(serverNow);
  const wording = new Wording(catalogue, clock.now);
  const announcer = new Announcer(t);
  const toasts = new Toasts({ t });
  const view = new ConnectionView({ wording, announcer, clock });
  clock.start(wording);
  startSettings(t);
  byId("help-button").addEventListener("click", openHelp);
  return { t, clock, wording, announcer, toasts, view };
}

// handlers: event, reset, end, gone, denied, as of Stream
export function connect({ topics, cursor, handlers, context }) {
  const stream = new SharedStream({
    root,
    topics,
    cursor,
    timings: timings(),
    memory: verdict,
    handlers: {
      ...handlers,
      status: (status) => {
        context.view.draw(status);
        handlers.status?.(status);
      },
      event: (event) => {
        context.clock.sync(event.timestamp);
        handlers.event(event);
      },
    },
  });

  addEventListener("online", () => stream.wake(true));
  document.addEventListener("resume", () => stream.wake());
  document.addEventListener("visibilitychange", () => document.hidden || stream.wake());
  // Out of the way of the back/forward cache, and on from the cursor when it brings us back.
  addEventListener("pagehide", () => stream.stop());
  addEventListener("pageshow", (event) => event.persisted && stream.start());
  stream.start();
  return stream;
}

const verdict = {
  get() {
    try {
      const { reason, until } = JSON.parse(localStorage.getItem(VERDICT) ?? "{}");
      return until > Date.now() ? reason : null;
    } catch {
      return null;
    }
  },
  set(reason) {
    try {
      if (reason) localStorage.setItem(VERDICT, JSON.stringify({ reason, until: Date.now() + HOUR }));
      else localStorage.removeItem(VERDICT);
    } catch {
      // storage is full or forbidden: each page finds out for itself
    }
  },
};
