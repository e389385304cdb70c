// The template editor: choosing a section, moving it by drag or with Alt and the arrows, steps without a reload, the
// preview after a pause in typing, and a warning before unsaved changes are left. Without it the page is one long form.
const PREVIEW_WAIT_MS = 700;
const editor = () => document.querySelector("[data-template-editor]");
const isTyping = (target) => target.matches?.("input:not([type=checkbox],[type=radio]),textarea,select");
let isChanged = Boolean(editor()?.hasAttribute("data-changed"));
let isLeaving = false;
let waiting = 0;

function markChanged() {
  isChanged = true;
  for (const chip of document.querySelectorAll("[data-unsaved-chip]")) chip.hidden = false;
}

// What is not saved is kept in this tab, so that a lost session or a crashed page loses nothing. Templates hold no
// patient data.
const draftKey = () => `template-draft:${location.pathname}`;

function keepDraft() {
  const values = new URLSearchParams(new FormData(editor()));
  values.delete("csrfmiddlewaretoken");
  try {
    sessionStorage.setItem(draftKey(), values.toString());
  } catch {
    // Storage is off or full: the warning before leaving remains.
  }
}

function keptDraft() {
  try {
    return sessionStorage.getItem(draftKey());
  } catch {
    return null;
  }
}

function dropDraft() {
  if (keptDraft()) sessionStorage.removeItem(draftKey());
}

function offerDraft() {
  const form = editor();
  if (!form || form.hasAttribute("data-changed")) return;
  if (form.hasAttribute("data-saved")) {
    dropDraft();
    history.replaceState(history.state, "", location.pathname);
  }
  if (keptDraft()) form.querySelector("[data-draft]").hidden = false;
}

async function send(form, values) {
  clearTimeout(waiting); // the answer writes its own preview
  await window.htmx.ajax("POST", form.action, {
    target: form,
    swap: "outerHTML",
    values: Object.fromEntries([...new Set(values.keys())].map((name) => [name, values.getAll(name)])),
  });
  markChanged();
  keepDraft();
}

function previewSoon(wait = PREVIEW_WAIT_MS) {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const preview = document.querySelector("[data-preview]");
    if (preview) window.htmx.trigger(preview, "synapse:edited");
  }, wait);
}

function choose(index, { reveal = false } = {}) {
  const form = editor();
  form.querySelector("[data-chosen]").value = index;
  for (const row of form.querySelectorAll("[data-row]")) {
    const isOn = row.dataset.row === index;
    row.classList.toggle("on", isOn);
    if (isOn) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  for (const panel of form.querySelectorAll("[data-panel]")) panel.classList.toggle("on", panel.dataset.panel === index);
  for (const part of form.querySelectorAll("[data-preview-of]")) part.classList.toggle("on", part.dataset.previewOf === index);
  if (reveal) form.querySelector(`[data-panel="${index}"]`)?.scrollIntoView({ block: "start" });
}

// A step sends the whole form and takes the answer in its place; nothing is saved by it.
async function take(button) {
  const form = editor();
  const values = new FormData(form, button);
  const verb = button.dataset.step;
  await send(form, values);
  const fresh = editor();
  const index = fresh.querySelector("[data-chosen]").value;
  focusAfter(fresh, verb, index);
  const status = document.querySelector("[data-editor-status]");
  if (status) status.textContent = fresh.dataset.said;
}

function focusAfter(form, verb, index) {
  const again = form.querySelector(`#step-${verb}-${index}:not([disabled])`);
  const heading = form.querySelector(`[data-panel="${index}"] input[name$="-title"]`);
  const link = form.querySelector(`[data-choose="${index}"]`);
  if (verb === "up" || verb === "down" || verb === "drag") (again ?? link)?.focus();
  else if (verb.startsWith("usual_")) form.querySelector(`[data-panel="${index}"] [data-filled-by~="${verb}"] textarea`)?.focus();
  else if (verb === "topics") form.querySelector(`[data-panel="${index}"] details summary`)?.focus();
  else heading?.focus();
}

document.addEventListener("click", (event) => {
  const form = event.target.closest("[data-template-editor]");
  if (!form) return;
  const link = event.target.closest("[data-choose]");
  if (link) {
    event.preventDefault();
    choose(link.dataset.choose, { reveal: true });
    return;
  }
  const step = event.target.closest("[data-step]");
  if (step && window.htmx) {
    event.preventDefault();
    take(step);
    return;
  }
  if (event.target.closest("[data-preview-now]") && window.htmx) {
    event.preventDefault();
    previewSoon(0);
    return;
  }
  const insert = event.target.closest("[data-insert]");
  if (insert) {
    const box = document.getElementById(insert.dataset.into);
    box.setRangeText(`{{${insert.dataset.insert}}}`, box.selectionStart, box.selectionEnd, "end");
    box.focus();
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-leave]")) {
    isLeaving = true;
    dropDraft();
  }
  if (event.target.closest("[data-draft-restore]")) {
    const values = new URLSearchParams(keptDraft());
    values.set("step", "draft");
    send(editor(), values);
  }
  if (event.target.closest("[data-draft-drop]")) {
    dropDraft();
    event.target.closest("[data-draft]").hidden = true;
  }
});

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.closest?.("[data-template-editor]");
    if (!form) return;
    if (event.target.name === "source") {
      if (kind === "change") previewSoon(0);
      return;
    }
    markChanged();
    keepDraft();
    previewSoon();
    const panel = event.target.name?.endsWith("-title") ? event.target.closest("[data-panel]") : null;
    for (const title of panel ? form.querySelectorAll(`[data-title-of="${panel.dataset.panel}"]`) : []) {
      title.textContent = event.target.value.trim() || "New section";
    }
  });
}

