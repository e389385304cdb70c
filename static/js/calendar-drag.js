// Moving and resizing visits by hand: with a mouse at once, by touch after a long press. What is dragged snaps to quarter
// hours and says its time; a drop is shown at once and taken back, with the reason, when the server refuses it.
import { clockOf, firstMinute, grid, hold, placeOf, release, ROW_MINUTES, rowAt, rowHeight, scroller, two } from "./calendar-board.js";
import { closeWindow, send, showInDialog } from "./calendar-window.js";
import { showToast } from "./toast.js";

const START_PX = 4;
const PRESS_MS = 400;
const EDGE_PX = 36;
const STEP_PX = 9;

let press = null; // a pointer is down on a visit and may become a drag
let drag = null; // a visit is on its way

const rowsOf = (minutes) => Math.max(1, Math.ceil(minutes / ROW_MINUTES));
const columns = () => [...grid().querySelectorAll(".col[data-column]")];

function columnAt(x) {
  const all = columns();
  return (
    all.find((column) => x < column.getBoundingClientRect().right) ?? all[all.length - 1]
  );
}

document.addEventListener("pointerdown", (event) => {
  const link = event.target.closest?.("[data-grid] [data-movable]");
  if (!link || event.button !== 0 || drag) return;
  const isResize = Boolean(event.target.closest(".grip"));
  press = { link, isResize, id: event.pointerId, x: event.clientX, y: event.clientY, isTouch: event.pointerType === "touch" };
  if (press.isTouch) press.timer = setTimeout(() => press && begin(press.x, press.y), PRESS_MS);
});

document.addEventListener("pointermove", (event) => {
  if (drag && event.pointerId === drag.id) {
    drag.x = event.clientX;
    drag.y = event.clientY;
    follow();
  } else if (press && event.pointerId === press.id && Math.hypot(event.clientX - press.x, event.clientY - press.y) > START_PX) {
    // A finger that moves before the press is long enough scrolls.
    if (press.isTouch) forget();
    else begin(event.clientX, event.clientY);
  }
});

function forget() {
  clearTimeout(press?.timer);
  press = null;
}

function begin(x, y) {
  const { link, isResize, id, y: pressedAt } = press;
  forget();
  closeWindow({ focus: false });
  const { column, row } = placeOf(link);
  const home = columns().find((each) => Number(each.dataset.column) === column);
  drag = { link, isResize, id, x, y, home, row, minutes: Number(link.dataset.minutes) };
  drag.grab = rowAt(home, pressedAt) - drag.row;
  drag.place = { column: home, row: drag.row, minutes: drag.minutes };
  drag.ghost = link.cloneNode(true);
  drag.ghost.removeAttribute("data-visit");
  drag.ghost.removeAttribute("href");
  drag.ghost.setAttribute("aria-hidden", "true");
  grid().append(drag.ghost);
  link.classList.add("lifted");
  document.documentElement.classList.add(isResize ? "is-resizing" : "is-dragging");
  hold();
  follow();
  requestAnimationFrame(scrollAtEdges);
}

function follow() {
  const rows = Number(grid().dataset.rows);
  const { isResize, home, row, grab, minutes, x, y } = drag;
  if (isResize) {
    const end = Math.min(Math.max(rowAt(home, y + rowHeight(home) / 2), row + 1), rows);
    drag.place = { column: home, row, minutes: (end - row) * ROW_MINUTES };
  } else {
    const first = Math.min(Math.max(rowAt(home, y) - grab, 0), rows - rowsOf(minutes));
    drag.place = { column: columnAt(x), row: first, minutes };
  }
  drag.hasMoved = drag.place.column !== home || drag.place.row !== row || drag.place.minutes !== minutes;
  const { column, row: at, minutes: length } = drag.place;
  drag.ghost.className = `${looks(drag.link)} ghost d${column.dataset.column} at${at} ln${rowsOf(length)}`;
  const start = firstMinute() + at * ROW_MINUTES;
  drag.ghost.querySelector("b + span").textContent = `${clockOf(start)} to ${clockOf(start + length)}`;
}

const looks = (link) => [...link.classList].filter((name) => !/^(d|at|ln)\d+$|^lane-|^lifted$|^sel$/.test(name)).join(" ");

function scrollAtEdges() {
  if (!drag) return;
  const frame = scroller.getBoundingClientRect();
  const push = (at, low, high) => (at < low + EDGE_PX ? -STEP_PX : at > high - EDGE_PX ? STEP_PX : 0);
  const down = push(drag.y, frame.top + 54, frame.bottom);
  const right = push(drag.x, frame.left, frame.right);
  if (down || right) {
    scroller.scrollBy(right, down);
    follow();
  }
  requestAnimationFrame(scrollAtEdges);
}

function letGo() {
  drag.ghost.remove();
  drag.link.classList.remove("lifted");
  document.documentElement.classList.remove("is-dragging", "is-resizing");
  const done = drag;
  drag = null;
  return done;
}

function giveUp() {
  forget();
  if (!drag) return;
  letGo();
  release();
}

document.addEventListener("pointerup", (event) => {
  forget();
  if (!drag || event.pointerId !== drag.id) return;
  // The click that ends a drag opens nothing.
  const swallow = (click) => {
    click.preventDefault();
    click.stopPropagation();
  };
  document.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", swallow, { capture: true }), 50);
  const done = letGo();
  if (done.hasMoved) drop(done);
  else release();
});
document.addEventListener("pointercancel", giveUp);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && drag) {
    giveUp();
    event.preventDefault();
    event.stopPropagation();
  }
}, { capture: true });
// The browser has its own idea of dragging a link and of a finger that moves.
document.addEventListener("dragstart", (event) => {
  if (event.target.closest?.("[data-visit]")) event.preventDefault();
});
document.addEventListener("touchmove", (event) => drag && event.preventDefault(), { passive: false });
document.addEventListener("contextmenu", (event) => {
  if (drag || press?.isTouch) event.preventDefault();
});

async function drop({ link, place: { column, row, minutes } }) {
  const before = link.className;
  link.className = `${looks(link)} saving d${column.dataset.column} at${row} ln${rowsOf(minutes)}`;
  const start = firstMinute() + row * ROW_MINUTES;
  const answer = await send(`${new URL(link.href).pathname}move/`, {
    day: column.dataset.day,
    clock: `${two(Math.floor(start / 60))}:${two(start % 60)}`,
    duration_minutes: minutes,
    doctor: column.dataset.doctor ?? link.dataset.doctor,
    scope: "this", // of a series: its page moves the others
  });
  if (answer.status !== 204) {
    link.className = before;
    if (!answer.isExplained && answer.text) showInDialog(answer.text);
    else if (!answer.isExplained) showToast("That did not work and nothing was saved. Try again.", "bad");
  }
  release();
}

function addGrips() {
  for (const link of document.querySelectorAll("[data-grid] [data-movable]")) {
    const grip = document.createElement("i");
    grip.className = "grip";
    link.append(grip);
  }
}
document.addEventListener("calendar:drawn", addGrips);
addGrips();
