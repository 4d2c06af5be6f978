// Shows /openapi.json: every operation with its parameters, bodies and answers.

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
    line.append("array of ", typeOf(schema.items ?? {}));
  } else {
    line.append(schema.format ?? schema.type ?? "any");
  }
  const limits = limitsOf(schema);
  if (limits) line.append(element("small", "muted", ` ${limits}`));
  return line;
}

const LIMITS = {
  minimum: "≥",
  maximum: "≤",
  minLength: "length ≥",
  maxLength: "length ≤",
  minItems: "items ≥",
  maxItems: "items ≤",
  maxProperties: "keys ≤",
  pattern: "matches",
};

function limitsOf(schema) {
  const limits = Object.entries(LIMITS)
    .filter(([key]) => schema[key] !== undefined)
    .map(([key, words]) => `${words} ${schema[key]}`);
  if ((schema.default ?? null) !== null) limits.push(`default ${JSON.stringify(schema.default)}`);
  return limits.join(", ");
}

/** Text with `code` in it, and paragraphs. */
function prose(text, classes = "") {
  const box = element("div", classes);
  for (const paragraph of text.trim().split(/\n\s*\n/)) {
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
  const parameters = (spec.parameters ?? []).map((item) => [item.name, item.schema, item.in]);
  const answers = Object.entries(spec.responses ?? {}).map(([status, answer]) =>
    bodies(status === "default" ? "Any error" : `Answer ${status}`, answer.content),
  );
  return element(
    "details",
    "operation",
    element("summary", "", badge, element("code", "", path), says),
    element(
      "div",
      "",
      spec.description ? prose(spec.description) : null,
      titled("Parameters", fields(parameters)),
      bodies("Body", spec.requestBody?.content),
      ...answers,
    ),
  );
}

function section({ name, description }, operations) {
  return element(
    "section",
    "",
    element("h2", "section-title", name),
    prose(description, "muted"),
    element("div", "operations", ...operations),
  );
}

function schema(name, spec) {
  const required = new Set(spec.required ?? []);
  const rows = Object.entries(spec.properties ?? {}).map(([field, type]) => [
    field,
    type,
    required.has(field) ? "required" : "",
  ]);
  const box = element("section", "schema", element("h3", "", name));
  box.id = schemaId(name);
  if (spec.description) box.append(prose(spec.description, "muted"));
  box.append(fields(rows) ?? "");
  return box;
}

async function show() {
  const response = await fetch(document.getElementById("docs-source").href);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const api = await response.json();
  document.getElementById("docs-about").append(...prose(api.info.description).childNodes);
  const found = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, spec]) => ({ path, method, spec })),
  );
  for (const tag of api.tags) {
    const own = found.filter(({ spec }) => spec.tags.includes(tag.name));
    const rows = own.map(({ path, method, spec }) => operation(path, method, spec));
    document.getElementById("docs-operations").append(section(tag, rows));
  }
  const schemas = document.getElementById("docs-schemas");
  for (const [name, spec] of Object.entries(api.components.schemas).sort()) {
    schemas.append(schema(name, spec));
  }
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

show().catch((error) => {
  const box = document.getElementById("docs-error");
  box.textContent = `The description could not be loaded: ${error.message}. Reload the page.`;
  box.hidden = false;
});
