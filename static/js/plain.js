// Pages without live data, such as errors: just the switches.

import { loadCatalogue } from "./i18n.js";
import { byId, language } from "./page.js";
import { startSettings } from "./settings.js";

byId("help-button").hidden = true;
startSettings((await loadCatalogue(language)).t);
