// The front desk: looks every two seconds whether another desk changed something, and every minute for the clock's sake.
// The menu of a row stands outside the part that is drawn anew, so it stays open; htmx keeps the focus by id.
import { showToast } from "./toast.js";

const LOOK_MS = 2000;
const GAP = 4;

const desk = () => document.querySelector("[data-desk]");
const menu = document.querySelector("[data-desk-menu]");
const drawAnew = () => document.body.dispatchEvent(new CustomEvent("calendar-changed", { bubbles: true, detail: {} }));

let minute = new Date().getMinutes();
let isLooking = false;

async function look() {
  if (isLooking || document.hidden || document.documentElement.hasAttribute("data-locked")) return;
  if (new Date().getMinutes() !== minute) {
    minute = new Date().getMinutes();
    drawAnew();
    return;
  }
  isLooking = true;
  try {
    const answer = await fetch(desk().dataset.revisionUrl, { headers: { Accept: "text/plain" } });
    if (answer.redirected) window.location.reload(); // signed out or locked
    else if (answer.ok && (await answer.text()) !== desk().dataset.revision) drawAnew();
  } catch {
    // No connection: the next look may have one, and pressing something says so.
  }
  isLooking = false;
}
setInterval(look, LOOK_MS);
document.addEventListener("visibilitychange", look);

document.addEventListener("htmx:afterSettle", () => {
  const clock = document.querySelector("[data-desk-clock]");
  if (clock) clock.textContent = desk().dataset.time;
});

document.body.addEventListener("calendar-changed", (event) => {
  if (event.detail?.message) {
    showToast(event.detail.message);
    if (menu.matches(":popover-open")) menu.hidePopover();
  }
});

let openedBy = "";

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-desk-menu-open]");
  if (opener) openedBy = opener.id;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== menu) return;
  const opener = document.getElementById(openedBy);
  menu.showPopover();
  place(opener);
  menu.querySelector("a,button")?.focus({ preventScroll: true });
});

menu.addEventListener("toggle", (event) => {
  if (event.newState === "closed") document.getElementById(openedBy)?.focus({ preventScroll: true });
});

// Below its button and inside the window; on a phone the style makes it a sheet at the bottom.
function place(opener) {
  if (!opener || matchMedia("(max-width:900px)").matches) return;
  const box = opener.getBoundingClientRect();
  const below = box.bottom + GAP;
  const top = below + menu.offsetHeight > innerHeight ? Math.max(GAP, box.top - GAP - menu.offsetHeight) : below;
  menu.style.top = `${top}px`;
  menu.style.left = `${Math.max(GAP, box.right - menu.offsetWidth)}px`;
}
document.addEventListener("scroll", () => menu.matches(":popover-open") && place(document.getElementById(openedBy)), {
  passive: true,
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});
