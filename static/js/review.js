// Keys and small helpers of the review page. J/K go from line to line, Space plays, E changes the line, C marks its
// section checked, Ctrl+Enter signs. Single keys rest inside fields, in dialogs, and when they are switched off.
import { currentLine, selectLine } from "./evidence.js";

const root = document.documentElement;
const isTyping = (target) => target.isContentEditable || target.matches?.("input:not([type=checkbox]),textarea,select");
const lines = () => [...document.querySelectorAll("[data-review] [data-line]")];

function go(step) {
  const all = lines();
  if (!all.length) return;
  const at = all.indexOf(currentLine());
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
  show(all[next]);
}

function show(line) {
  selectLine(line);
  line.scrollIntoView({ block: "center", behavior: "auto" });
  announce(line);
}

// A line is no control, so the keys say which one they reached.
function announce(line) {
  const region = document.querySelector("[data-review-status]");
  if (region) region.textContent = line.textContent.trim();
}

function sectionOfCurrent() {
  return (currentLine() ?? lines()[0])?.closest("[data-section]");
}

// Undo and redo wait for what is under way: its answer brings new buttons, which hear nothing before they have settled.
const SETTLED_MS = 50;
const steps = [];
let underWay = 0;

function takeStep() {
  if (underWay || !steps.length) return;
  const isRedo = steps.shift();
  document.querySelector(isRedo ? "[data-redo]:not(:disabled)" : "[data-undo]:not(:disabled)")?.click();
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.defaultPrevented) underWay += 1;
});
document.addEventListener("htmx:afterRequest", () => {
  setTimeout(() => {
    underWay = Math.max(0, underWay - 1);
    takeStep();
  }, SETTLED_MS);
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    const form = event.target.closest?.("[data-section-form]");
    if (form) form.requestSubmit();
    else if (!document.querySelector("dialog[open]")) document.querySelector("[data-sign]")?.click();
    event.preventDefault();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && !isTyping(event.target) && !document.querySelector("dialog[open]")) {
    const key = event.key.toLowerCase();
    const isRedo = key === "y" || (key === "z" && event.shiftKey);
    if (!isRedo && key !== "z") return;
    event.preventDefault();
    steps.push(isRedo);
    takeStep();
    return;
  }
  if (event.ctrlKey || event.metaKey || root.dataset.shortcuts === "off") return;
  if (event.key === "Escape") {
    const cancel = event.target.closest?.("[data-section-form]")?.querySelector("[data-cancel]");
    cancel?.click();
    return;
  }
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if (key === "j") go(1);
  else if (key === "k") go(-1);
  else if (key === " " && !event.target.closest("button,a,summary,[role=button]")) {
    const line = currentLine();
    const isNew = line && line !== playedLine;
    if (isNew) selectLine(line, { play: true });
    else document.dispatchEvent(new CustomEvent("synapse:play", { detail: { toggle: true } }));
    playedLine = line;
  } else if (key === "e") editCurrent();
  else if (key === "x") settleCurrent("remove");
  else if (key === "v") settleCurrent("confirm");
  else if (key === "c") sectionOfCurrent()?.querySelector("[data-check]")?.click();
  else return;
  event.preventDefault();
});
let playedLine = null;

function editCurrent() {
  const section = sectionOfCurrent();
  const line = currentLine();
  const link = section?.querySelector("[data-edit]");
  if (!link) return;
  const address = new URL(link.href);
  if (line) address.searchParams.set("line", line.dataset.line);
  window.htmx.ajax("GET", address.pathname + address.search, { target: `#${section.id}`, swap: "outerHTML" });
}

function settleCurrent(verdict) {
  const section = sectionOfCurrent();
  const line = currentLine();
  if (!line || !section?.querySelector("[data-edit]")) return;
  const place = lines().indexOf(line);
  const values = { verdict, base: line.firstChild.textContent };
  const url = `${document.querySelector("[data-review]").dataset.linesUrl}${line.dataset.line}/`;
  const target = `#${section.id}`;
  window.htmx.ajax("POST", url, { target, swap: "outerHTML", values }).then(() => {
    const next = lines()[place];
    if (next) show(next);
  });
}

// The first text box of a section that opens for editing gets the focus, with the cursor at its end.
document.addEventListener("htmx:load", (event) => {
  const box = event.detail.elt.querySelector?.("[data-section-form] textarea");
  if (!box) return;
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
});

// An inserted finding answers with the section it went into, which is not where the button stood.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.elt.matches?.("[data-insert]") || event.detail.xhr.status !== 200) return;
  const id = /id="(section-[a-z0-9_]+)"/.exec(event.detail.serverResponse)?.[1];
  const section = id && document.getElementById(id);
  if (!section) return;
  event.detail.target = section;
  event.detail.swapOverride = "outerHTML";
  event.detail.shouldSwap = true;
});

// A draft from live words became final: shown at once, unless something is being typed.
document.addEventListener("htmx:load", (event) => {
  if (!event.detail.elt.matches?.("[data-report-final]")) return;
  const isBusy = isTyping(document.activeElement ?? document.body) || document.querySelector("[data-section-form],dialog[open]");
  if (!isBusy) location.reload();
});

// A reason why the report cannot be signed leads to its line or section.
document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-go-to]")?.dataset.goTo;
  if (!target) return;
  const line = document.querySelector(`[data-line="${target}"]`);
  const statement = document.querySelector(`[data-risk-row="${target}"]`);
  if (line) show(line);
  else if (statement) statement.focus();
  else document.querySelector(`#section-${target} [data-edit]`)?.focus();
});
