// Entry module of every page. Behaviours are found by data-* attributes and listen on document, so swapped content works.
import { formatClock } from "./clock.js";
import "./counts.js";
import "./code-search.js";
import "./dialog.js";
import "./emergency.js";
import "./find.js";
import "./fields.js";
import "./lock.js";
import "./passkey.js";
import "./preferences.js";
import "./requests.js";
import "./shortcuts.js";
import "./toast.js";

// Tabs that scroll sideways on a phone: bring the current one into view without moving the page.
for (const current of document.querySelectorAll(".tabs [aria-current],.subnav [aria-current],.fscroll [aria-current]")) {
  const pane = current.closest(".fscroll") ?? current.parentElement;
  pane.scrollLeft = current.offsetLeft - pane.offsetLeft - 40;
}

// The running clock in the recording chip: counts from the seconds the server gave.
const clocks = [...document.querySelectorAll("[data-clock-from]")].map((node) => ({
  node,
  startedAt: performance.now() - Number(node.dataset.clockFrom) * 1000,
}));
if (clocks.length) {
  setInterval(() => {
    for (const { node, startedAt } of clocks) {
      node.textContent = formatClock(performance.now() - startedAt);
    }
  }, 1000);
}
