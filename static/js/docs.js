// Shows /openapi.json: every operation with its parameters, bodies and answers.

const METHOD_COLOUR = {
  get: "text-bg-primary",
  post: "text-bg-success",
  patch: "text-bg-warning",
  delete: "text-bg-danger",
};

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
  if (limits) line.append(element("small", "text-body-secondary", ` ${limits}`));
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
  if (schema.default !== undefined) limits.push(`default ${JSON.stringify(schema.default)}`);
  return limits.join(", ");
}

/** Rows of [name, schema, note] as a table; null when there are none. */
function table(rows) {
  if (!rows.length) return null;
  const body = element("tbody");
  for (const [name, schema, note] of rows) {
    const label = element("td", "text-nowrap", element("code", "", name));
    body.append(element("tr", "", label, element("td", "", typeOf(schema)), element("td", "", note)));
  }
  return element("div", "table-responsive", element("table", "table table-sm mb-2", body));
}

function bodies(title, content) {
  if (!content) return null;
  const list = element("ul", "mb-2");
  for (const [kind, body] of Object.entries(content)) {
    list.append(element("li", "", element("code", "", kind), " ", typeOf(body.schema)));
  }
  return element("div", "", element("div", "fw-semibold", title), list);
}

function operation(path, method, spec) {
  const badge = element(
    "span",
    `badge me-2 ${METHOD_COLOUR[method] ?? "text-bg-secondary"}`,
    method.toUpperCase(),
  );
  const summary = element("summary", "py-1", badge, element("code", "", path), ` ${spec.summary ?? ""}`);
  const parameters = (spec.parameters ?? []).map((item) => [item.name, item.schema, item.in]);
  const answers = Object.entries(spec.responses ?? {}).map(([status, answer]) =>
    bodies(status === "default" ? "Any error" : `Answer ${status}`, answer.content),
  );
  const details = element(
    "details",
    "border-bottom",
    summary,
    element(
      "div",
      "ps-3 pb-3",
      spec.description ? element("p", "mb-2", spec.description.trim()) : null,
      table(parameters),
      bodies("Body", spec.requestBody?.content),
      ...answers,
    ),
  );
  return details;
}

function schema(name, spec) {
  const required = new Set(spec.required ?? []);
  const rows = Object.entries(spec.properties ?? {}).map(([field, type]) => [
    field,
    type,
    required.has(field) ? "required" : "",
  ]);
  const section = element("section", "mb-4");
  section.id = schemaId(name);
  section.append(element("h3", "h6", name));
  if (spec.description) section.append(element("p", "text-body-secondary mb-2", spec.description));
  section.append(table(rows) ?? "");
  return section;
}

async function show() {
  const response = await fetch(document.getElementById("docs-source").href);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const api = await response.json();
  document.getElementById("docs-about").textContent = api.info.description ?? "";
  const operations = document.getElementById("docs-operations");
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, spec] of Object.entries(methods)) {
      operations.append(operation(path, method, spec));
    }
  }
  const schemas = document.getElementById("docs-schemas");
  for (const [name, spec] of Object.entries(api.components.schemas).sort()) {
    schemas.append(schema(name, spec));
  }
}

show().catch((error) => {
  const box = document.getElementById("docs-error");
  box.textContent = `The description could not be loaded: ${error.message}. Reload the page.`;
  box.hidden = false;
});
