// One line of a log: number, time, level, task, text with its colours and hits, fields.
//
// Everything of a log becomes text nodes and properties, never markup.

import { interpret, pieces, plain } from "../ansi.js";
import { exact } from "../format.js";
import { setAttribute, setText } from "../page.js";
import { colours, index } from "./colours.js";

const ICONS = {
  trace: "bi-dot",
  debug: "bi-bug",
  info: "bi-info-circle",
  warning: "bi-exclamation-triangle-fill",
  error: "bi-x-circle-fill",
  critical: "bi-exclamation-octagon-fill",
};
const OUTPUT = ["stdout", "stderr"]; // streams that need no name
const ATTRIBUTES = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 9: "strike" };
const FIELD = 300; // characters of a field's value; all of them on hover
const FIELDS = 50;
const HITS = 1000; // drawn in one line
const NONE = [];
// Characters that nobody sees, or that move others about.
const UNSEEN = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const drawn = new WeakMap(); // element -> { parts, line, look, hits, current }

export function createLine() {
  const element = document.createElement("div");
  element.className = "log-line";
  const parts = {
    number: part("a", "log-number"),
    time: part("time", "log-time"),
    level: part("span", "log-level"),
    task: part("a", "log-task"),
    stream: part("span", "log-stream"),
    text: part("span", "log-text"),
    fields: part("span", "log-fields"),
  };
  for (const link of [parts.number, parts.task]) link.tabIndex = -1; // there are as many as lines
  parts.level.append(part("i", "bi"));
  element.append(...Object.values(parts));
  drawn.set(element, { parts });
  return element;
}

// line: as the API answers it, or { n, pending: true } while it is not there yet.
// look: { t, wording, times, raw, href(line), task(line) or null, hits(line), current(line) }: the
// places in the line's plain text that are searched for, and which of them the reader is at, or null.
// Nothing is touched that stays as it is, so that a selection does too.
export function drawLine(element, line, look) {
  const before = drawn.get(element);
  const hits = line.pending ? NONE : look.hits(line);
  const current = hits.length > 0 ? look.current(line) : null;
  if (before.line === line && before.look === look && before.hits === hits && before.current === current) return;
  const { parts } = before;
  const same = before.line?.text === line.text && before.line?.sgr === line.sgr
    && before.hits === hits && before.current === current && before.look?.raw === look.raw;
  Object.assign(before, { line, look, hits, current });
  element.dataset.n = line.n;
  element.classList.toggle("pending", line.pending === true);
  setAttribute(element, "data-stream", line.stream ?? null);
  setAttribute(element, "data-level", line.level ?? null);
  setText(parts.number, String(line.n));
  setAttribute(parts.number, "href", look.href(line));
  drawTime(parts, line, look);
  drawLevel(parts.level, line.level, look);
  drawTask(parts.task, line, look);
  parts.stream.hidden = line.pending === true || OUTPUT.includes(line.stream);
  setText(parts.stream, parts.stream.hidden ? "" : line.stream);
  drawFields(parts.fields, line.fields);
  if (!same) drawText(parts.text, line, hits, current, look.raw);
}

function part(name, className) {
  const element = document.createElement(name);
  element.className = className;
  return element;
}

function drawTime({ number, time }, line, { t, times, wording }) {
  time.hidden = times === "off";
  if (line.pending) {
    for (const element of [number, time]) setAttribute(element, "title", null);
    setAttribute(time, "datetime", null);
    setText(time, "");
    return;
  }
  const details = [exact(line.time)];
  if (line.sent_at) details.push(t("log.line.sent", { time: exact(line.sent_at) }));
  details.push(t("log.line.stream", { stream: line.stream }));
  if (line.attempt > 1) details.push(t("log.line.attempt", { attempt: line.attempt }));
  setAttribute(number, "title", details.join("\n"));
  setAttribute(time, "title", details[0]);
  // Only relative ones are the page clock's to draw again.
  setAttribute(time, "datetime", times === "relative" ? line.time : null);
  if (times === "utc") setText(time, line.time.slice(11, 23));
  else if (times === "relative") setText(time, wording.ago(line.time));
  else if (times === "local") setText(time, wording.local(line.time));
}

