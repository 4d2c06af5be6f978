// Copying a text that stands on the page, also where the page is not a secure context.

// False when the reader has to: it is selected then.
export async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch { // no clipboard on plain HTTP
    element.closest("details")?.setAttribute("open", "");
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}
