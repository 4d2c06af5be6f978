// Terminal output: its plain text, its parts in their colours, and the colours a line leaves to
// the next one. app/ansi.py follows the same rules; tests/web/ansi.json is the table for both.

// As in app/ansi.py: no alternative looks back, so all of this is linear in the line's length.
const ESCAPES = new RegExp(
  [
    "\\x1b\\[[ -?]*[@-~]?", // CSI
    "\\x1b\\][^\\x07\\x18\\x1a\\x1b]*(?:\\x07|\\x1b\\\\)?", // OSC
    "\\x1b[PX^_][^\\x18\\x1a\\x1b]*(?:\\x1b\\\\)?", // DCS, SOS, PM, APC
    "\\x1bk[^\\x18\\x1a\\x1b]*\\x1b\\\\", // a title, as screen and tmux take it
    "\\x1b[ -/]*[0-~]?", // all others
    "[\\x00-\\x08\\x0a\\x0d-\\x1a\\x7f]",
  ].join("|"),
  "g",
);
const SGR = /^\x1b\[([\d:;]{0,256})m$/;
const LINK = /^\x1b\]8;[^;]*;(https?:\/\/.*?)(?:\x07|\x1b\\)$/is;

const ATTRIBUTES = [1, 2, 3, 4, 7, 9]; // bold, dim, italic, underline, inverse, strike
const OFF = { 22: [1, 2], 23: [3], 24: [4], 27: [7], 29: [9] };
const FOREGROUND = 38;
const BACKGROUND = 48;
const UNDERLINE = 58;
const VALUES = { 5: 1, 2: 3 }; // of the 256 colours, of true colour: how many numbers follow

// What is searched and copied.
export function plain(text) {
  return text.replace(ESCAPES, "");
}

// The state at the end of a line that began with `state`, written as the SGR parameters that bring
// it about: attributes in the order 1 2 3 4 7 9, then the foreground, then the background.
export function carry(state, text) {
  if (!text.includes("\x1b")) return state;
  for (const [sequence] of text.matchAll(ESCAPES)) state = after(state, sequence);
  return state;
}

// The plain text in pieces: [{ text, state, link }], link being null or a safe address; with
// `escapes`, what is no text stands between them, as { text, escape: true }.
export function pieces(text, state = "", { escapes = false } = {}) {
  const found = [];
  let link = null;
  let at = 0;
  const add = (end) => {
    if (end <= at) return;
    const last = found.at(-1);
    const piece = text.slice(at, end);
    if (last?.state === state && last.link === link) last.text += piece;
    else found.push({ text: piece, state, link });
  };
  for (const match of text.matchAll(ESCAPES)) {
    const [sequence] = match;
    add(match.index);
    at = match.index + sequence.length;
    state = after(state, sequence);
    if (sequence.startsWith("\x1b]8;")) link = target(sequence);
    if (escapes) found.push({ text: sequence, escape: true });
  }
  add(text.length);
  return found;
}

// What a state says: { on: attributes, foreground, background }, a colour being as it is written,
// such as "31" or "38;5;196", or "".
export function interpret(parameters) {
  const on = new Set();
  const colours = { [FOREGROUND]: "", [BACKGROUND]: "", [UNDERLINE]: "" };
  const rest = parameters.split(";");
  for (let at = 0; at < rest.length; at += 1) {
    let [code, ...values] = rest[at].split(":").map(number);
    if (code in colours) {
      if (values.length === 0) { // `38;5;1`, the older way to write `38:5:1`
        const kind = number(rest[at + 1] ?? "");
        if (!(kind in VALUES)) break; // where the next one starts is not known
        values = [kind, ...rest.slice(at + 2, at + 2 + VALUES[kind]).map(number)];
        at += values.length;
      }
      colours[code] = colour(code, values) || colours[code];
    } else if (code === 0) {
      on.clear();
      for (const each of [FOREGROUND, BACKGROUND]) colours[each] = "";
    } else if (code in OFF) {
      for (const each of OFF[code]) on.delete(each);
    } else if (code === 4 && values.length === 1 && values[0] === 0) on.delete(4); // `4:0`
    else if (ATTRIBUTES.includes(code)) on.add(code);
    else if (code === 21) on.add(4); // underlined twice is underlined
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) colours[FOREGROUND] = String(code);
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) colours[BACKGROUND] = String(code);
    else if (code === 39 || code === 49) colours[code - 1] = "";
  }
  return {
    on: ATTRIBUTES.filter((code) => on.has(code)),
    foreground: colours[FOREGROUND],
    background: colours[BACKGROUND],
  };
}

function after(state, sequence) {
  const parameters = SGR.exec(sequence);
  if (!parameters) return state;
  const { on, foreground, background } = interpret(`${state};${parameters[1]}`);
  return [...on, foreground, background].filter(Boolean).join(";");
}

// `38;5;196` or `38;2;1;2;3`, "" if it is none; a colour space may precede red in `38:2`.
function colour(code, values) {
  const [kind] = values;
  const numbers = kind === 2 && values.length > 4 ? values.slice(2, 5) : values.slice(1, 1 + VALUES[kind]);
  const right = numbers.length === VALUES[kind] && numbers.every((each) => each >= 0 && each <= 255);
  return right ? [code, kind, ...numbers].join(";") : "";
}

// An absent one is 0; what is none, or absurd, is -1.
function number(text) {
  return text.length <= 9 && !text.includes(":") ? Number(text) : -1;
}

// Only to the web: what else a link could start is no log's business.
function target(sequence) {
  const address = LINK.exec(sequence)?.[1];
  return address && URL.canParse(address) ? new URL(address).href : null;
}
