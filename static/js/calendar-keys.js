// The calendar by keyboard: one visit of the grid is in the tab order, arrows go from visit to visit by time and by column,
// M moves the one in focus. Away from visits the arrows turn the pages.
import { linkOf, placeOf } from "./calendar-board.js";
import { openDialog } from "./calendar-window.js";

const root = document.documentElement;
const visits = () => [...document.querySelectorAll("[data-board] [data-visit]")].filter((node) => node.checkVisibility());

let current = null;

function makeCurrent(link) {
  current = link.dataset.visit;
  for (const each of document.querySelectorAll("[data-grid] [data-visit]")) each.tabIndex = each === link ? 0 : -1;
}

function rove() {
  const inGrid = [...document.querySelectorAll("[data-grid] [data-visit]")];
  const link = inGrid.find((each) => each.dataset.visit === current) ?? inGrid[0];
  if (link) makeCurrent(link);
}
document.addEventListener("calendar:drawn", rove);
rove();
document.addEventListener("focusin", (event) => {
  const link = event.target.closest?.("[data-grid] [data-visit]");
  if (link) makeCurrent(link);
});

// Where an arrow leads from a visit; null at the edge.
function neighbour(link, key) {
  const all = visits();
  if (!link.closest("[data-grid]")) {
    const step = key === "ArrowUp" || key === "ArrowLeft" ? -1 : 1;
    return all[all.indexOf(link) + step] ?? null;
  }
  const { column, row } = placeOf(link);
  if (key === "ArrowUp" || key === "ArrowDown") {
    const inColumn = all.filter((each) => placeOf(each).column === column);
    inColumn.sort((one, other) => placeOf(one).row - placeOf(other).row);
    return inColumn[inColumn.indexOf(link) + (key === "ArrowUp" ? -1 : 1)] ?? null;
  }
  const step = key === "ArrowLeft" ? -1 : 1;
  const beyond = all.filter((each) => (placeOf(each).column - column) * step > 0);
  const far = (each) => Math.abs(placeOf(each).column - column) * 1000 + Math.abs(placeOf(each).row - row);
  return beyond.sort((one, other) => far(one) - far(other))[0] ?? null;
}

document.addEventListener("keydown", (event) => {
  if (!event.key.startsWith("Arrow") || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (document.querySelector("dialog[open],:popover-open") || event.target.closest?.("[data-visit-pop]")) return;
  const link = event.target.closest?.("[data-board] [data-visit]");
  if (link) {
    event.preventDefault();
    neighbour(link, event.key)?.focus();
  } else if (event.target === document.body && root.dataset.shortcuts !== "off") {
    const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    if (rel && document.querySelector("[data-board]")) document.querySelector(`a[rel=${rel}]`)?.click();
  }
});

// M on a visit, or in its window, moves it; elsewhere it is the month. Asked before the keys of every page.
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "m" || event.ctrlKey || event.metaKey || event.altKey || root.dataset.shortcuts === "off") return;
  if (document.querySelector("dialog[open]")) return;
  const pop = event.target.closest?.("[data-visit-pop]");
  const link = event.target.closest?.("[data-visit]") ?? (pop && linkOf(pop.dataset.visitPop));
  if (!link) return;
  event.preventDefault();
  event.stopPropagation();
  openDialog(`${new URL(link.href).pathname}move/`);
}, { capture: true });
