// What the server wrote into the page.

const { dataset } = document.documentElement;

export const root = dataset.root;
export const language = dataset.lang;
export const byId = (id) => document.getElementById(id);

export function pageData() {
  return JSON.parse(byId("page-data").textContent);
}

export function taskAddress(id) {
  return `${root}tasks/${id}`;
}

// Text is only touched when it differs, so that selections and screen readers are left alone.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
