// The window of a visit beside its block, the dialog over the calendar, and what follows a change: a message with Undo, the
// board drawn again. Without this module the same addresses open as pages.
import { firstMinute, linkOf, refresh, ROW_MINUTES, rowAt, scroller, two } from "./calendar-board.js";
import { csrfToken } from "./requests.js";
import { showToast } from "./toast.js";

const GAP = 8;
const place = document.querySelector("[data-visit-window]");
const dialog = document.getElementById("visit-dialog");
const dialogBody = document.getElementById("visit-dialog-body");

// Post values as htmx would: the answer's events are told to the page. Return the status and the fragment.
export async function send(url, values = {}) {
  const headers = { "HX-Request": "true", "X-CSRFToken": csrfToken() };
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(values), headers }).catch(() => null);
  if (!answer) {
    showToast("The server does not answer. Check the connection, then try again.", "bad");
    return { status: 0, text: "", isExplained: true };
  }
  if (answer.headers.get("HX-Redirect")) window.location.reload();
  const events = JSON.parse(answer.headers.get("HX-Trigger") ?? "{}");
  for (const [name, detail] of Object.entries(events)) {
    document.body.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
  return { status: answer.status, text: await answer.text(), isExplained: "synapse:toast" in events };
}

const windowOf = () => place?.querySelector("[data-visit-pop]");

export function closeWindow({ focus = true } = {}) {
  const pop = windowOf();
  if (!pop) return false;
  place.replaceChildren();
  const opener = document.querySelector("[data-board] .sel");
  opener?.classList.remove("sel");
  if (focus) (opener ?? linkOf(pop.dataset.visitPop))?.focus({ preventScroll: true });
  return true;
}

export async function openWindow(link) {
  await window.htmx.ajax("GET", link.href, { target: place, swap: "innerHTML" });
  const pop = windowOf();
  if (!pop) return;
  for (const other of document.querySelectorAll("[data-board] .sel")) other.classList.remove("sel");
  linkOf(pop.dataset.visitPop)?.classList.add("sel");
  putBeside(pop, linkOf(pop.dataset.visitPop) ?? link);
  pop.focus({ preventScroll: true });
}

function putBeside(pop, link) {
  const frame = scroller.getBoundingClientRect();
  const box = link.getBoundingClientRect();
  const left = box.left - frame.left + scroller.scrollLeft;
  const top = box.top - frame.top + scroller.scrollTop;
  const right = left + box.width + GAP;
  const fits = right + pop.offsetWidth + GAP <= scroller.scrollLeft + scroller.clientWidth;
  const farthest = scroller.scrollLeft + scroller.clientWidth - pop.offsetWidth - GAP;
  const lowest = scroller.scrollTop + scroller.clientHeight - pop.offsetHeight - GAP;
  pop.style.left = `${Math.max(scroller.scrollLeft + GAP, Math.min(fits ? right : left - pop.offsetWidth - GAP, farthest))}px`;
  pop.style.top = `${Math.max(scroller.scrollTop + GAP, Math.min(top, lowest))}px`;
}

export function showInDialog(html) {
  dialogBody.innerHTML = html;
  window.htmx.process(dialogBody);
  if (!dialog.open) dialog.showModal();
}

export async function openDialog(href) {
  const answer = await fetch(href, { headers: { "HX-Request": "true" } }).catch(() => null);
  const html = answer?.ok && !answer.redirected ? await answer.text() : "";
  // Whatever has no fragment opens as the page it is.
  if (!html || html.trimStart().toLowerCase().startsWith("<!doctype")) window.location.assign(href);
  else showInDialog(html);
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 409 && event.detail.target === dialogBody && event.detail.xhr.responseText) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});
dialog?.addEventListener("close", () => dialogBody.replaceChildren());

// What was refused had changed at another desk: the window shows how the visit stands now.
document.addEventListener("htmx:responseError", async (event) => {
  const pop = windowOf();
  if (event.detail.xhr.status !== 409 || !pop?.contains(event.detail.elt)) return;
  const { left, top } = pop.style;
  await window.htmx.ajax("GET", pop.dataset.address, { target: place, swap: "innerHTML" });
  const shown = windowOf();
  if (!shown) return;
  Object.assign(shown.style, { left, top });
  shown.focus({ preventScroll: true });
});

const isPlain = (event) => event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;

document.addEventListener("click", (event) => {
  if (!place || !isPlain(event) || event.defaultPrevented) return;
  const opener = event.target.closest("[data-in-dialog]");
  const visit = event.target.closest("[data-visit]");
  const column = event.target.closest("[data-book]");
  if (opener || visit) event.preventDefault();
  if (opener) openDialog(opener.href);
  else if (visit) openWindow(visit);
  else if (event.target.closest("[data-visit-close]")) closeWindow();
  else if (windowOf() && !event.target.closest("[data-visit-pop],dialog,.toast")) closeWindow({ focus: false });
  else if (column) bookAt(column, event.clientY);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !dialog?.open && closeWindow()) event.preventDefault();
});

function bookAt(column, y) {
  // Half hours: a quarter hour is too small a target to mean it.
  const minutes = firstMinute() + Math.floor((rowAt(column, y) * ROW_MINUTES) / 30) * 30;
  openDialog(`${column.dataset.book}&time=${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`);
}

document.addEventListener("calendar-changed", async (event) => {
  if (!place) return;
  const { message, undo } = event.detail;
  const shown = windowOf()?.dataset.visitPop;
  // A change that names no visit is one of the visit in the window.
  const visit = event.detail.visit ?? shown;
  if (dialog.open) dialog.close();
  if (shown && shown !== visit) closeWindow({ focus: false });
  if (message) showToast(message, "", undo ? { label: "Undo", key: "z", run: () => send(undo) } : null);
  await refresh();
  const link = visit && linkOf(visit);
  if (link && shown === visit) openWindow(link);
  else if (shown && shown === visit) closeWindow();
  else link?.focus({ preventScroll: true });
});
