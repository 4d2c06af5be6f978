// Bootstrap has a rule `legend + *`. Because of it Chromium, whenever a line comes or goes, styles all
// lines that are drawn anew: milliseconds a frame. No page of ours with a log has a legend.

const SLOW = "legend + *";

export function dropSlowRule() {
  for (const sheet of document.styleSheets) {
    const index = [...sheet.cssRules].findIndex((rule) => rule.selectorText === SLOW);
    if (index >= 0) sheet.deleteRule(index);
  }
}