function drawLevel(element, level, { t }) {
  const word = level ? t(`level.${level}`) : null;
  element.firstElementChild.className = `bi ${ICONS[level] ?? ""}`;
  setAttribute(element, "role", level ? "img" : null);
  setAttribute(element, "aria-label", word);
  setAttribute(element, "title", word);
}

function drawTask(element, line, look) {
  element.hidden = !look.task;
  if (!look.task || line.pending) return;
  const { name, href } = look.task(line);
  setAttribute(element, "href", href);
  setAttribute(element, "title", `#${line.task_id} ${name}`);
  setText(element, `#${line.task_id} ${name}`);
}

function drawFields(element, fields) {
  const entries = Object.entries(fields ?? {});
  element.hidden = entries.length === 0;
  const shown = entries.slice(0, FIELDS).map(([key, value]) => {
    const field = part("span", "log-field");
    const whole = typeof value === "string" ? value : JSON.stringify(value);
    const short = whole.length > FIELD ? `${whole.slice(0, FIELD)}…` : whole;
    field.title = `${key}=${whole}`;
    return filled(field, [filled(part("span", "log-key"), [`${key}=`]), visible(short)]);
  });
  if (entries.length > FIELDS) shown.push("…");
  element.replaceChildren(...shown.flatMap((each) => [each, " "]));
}

function drawText(element, { text = "", sgr = "" }, hits, current, raw) {
  if (!raw && !sgr && hits.length === 0 && !text.includes("\x1b")) {
    element.textContent = plain(text);
    return;
  }
  let at = 0; // in the plain text, where hits are counted
  let next = 0; // of them
  const nodes = [];
  for (const piece of pieces(text, sgr, { escapes: raw })) {
    if (piece.escape) {
      nodes.push(filled(part("span", "log-control"), [visible(piece.text)]));
      continue;
    }
    const end = at + piece.text.length;
    const marked = [...fragments(piece.text, at, hits, next)].map(([fragment, hit]) => {
      const shown = raw ? visible(fragment) : fragment;
      return hit === null ? shown : filled(part("mark", hit === current ? "log-hit current" : "log-hit"), [shown]);
    });
    nodes.push(...(raw ? marked : styled(piece, marked)));
    at = end;
    while (hits[next]?.[1] <= at) next += 1;
  }
  element.replaceChildren(...nodes);
}

// The parts of a text that begins at `start`: [text, number of the hit it belongs to or null].
function* fragments(text, start, hits, next) {
  const end = start + text.length;
  let at = start;
  const cut = (to) => text.slice(at - start, to - start);
  for (let number = next; number < Math.min(hits.length, HITS) && hits[number][0] < end; number += 1) {
    const from = Math.max(at, hits[number][0]);
    const to = Math.min(end, hits[number][1]);
    if (from > at) yield [cut(from), null];
    at = from;
    if (to > at) yield [cut(to), number];
    at = Math.max(at, to);
  }
  if (at < end) yield [cut(end), null];
}

function styled({ state, link }, nodes) {
  if (!state && !link) return nodes;
  const element = part(link ? "a" : "span", "");
  if (link) {
    element.href = link;
    element.title = link;
    element.target = "_blank";
    element.rel = "noopener noreferrer";
    element.tabIndex = -1;
  }
  if (state) dress(element, interpret(state));
  return [filled(element, nodes)];
}

function dress(element, { on, foreground, background }) {
  const inverse = on.includes(7);
  const dim = on.includes(2);
  for (const code of on) if (ATTRIBUTES[code]) element.classList.add(`ansi-${ATTRIBUTES[code]}`);
  const sixteen = index(foreground);
  if (!background && !inverse && (!foreground || (sixteen !== null && !dim))) {
    if (foreground) element.classList.add(`ansi-${sixteen}`);
    return;
  }
  element.classList.remove("ansi-dim"); // it is in the colours
  element.classList.add("ansi-colour");
  for (const [theme, { ink, paper }] of Object.entries(colours({ foreground, background, inverse, dim }))) {
    element.style.setProperty(`--${theme}-ink`, ink);
    if (paper) element.style.setProperty(`--${theme}-paper`, paper);
  }
}

function filled(element, nodes) {
  element.append(...nodes);
  return element;
}

// Character for character, so that places in the text stay what they are.
function visible(text) {
  return text.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : "\u25af";
  });
}
