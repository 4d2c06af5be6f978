// Where a popover opens: below what opened it, above it where there is no room, always in the window.

const EDGE = 8; // pixels to the window's edge
const GAP = 2;

export function place(popover, opener) {
  const box = opener.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = popover;
  const right = Math.min(box.right, innerWidth - EDGE) - offsetWidth;
  const below = box.bottom + offsetHeight + EDGE < innerHeight;
  const top = below ? box.bottom + GAP : box.top - offsetHeight - GAP;
  popover.style.left = `${Math.max(EDGE, right)}px`;
  popover.style.top = `${Math.max(EDGE, top)}px`;
}

// For popovers that their button opens by itself (popovertarget); opening() comes before.
export function placeAtButton(popover, opening = () => {}) {
  const opener = document.querySelector(`[popovertarget="${popover.id}"]`);
  popover.addEventListener("beforetoggle", ({ newState }) => {
    if (newState !== "open") return;
    opening();
    popover.style.visibility = "hidden"; // until its size is known
  });
  popover.addEventListener("toggle", ({ newState }) => {
    opener.setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "open") return;
    place(popover, opener);
    popover.style.visibility = "";
  });
}
