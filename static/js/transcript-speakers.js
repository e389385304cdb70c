// Who says a line: one menu serves every line and opens beside the name that was pressed.
import { goTo, idOf, lineOf } from "./transcript-lines.js";
import { ask } from "./transcript-save.js";

const menu = () => document.querySelector("[data-speaker-menu]");
export const isMenuOpen = () => menu()?.matches(":popover-open") ?? false;

function openMenu(opener) {
  const list = menu();
  list.dataset.segment = opener.dataset.speakerOf;
  list.querySelector("[data-and-below]").checked = false;
  for (const button of list.querySelectorAll("[data-speaker]")) {
    const isCurrent = button.dataset.speaker === opener.dataset.speakerNow;
    button.classList.toggle("on", isCurrent);
    if (isCurrent) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  list.showPopover();
  place(list, opener);
  (list.querySelector(".on") ?? list.querySelector("button")).focus();
}

// Beside the name on a wide screen; on a phone the stylesheet makes a sheet at the bottom of it.
function place(list, opener) {
  list.style.removeProperty("left");
  list.style.removeProperty("top");
  if (matchMedia("(max-width: 900px)").matches) return;
  const box = opener.getBoundingClientRect();
  const below = Math.min(box.bottom + 4, innerHeight - list.offsetHeight - 8);
  list.style.left = `${Math.max(8, Math.min(box.left, innerWidth - list.offsetWidth - 8))}px`;
  list.style.top = `${Math.max(8, below)}px`;
}

export async function nameLine(line, speaker, { andBelow = false } = {}) {
  const id = idOf(line);
  if (await ask(`${id}/speaker/`, { speaker, and_below: andBelow })) goTo(lineOf(id));
}

// The speaker of a number key: those of the menu, in its order.
export function speakerOfKey(key) {
  return menu().querySelectorAll(":scope > [data-speaker]")[Number(key) - 1]?.dataset.speaker ?? null;
}

export const swapSpeakers = () => ask("swap/");

function choose(speaker) {
  const list = menu();
  const andBelow = list.querySelector("[data-and-below]").checked;
  const line = lineOf(list.dataset.segment);
  list.hidePopover();
  if (line) nameLine(line, speaker, { andBelow });
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-speaker-of]");
  if (opener) openMenu(opener);
  const chosen = event.target.closest("[data-speaker-menu] [data-speaker]");
  if (chosen) choose(chosen.dataset.speaker);
  if (event.target.closest("[data-swap]")) {
    menu().hidePopover();
    swapSpeakers();
  }
});
document.addEventListener("keydown", (event) => {
  if (!isMenuOpen()) return;
  if (/^[1-4]$/.test(event.key)) choose(speakerOfKey(event.key));
  else if (event.key.toLowerCase() === "x") {
    menu().hidePopover();
    swapSpeakers();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key)) {
    const items = [...menu().querySelectorAll("button,summary,input")].filter((item) => item.checkVisibility());
    const at = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    items[(at + items.length) % items.length].focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
});
