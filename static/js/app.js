// Entry module of every page. Behaviours are found by data-* attributes and listen on document, so swapped content works.
import "./dialog.js";
import "./find.js";
import "./fields.js";
import "./lock.js";
import "./preferences.js";
import "./requests.js";
import "./shortcuts.js";
import "./toast.js";

// Tabs that scroll sideways on a phone: bring the current one into view without moving the page.
for (const current of document.querySelectorAll(".tabs [aria-current],.subnav [aria-current]")) {
  current.parentElement.scrollLeft = current.offsetLeft - current.parentElement.offsetLeft - 40;
}

// The running clock in the recording chip: counts from the seconds the server gave.
const clocks = [...document.querySelectorAll("[data-clock-from]")].map((node) => ({
  node,
  startedAt: performance.now() - Number(node.dataset.clockFrom) * 1000,
}));
if (clocks.length) {
  const two = (number) => String(number).padStart(2, "0");
  setInterval(() => {
    for (const { node, startedAt } of clocks) {
      const seconds = Math.floor((performance.now() - startedAt) / 1000);
      const hours = Math.floor(seconds / 3600);
      node.textContent = `${hours ? `${hours}:` : ""}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    }
  }, 1000);
}
