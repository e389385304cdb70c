// The board of the calendar: asking for it again without touching what the reader does, the places of the grid, the line
// of now. A change elsewhere never moves the scroll, the focus, an open window or a running drag.
export const ROW_MINUTES = 15;
export const two = (number) => String(number).padStart(2, "0");
export const clockOf = (minutes) => `${Math.floor(minutes / 60)}:${two(minutes % 60)}`;

const page = document.querySelector("[data-live]");
const board = document.querySelector("[data-board]");
export const scroller = document.querySelector("[data-calendar]");

let holds = 0;
let isWanted = false;
let running = null;

// While somebody drags, the board stays as it is.
export function hold() {
  holds += 1;
}
export function release() {
  holds -= 1;
  catchUp();
}
export function catchUp() {
  if (isWanted) refresh();
}

const isBusy = () => holds > 0 || Boolean(document.querySelector("[data-lock][open]"));

export function revision() {
  return Number(page.dataset.revision);
}

// Ask for the board again and draw it; of several wishes while one is under way, one is left.
export function refresh() {
  if (!board) return Promise.resolve();
  if (isBusy() || running) {
    isWanted = true;
    return running ?? Promise.resolve();
  }
  isWanted = false;
  running = load().finally(() => {
    running = null;
    catchUp();
  });
  return running;
}

async function load() {
  const answer = await fetch(page.dataset.address, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer?.headers.get("HX-Redirect")) window.location.reload();
  else if (answer?.ok) draw(await answer.text());
}

function draw(html) {
  if (isBusy()) {
    isWanted = true;
    return;
  }
  const focused = board.contains(document.activeElement) ? document.activeElement.dataset.visit : null;
  const selected = board.querySelector(".sel")?.dataset.visit;
  board.innerHTML = html;
  const facts = board.querySelector("[data-revision]");
  page.dataset.revision = facts.dataset.revision;
  for (const node of document.querySelectorAll("[data-visits-of]")) {
    node.textContent = facts.getAttribute(`data-visits-of-${node.dataset.visitsOf}`) ?? "0";
  }
  if (selected) linkOf(selected)?.classList.add("sel");
  document.dispatchEvent(new CustomEvent("calendar:drawn"));
  if (focused) linkOf(focused)?.focus({ preventScroll: true });
}

// The link of a visit that can be seen: a phone shows the list, a desk the grid.
export function linkOf(visit) {
  return [...document.querySelectorAll(`[data-visit="${visit}"]`)].find((node) => node.checkVisibility());
}

export function grid() {
  return document.querySelector("[data-grid]");
}
export function firstMinute() {
  return Number(grid().dataset.firstHour) * 60;
}
export function rowHeight(column) {
  return column.getBoundingClientRect().height / Number(grid().dataset.rows);
}
// Column and row of a visit, read from the classes that place it.
export function placeOf(link) {
  const number = (pattern) => Number([...link.classList].find((name) => pattern.test(name))?.match(/\d+/)[0] ?? 0);
  return { column: number(/^d\d+$/), row: number(/^at\d+$/) };
}
export function rowAt(column, y) {
  return Math.floor((y - column.getBoundingClientRect().top) / rowHeight(column));
}

function placeNow() {
  const line = document.querySelector("[data-now]");
  if (!line) return;
  line.drawnAt ??= performance.now();
  const [hour, minute] = line.dataset.now.split(":").map(Number);
  const passed = (performance.now() - line.drawnAt) / 60000;
  const height = rowHeight(document.querySelector("[data-column]"));
  line.style.transform = `translateY(${(((minute % ROW_MINUTES) + passed) / ROW_MINUTES) * height}px)`;
  const now = hour * 60 + minute + Math.floor(passed);
  line.setAttribute("aria-label", `Now, ${Math.floor(now / 60) % 24}:${two(now % 60)}`);
}

document.addEventListener("calendar:drawn", placeNow);
if (board) {
  placeNow();
  setInterval(placeNow, 30000);
  const line = document.querySelector("[data-now]");
  // The working day of a long grid begins where the reader is.
  if (line?.checkVisibility()) scroller.scrollTop = Math.max(0, line.offsetTop - scroller.clientHeight / 2);
}
