// Find and replace over the whole transcript. Places are found here and drawn over the text without touching it.
import { goTo, idOf, lines, textOf } from "./transcript-lines.js";
import { ask } from "./transcript-save.js";

let places = [];
let at = -1;

const bar = () => document.querySelector("[data-find-bar]");
const field = (name) => bar().elements[name];

function pattern() {
  const wanted = field("wanted").value.trim().replace(/\s+/gu, " ");
  if (!wanted) return null;
  let source = wanted.replace(/[.*+?^${}()|[\]\\/-]/gu, "\\$&");
  if (field("whole_words").checked) source = `(?<![\\p{L}\\p{N}_])${source}(?![\\p{L}\\p{N}_])`;
  return new RegExp(source, field("match_case").checked ? "gu" : "giu");
}

function look() {
  const sought = pattern();
  places = [];
  if (sought) {
    for (const line of lines()) {
      let occurrence = 0;
      for (const match of textOf(line).matchAll(sought)) {
        places.push({ id: idOf(line), line, occurrence, from: match.index, to: match.index + match[0].length });
        occurrence += 1;
      }
    }
  }
  if (at >= places.length) at = places.length - 1;
  draw();
}

// The characters of a line that a place covers; blanks in the markup count as one.
function rangeOf(place) {
  const walker = document.createTreeWalker(place.line.querySelector("[data-text]"), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let seen = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const length = node.data.length;
    if (place.from >= seen && place.from < seen + length) range.setStart(node, place.from - seen);
    if (place.to > seen && place.to <= seen + length) {
      range.setEnd(node, place.to - seen);
      return range;
    }
    seen += length;
  }
  return null;
}

function draw() {
  const count = bar().querySelector("[data-find-count]");
  const isEmpty = !field("wanted").value.trim();
  count.textContent = isEmpty ? "" : places.length ? `${Math.max(0, at) + 1} of ${places.length}` : "Not found";
  for (const button of bar().querySelectorAll("[data-find-replace],[data-find-step]")) button.disabled = !places.length;
  if (!window.CSS?.highlights) return;
  const ranges = places.map(rangeOf);
  CSS.highlights.set("found", new Highlight(...ranges.filter(Boolean)));
  const here = ranges[Math.max(0, at)];
  CSS.highlights.set("found-here", here ? new Highlight(here) : new Highlight());
}

function step(way) {
  if (!places.length) return;
  at = (at + way + places.length) % places.length;
  goTo(places[at].line, { focus: false, block: "center" });
  draw();
}

async function replace(which) {
  const place = places[Math.max(0, at)];
  const values = {
    wanted: field("wanted").value,
    replacement: field("replacement").value,
    whole_words: field("whole_words").checked,
    match_case: field("match_case").checked,
  };
  if (which === "one") Object.assign(values, { line: place.id, occurrence: place.occurrence });
  if (!(await ask("replace/", values))) return;
  look();
  if (which === "one") step(0);
}

export function openFind() {
  bar().hidden = false;
  const selected = String(getSelection()).trim();
  if (selected && selected.length < 80) field("wanted").value = selected;
  field("wanted").select();
  field("wanted").focus();
  at = -1;
  look();
}

function closeFind() {
  bar().hidden = true;
  window.CSS?.highlights?.clear();
  const line = places[Math.max(0, at)]?.line;
  if (line?.isConnected) goTo(line);
}

document.addEventListener("input", (event) => {
  if (!event.target.closest("[data-find-bar]") || event.target.name === "replacement") return;
  at = -1;
  look();
  step(1);
});
document.addEventListener("synapse:lines", () => {
  if (bar() && !bar().hidden) look();
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-find-bar]")) return;
  event.preventDefault();
  step(1);
});
document.addEventListener("keydown", (event) => {
  if (!event.target.closest?.("[data-find-bar]")) return;
  if (event.key === "Escape") closeFind();
  else if (event.key === "Enter" && event.shiftKey) step(-1);
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-find-open]")) openFind();
  if (event.target.closest("[data-find-close]")) closeFind();
  const way = event.target.closest("[data-find-step]");
  if (way) step(Number(way.dataset.findStep));
  const which = event.target.closest("[data-find-replace]");
  if (which) replace(which.dataset.findReplace);
});
