// The worklist by keyboard: J and K move between rows, Enter opens the row, a letter presses the row's button of that
// letter. After something was done in place the focus stays where it was, on the row that moved up.
const root = document.documentElement;

const rows = () => [...document.querySelectorAll("[data-work-row]")];
const rowOf = (node) => node?.closest?.("[data-work-row]");
const isTyping = (target) => target.isContentEditable || target.matches?.("input,textarea,select");

const GO_WAIT_MS = 1200; // G and the letter after it go to another page

let place = 0;
let wentAt = 0;

function focusRow(index) {
  const all = rows();
  if (!all.length) return false;
  place = Math.min(Math.max(index, 0), all.length - 1);
  all[place].focus();
  return true;
}

document.addEventListener("focusin", (event) => {
  const row = rowOf(event.target);
  if (row) place = rows().indexOf(row);
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (root.dataset.shortcuts === "off" || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if (Date.now() - wentAt < GO_WAIT_MS) return;
  if (key === "g") wentAt = Date.now();
  const row = rowOf(document.activeElement);
  let done = false;
  if (key === "j") done = focusRow(row ? place + 1 : place);
  else if (key === "k") done = focusRow(row ? place - 1 : place);
  else if (key === "enter" && row === document.activeElement) done = press(row, "[data-row-open]");
  else if (row && /^[a-z]$/.test(key)) done = press(row, `[data-row-key="${key}"]`);
  if (done) event.preventDefault();
});

function press(row, selector) {
  const target = row?.querySelector(selector);
  if (target) target.click();
  return Boolean(target);
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "worklist" && !focusRow(place)) document.getElementById("main")?.focus();
});
