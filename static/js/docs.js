// Shows /openapi.json: every operation with its parameters, bodies and answers.

import { loadCatalogue } from "./i18n.js";
import { byId, language } from "./page.js";

const { t } = await loadCatalogue(language);
const translated = await translations();

/** An element with classes and children; strings become text, so nothing is ever markup. */
function element(name, classes = "", ...children) {
  const node = document.createElement(name);
  if (classes) node.className = classes;
  node.append(...children.filter((child) => child !== null));
  return node;
}

const schemaId = (name) => `schema-${name}`;

/** A schema in one line: `string`, `number | null`, a link to a named one. */
function typeOf(schema) {
  const line = element("span");
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    const link = element("a", "", name);
    link.href = `#${schemaId(name)}`;
    line.append(link);
  } else if (schema.anyOf) {
    schema.anyOf.forEach((part, index) => line.append(index ? " | " : "", typeOf(part)));
  } else if (schema.enum) {
    line.append(schema.enum.map((value) => JSON.stringify(value)).join(" | "));
  } else if (schema.type === "array") {
    line.append(t("docs.array"), typeOf(schema.items ?? {}));
  } else {
    line.append(schema.format ?? schema.type ?? t("docs.any"));
  }
  const limits = limitsOf(schema);
  if (limits) line.append(element("small", "muted", ` ${limits}`));
  return line;
}

const LIMITS = [
  "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "pattern",
];

function limitsOf(schema) {
  const given = LIMITS.filter((key) => schema[key] !== undefined);
  const limits = given.map((key) => t(`docs.limit.${key}`, { value: schema[key] }));
  if ((schema.default ?? null) !== null) {
    limits.push(t("docs.default", { value: JSON.stringify(schema.default) }));
  }
  return limits.join(" · ");
}

/** What the code says of itself is English; by its words the other languages are found. */
async function translations() {
  if (language === "en") return {};
  const response = await fetch(new URL(`../locale/api.${language}.json`, import.meta.url));
  return response.json();
}

function say(text) {
  return translated[plain(text)] ?? text;
}

const plain = (text) => text.trim().replace(/\s+/g, " ");

/** Text with `code` in it, and paragraphs. */
function prose(text, classes = "") {
  const box = element("div", classes);
  for (const paragraph of say(text).trim().split(/\n\s*\n/)) {
    const parts = paragraph.split("`").map((part, i) => (i % 2 ? element("code", "", part) : part));
    box.append(element("p", "", ...parts));
  }
  return box;
}

/** Rows of [name, schema, note] as a list; null when there are none. */
function fields(rows) {
  if (!rows.length) return null;
  const list = element("dl", "fields");
  for (const [name, schema, note] of rows) {
    const label = element("dt", "", element("code", "", name));
    const remark = element("dd", "muted", note);
    list.append(element("div", "", label, element("dd", "", typeOf(schema)), remark));
  }
  return list;
}

function titled(title, content) {
  return content && element("section", "", element("h3", "", title), content);
}

function bodies(title, content) {
  if (!content) return null;
  const list = element("ul", "bodies");
  for (const [kind, body] of Object.entries(content)) {
    list.append(element("li", "", element("code", "", kind), " ", typeOf(body.schema)));
  }
  return titled(title, list);
}

function operation(path, method, spec) {
  const badge = element("span", `method method-${method}`, method.toUpperCase());
  const words = prose(spec.summary).firstElementChild;
  const says = element("span", "", ...words.childNodes);
  const parameters = (spec.parameters ?? []).map((item) => [item.name, item.schema, t(`docs.in.${item.in}`)]);
  const answers = Object.entries(spec.responses ?? {}).map(([status, answer]) =>
    bodies(status === "default" ? t("docs.errors") : t("docs.answer", { status }), answer.content),
  );
  return element(
    "details",
    "operation",
    element("summary", "", badge, element("code", "", path), says),
    element(
      "div",
      "",
      spec.description ? prose(spec.description) : null,
      titled(t("docs.parameters"), fields(parameters)),
      bodies(t("docs.body"), spec.requestBody?.content),
      ...answers,
    ),
  );
}

function section({ name, description }, operations) {
  return element(
    "section",
    "",
    element("h2", "section-title", say(name)),
    prose(description, "muted"),
    element("div", "operations", ...operations),
  );
}

function schema(name, spec) {
  const required = new Set(spec.required ?? []);
  const rows = Object.entries(spec.properties ?? {}).map(([field, type]) => [
    field,
    type,
    required.has(field) ? t("docs.required") : "",
  ]);
  const box = element("section", "schema", element("h3", "", name));
  box.id = schemaId(name);
  if (spec.description) box.append(prose(spec.description, "muted"));
  box.append(fields(rows) ?? "");
  return box;
}

async function show() {
  const response = await fetch(byId("docs-source").href);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const api = await response.json();
  byId("docs-about").append(...prose(api.info.description).childNodes);
  const found = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, spec]) => ({ path, method, spec })),
  );
  for (const tag of api.tags) {
    const own = found.filter(({ spec }) => spec.tags.includes(tag.name));
    const rows = own.map(({ path, method, spec }) => operation(path, method, spec));
    byId("docs-operations").append(section(tag, rows));
  }
  const schemas = byId("docs-schemas");
  for (const [name, spec] of Object.entries(api.components.schemas).sort()) {
    schemas.append(schema(name, spec));
  }
  if (location.hash) byId(location.hash.slice(1))?.scrollIntoView();
}

show().catch((error) => {
  const box = byId("docs-error");
  box.textContent = t("docs.failed", { detail: error.message });
  box.hidden = false;
});
