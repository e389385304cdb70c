// Text boxes of a section: saved as they are typed, kept encrypted in this browser until the server has them. A line that
// another window changed is never written over: both wordings are shown. Lines elsewhere go on being saved meanwhile.
//
// [data-section-form]  the boxes of a section       [data-line-edit="s3"]  one line, empty for a new one
// [data-arrange]       a button that moves, cuts or joins a line: what was typed is saved before it is pressed
import { forgetNotes, keepNotes, keptNotes } from "./capture-store.js";
import { postForm } from "./requests.js";
import { showToast } from "./toast.js";

const SAVE_AFTER_MS = 1200;
const RETRY_MS = 5000;
const page = () => document.querySelector("[data-review]");
const keptName = () => `report ${page().dataset.review}`;
const clean = (text) => text.trim().replace(/\s+/gu, " ");
const editors = new WeakMap();

// Everything this browser holds and the server does not: {line or place: {section, text, base, cid}}.
let kept = {};
let keeping = Promise.resolve();
function keep(name, value) {
  if (value === null) delete kept[name];
  else kept[name] = value;
  const isEmpty = !Object.keys(kept).length;
  keeping = keeping.then(() => (isEmpty ? forgetNotes(keptName()) : keepNotes(keptName(), JSON.stringify(kept)))).catch(() => {});
}

class LineEditor {
  #timer = null;
  #saving = Promise.resolve(true);

  constructor(root) {
    this.root = root;
    this.area = root.querySelector("textarea");
    this.baseField = root.querySelector("[data-line-base]");
    this.conflict = root.querySelector("[data-line-conflict]");
    this.id = root.dataset.lineEdit;
    this.place = root.dataset.place ?? "";
    this.section = root.closest("[data-section]").dataset.section;
    this.saved = clean(this.baseField?.value ?? "");
    this.continues = null;
    this.cid = this.id ? "" : `n${crypto.randomUUID().slice(0, 18)}`;
  }

  get text() {
    return clean(this.area.value);
  }

  get name() {
    return this.id || `new ${this.place}`;
  }

  get isUnsaved() {
    return this.text !== this.saved;
  }

  changed() {
    this.say("Not saved yet");
    keep(this.name, { section: this.section, text: this.text, base: this.saved, cid: this.cid });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
  }

  // Resolves to whether the server has the text as it stands.
  save() {
    clearTimeout(this.#timer);
    this.#saving = this.#saving.then(() => this.#store());
    return this.#saving;
  }

  async #store() {
    if (!this.conflict.hidden) return false;
    const { text, name } = this;
    if (!this.isUnsaved) {
      keep(name, null);
      return true;
    }
    if (!text) {
      this.say(this.id ? "A line cannot be empty. Write it, or tick Remove." : "");
      if (!this.id) keep(name, null);
      return !this.id;
    }
    let response;
    try {
      response = await this.#send(text);
    } catch {
      this.say("Not saved: no connection. Kept on this device.");
      this.#later();
      return false;
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return this.#stored(answer, text, name);
    this.#refused(response.status, answer);
    return false;
  }

  #send(text) {
    const values = this.id ? { text, base: this.saved } : { text, cid: this.cid };
    if (this.id && this.continues !== null) values.continues = this.continues;
    const url = this.id ? (this.root.dataset.saveUrl ?? `${page().dataset.linesUrl}${this.id}/text/`) : this.root.dataset.addUrl;
    return postForm(url, values, { redirect: "error" });
  }

  #stored(answer, text, name) {
    this.id = answer.id;
    this.saved = clean(answer.text);
    this.continues = answer.revision;
    if (this.baseField) this.baseField.value = answer.text;
    // A new line has its row on the server now: the form must not send it once more.
    if (!this.baseField) this.area.removeAttribute("name");
    if (this.text === text) keep(name, null);
    if (this.text !== text) this.#later(SAVE_AFTER_MS);
    this.say(`Saved ${answer.saved_at}`);
    return this.text === text;
  }

  #refused(status, answer) {
    if (status === 409 && (answer.theirs !== undefined || answer.removed)) {
      this.theirs = answer.theirs ?? null;
      this.conflict.querySelector("[data-line-conflict-words]").textContent = answer.removed
        ? "Another window removed this line."
        : "Another window says:";
      this.conflict.querySelector("[data-line-theirs]").textContent = this.theirs ?? "";
      this.conflict.hidden = false;
      this.say("Not saved: changed in another window");
    } else if (status >= 500) {
      this.say("Not saved: the server does not answer. Kept on this device.");
      this.#later();
    } else {
      this.say(answer.message ?? "Not saved. Kept on this device.");
    }
  }

  // The doctor chose between the two wordings.
  resolve(choice) {
    this.conflict.hidden = true;
    this.continues = null;
    if (this.theirs === null) {
      // The line is gone: mine becomes a new one at the end of the section.
      if (choice === "theirs") this.area.value = this.saved;
      else Object.assign(this, { id: "", saved: "", cid: `n${crypto.randomUUID().slice(0, 18)}`, place: this.section });
      this.root.dataset.addUrl = `${page().dataset.linesUrl.replace(/lines\/$/u, "")}sections/${this.section}/lines/`;
    } else {
      this.saved = clean(this.theirs);
      if (this.baseField) this.baseField.value = this.theirs;
      if (choice === "theirs") this.area.value = this.theirs;
    }
    this.area.focus();
    return this.save();
  }

  #later(ms = RETRY_MS) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.root.isConnected && this.save(), ms);
  }

  say(text) {
    this.root.querySelector("[data-line-state]").textContent = text;
  }
}

