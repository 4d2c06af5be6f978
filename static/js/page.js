// What the server wrote into the page.

const { dataset } = document.documentElement;

// The server's root, absolute: the address of the page may change, and its depth with it. Not the
// page's href, which may carry a password that fetch refuses.
export const rootPath = new URL(dataset.root, location.href).pathname;
export const root = location.origin + rootPath;
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
