// Makes an element like a fresh one from the server, touching only what differs: focus, selection
// and transitions of the rest live on.

import { setAttribute } from "./page.js";

export function patch(element, fresh) {
  if (element.isEqualNode(fresh)) return;
  for (const { name } of [...element.attributes]) if (!fresh.hasAttribute(name)) element.removeAttribute(name);
  for (const { name, value } of fresh.attributes) setAttribute(element, name, value);
  const children = [...fresh.childNodes];
  for (const [index, child] of children.entries()) {
    const old = element.childNodes[index];
    if (old === undefined) element.append(child);
    else if (old.nodeName !== child.nodeName) old.replaceWith(child);
    else if (old.nodeType === Node.ELEMENT_NODE) patch(old, child);
    else if (old.data !== child.data) old.data = child.data;
  }
  while (element.childNodes.length > children.length) element.lastChild.remove();
}
