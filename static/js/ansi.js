// Terminal output as plain text; app/ansi.py does the same on the server.

const ESCAPES = new RegExp(
  [
    "\\x1b\\[[0-?]*[ -/]*(?:[@-~]|$)",
    "\\x1b\\][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\|$)",
    "\\x1b[PX^_][^\\x1b]*(?:\\x1b\\\\|$)",
    "\\x1b[ -/]*(?:[0-~]|$)",
    "[\\x00-\\x08\\x0b-\\x1f\\x7f]",
  ].join("|"),
  "g",
);

export function plain(text) {
  return text.replace(ESCAPES, "");
}