function editorOf(element) {
  const root = element.closest("[data-line-edit]");
  if (!root) return null;
  if (!editors.has(root)) editors.set(root, new LineEditor(root));
  return editors.get(root);
}

const editorsOf = (form) => [...form.querySelectorAll("[data-line-edit]")].map(editorOf);

async function saveAll(form) {
  const results = await Promise.all(editorsOf(form).map((editor) => editor.save()));
  return results.every(Boolean);
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-line-edit] textarea")) editorOf(event.target).changed();
});

document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-line-keep]");
  if (choice) editorOf(choice).resolve(choice.dataset.lineKeep);
});

// Whatever leaves the boxes is asked for after their text is saved; a line that is not keeps them open.
document.addEventListener("htmx:confirm", (event) => {
  const { elt } = event.detail;
  const form = elt.matches("[data-section-form],[data-arrange],[data-cancel]") && elt.closest("[data-section-form]");
  const boxes = form || (elt.matches("[data-undo],[data-redo]") && document.querySelector("[data-section-form]"));
  if (!boxes) return;
  event.preventDefault();
  saveAll(boxes).then((isSaved) => {
    if (isSaved) event.detail.issueRequest(true);
    else showToast("Not everything is saved yet. Look at the lines that say so.", "bad");
  });
});

let cut = null;
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.dataset.arrange !== "split") return;
  const { area } = editorOf(event.detail.elt);
  const before = clean(area.value.slice(0, area.selectionStart));
  event.detail.parameters.set("place", String(before ? before.split(" ").length : 0));
});

// A line that was moved, cut or joined keeps the cursor.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (!elt.dataset?.arrange || elt.dataset.arrange === "layout") return;
  const ids = editorsOf(elt.closest("[data-section-form]")).map((editor) => editor.id);
  const { id } = editorOf(elt);
  cut = elt.dataset.arrange === "merge" ? ids[ids.indexOf(id) - 1] : id;
});
document.addEventListener("htmx:afterSettle", () => {
  if (!cut) return;
  const box = document.querySelector(`[data-line-edit="${CSS.escape(cut)}"] textarea`);
  cut = null;
  box?.focus();
});

document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-line-edit] textarea")) return;
  const root = event.target.closest("[data-line-edit]");
  const press = (verb) => {
    const button = root.querySelector(`[data-arrange="${verb}"]`);
    if (!button) return;
    event.preventDefault();
    button.click();
  };
  const isAtStart = event.target.selectionStart === 0 && event.target.selectionEnd === 0;
  if (event.altKey && event.key === "ArrowUp") press("up");
  else if (event.altKey && event.key === "ArrowDown") press("down");
  else if (event.altKey && event.key === "Enter") press("split");
  else if (event.key === "Backspace" && isAtStart && !event.repeat) press("merge");
});

addEventListener("online", () => document.querySelectorAll("[data-section-form]").forEach(saveAll));
addEventListener("beforeunload", (event) => {
  const boxes = [...document.querySelectorAll("[data-line-edit]")];
  if (boxes.some((root) => editors.get(root)?.isUnsaved && editors.get(root).text)) event.preventDefault();
});

// What was typed and never reached the server comes back where it was typed.
document.addEventListener("htmx:load", (event) => {
  const form = event.detail.elt.querySelector?.("[data-section-form]");
  if (form) putBack(form);
});

function putBack(form) {
  for (const editor of editorsOf(form)) {
    const draft = kept[editor.name];
    if (!draft || draft.section !== editor.section || draft.text === editor.saved) continue;
    editor.area.value = draft.text;
    editor.saved = draft.base;
    if (draft.cid) editor.cid = draft.cid;
    editor.changed();
  }
}

async function restore() {
  kept = JSON.parse((await keptNotes(keptName()).catch(() => null)) ?? "{}");
  for (const form of document.querySelectorAll("[data-section-form]")) putBack(form);
  for (const id of new Set(Object.values(kept).map((draft) => draft.section))) {
    const link = document.querySelector(`#section-${CSS.escape(id)} [data-edit]`);
    if (link) window.htmx.ajax("GET", link.getAttribute("href"), { target: `#section-${id}`, swap: "outerHTML" });
  }
}
if (page()) restore();