// Focus inside a panel that is reached by the error summary or by the keyboard shows it.
document.addEventListener("focusin", (event) => {
  const panel = event.target.closest?.("[data-panel]");
  if (panel && !panel.classList.contains("on")) choose(panel.dataset.panel);
});

document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("[data-template-editor]");
  if (!form || !event.altKey || isTyping(event.target) || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const index = event.target.closest("[data-row]")?.dataset.row ?? form.querySelector("[data-chosen]").value;
  choose(index);
  form.querySelector(`#step-${event.key === "ArrowUp" ? "up" : "down"}-${index}:not([disabled])`)?.click();
});

// Dragging by the dots, with mouse, pen or finger. The row goes before the one the line is drawn over.
let drag = null;
document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("[data-grip]");
  if (!grip || event.button !== 0) return;
  event.preventDefault();
  const row = grip.closest("[data-row]");
  drag = { row, rows: [...editor().querySelectorAll("[data-row]")], before: null };
  grip.setPointerCapture(event.pointerId);
  row.classList.add("dragged");
});
document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const under = drag.rows.find((row) => {
    const box = row.getBoundingClientRect();
    return event.clientY < box.top + box.height / 2;
  });
  drag.before = under ? under.dataset.row : String(drag.rows.length);
  for (const row of drag.rows) {
    row.classList.toggle("drop", row === under);
    row.classList.toggle("drop-end", !under && row === drag.rows.at(-1));
  }
});
document.addEventListener("pointerup", () => {
  const done = endDrag();
  if (!done || done.before === null) return;
  const button = editor().querySelector("[data-drag-step]");
  button.value = `move-${done.row.dataset.row}-${done.before}`;
  button.dataset.step = "drag";
  take(button);
});
document.addEventListener("pointercancel", endDrag);

function endDrag() {
  const done = drag;
  drag = null;
  for (const row of done?.rows ?? []) row.classList.remove("dragged", "drop", "drop-end");
  return done;
}

document.addEventListener("submit", (event) => {
  if (event.target.closest("[data-template-editor]")) isLeaving = true;
});
window.addEventListener("pageshow", () => {
  isLeaving = false;
});
window.addEventListener("beforeunload", (event) => {
  if (isChanged && !isLeaving && editor()) event.preventDefault();
});
document.querySelector("[data-template-editor] [data-focus]")?.focus();
offerDraft();
