// The page of all logs.

import { startCommands } from "./commands.js";
import { listen } from "./keyboard.js";
import { connect, startLive } from "./live.js";
import { AllLog } from "./log/all-log.js";
import { tellOutcome } from "./outcomes.js";
import { pageData } from "./page.js";

const data = pageData();
const context = await startLive(data.now);
const log = new AllLog({ context });

startCommands(context);
listen(log.keys);
connect({
  topics: ["system", "logs"],
  cursor: data.cursor,
  context,
  handlers: {
    event: (event) => {
      tellOutcome(event, { context, nameOf: (id) => log.nameOf(id) });
      if (event.type === "LOG") log.take(event.data);
    },
    reset: () => log.reload(),
  },
});
