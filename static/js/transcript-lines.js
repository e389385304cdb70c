// The lines of the transcript page: which one is current, where a word of it is, and moving by keyboard.
//
// A line carries the start times of its words as numbers; its words become elements of their own only when the line is
// read: played, focused or pressed. Three thousand lines stay light that way.
let current = null;
let known = null;

export const page = () => document.querySelector("#words");
export const box = () => document.querySelector("[data-lines]");

export function lines() {
  known ??= [...document.querySelectorAll("[data-lines] [data-segment]")];
  return known;
}
document.addEventListener("synapse:lines", () => {
  known = null;
});

export const lineOf = (id) => document.getElementById(`line-${id}`);
export const idOf = (line) => Number(line.dataset.segment);
export const startOf = (line) => Number(line.dataset.startMs);
export const textOf = (line) => line.querySelector("[data-text]").textContent.trim().replace(/\s+/gu, " ");
export const neighbour = (line, step) => lines()[lines().indexOf(line) + step] ?? null;

export function lineAt(ms) {
  const all = lines();
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startOf(all[middle]) <= ms) low = middle + 1;
    else high = middle;
  }
  return all[low - 1] ?? null;
}

// The current line: the one that has or last had the focus.
export function currentLine() {
  return current?.isConnected ? current : null;
}

export function goTo(line, { focus = true, block = "nearest" } = {}) {
  if (!line) return;
  current?.setAttribute("tabindex", "-1");
  current = line;
  line.setAttribute("tabindex", "0");
  if (focus) line.focus({ preventScroll: true });
  line.scrollIntoView({ block });
}

document.addEventListener("focusin", (event) => {
  const line = event.target.closest?.("[data-segment]");
  if (line) {
    current = line;
    line.setAttribute("tabindex", "0");
    wordsOf(line);
  }
});

// The words of a line as elements, in order.
export function wordsOf(line) {
  const text = line.querySelector("[data-text]");
  if (!text || text.dataset.split) return [...line.querySelectorAll("[data-text] [data-w]")];
  text.dataset.split = "yes";
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (const node of nodes) {
    const parts = node.data.split(/(\s+)/u).filter(Boolean);
    node.replaceWith(
      ...parts.map((part) => {
        if (!part.trim()) return document.createTextNode(part);
        const word = document.createElement("span");
        word.dataset.w = "";
        word.textContent = part;
        return word;
      }),
    );
  }
  return [...text.querySelectorAll("[data-w]")];
}

const offsets = (line) => (line.dataset.words ? line.dataset.words.split(",").map(Number) : []);

export function wordTime(line, place) {
  const times = offsets(line);
  return startOf(line) + (times[place] ?? 0);
}

export function placeAt(line, ms) {
  return offsets(line).findLastIndex((offset) => startOf(line) + offset <= ms);
}

// The word under the pointer, after its line was cut into words.
export function wordUnder(line, x, y) {
  const words = wordsOf(line);
  const place = words.indexOf(document.elementFromPoint(x, y)?.closest("[data-w]"));
  return place < 0 ? null : place;
}

// The word that the arrow keys chose in the current line.
export function chosenWord(line) {
  return wordsOf(line).findIndex((word) => word.classList.contains("chosen"));
}

export function chooseWord(line, step) {
  const words = wordsOf(line);
  if (!words.length) return;
  const at = chosenWord(line);
  words[at]?.classList.remove("chosen");
  const next = at < 0 ? (step > 0 ? 0 : words.length - 1) : Math.min(words.length - 1, Math.max(0, at + step));
  words[next].classList.add("chosen");
}
