// The same catalogue as the server's: static/locale/LANGUAGE.json, see app/catalogue.py.

export class Catalogue {
  constructor(language, messages) {
    this.language = language;
    this.messages = messages;
    this.plurals = new Intl.PluralRules(language);
    this.numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
    this.compacts = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
    this.t = this.t.bind(this);
  }

  t(key, parameters = {}) {
    let message = this.messages[key] ?? key;
    const values = { ...parameters };
    if (typeof message === "object") {
      message = message[this.plurals.select(values.count)] ?? message.other;
    }
    if (typeof values.count === "number") values.count = this.number(values.count);
    return message.replace(/\{(\w+)\}/g, (place, name, at) => {
      const value = String(values[name] ?? place);
      return gap(message[at - 1], value[0]) + value + gap(value.at(-1), message[at + place.length]);
    });
  }

  // What is wrong, with fields named as the page names them.
  trouble({ message, errors = [] }) {
    const limits = errors.map(({ field, message: limit }) => {
      const known = this.messages[`field.${field.split("[")[0]}`];
      return this.t("problem.of_field", { field: known ?? field, limit });
    });
    return limits.join(" ") || message;
  }

  number(value) {
    return this.numbers.format(value);
  }

  compact(value) {
    return this.compacts.format(value);
  }
}

// Chinese stands a space apart from Latin letters and digits, whichever a value begins with.
function gap(one = "", other = "") {
  const pair = one + other;
  return /[\u4e00-\u9fff]/.test(pair) && /[A-Za-z0-9]/.test(pair) ? " " : "";
}

export async function loadCatalogue(language) {
  const address = new URL(`../locale/${language}.json`, import.meta.url);
  const response = await fetch(address, { credentials: "same-origin" });
  return new Catalogue(language, await response.json());
}
