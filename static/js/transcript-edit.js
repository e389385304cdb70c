// Correcting a line where it stands: saved as it is typed, kept encrypted in this browser until the server has it,
// split at the cursor, joined with the line before. Words somebody else changed meanwhile are shown, never written over.
import { forgetNotes, keepNotes, keptNotes } from "./capture-store.js";
import { goTo, idOf, lineOf, neighbour, page, startOf, textOf } from "./transcript-lines.js";
import { Refused, ask, revision, send, showLines } from "./transcript-save.js";

const SAVE_AFTER_MS = 1200;
const RETRY_MS = 5000;
let open = null;

const clean = (text) => text.trim().replace(/\s+/gu, " ");
export const isEditing = () => open !== null;

// Text the server does not have yet, of the one line that is open: {id, text, base}.
const draftName = () => `transcript ${page().dataset.transcription}`;
const keepDraft = (draft) => keepNotes(draftName(), JSON.stringify(draft)).catch(() => {});
const forgetDraft = () => forgetNotes(draftName()).catch(() => {});

class Editor {
  #timer = null;
  #saving = Promise.resolve(true);

  constructor(line, { caret = null, text = null, base = null } = {}) {
    this.id = idOf(line);
    this.saved = textOf(line);
    this.base = base ?? revision();
    this.continues = null;
    this.form = document.getElementById("line-form").content.firstElementChild.cloneNode(true);
    this.area = this.form.querySelector("textarea");
    this.area.value = text ?? this.saved;
    line.classList.add("is-editing");
    line.querySelector("[data-text]").after(this.form);
    this.area.addEventListener("input", () => this.#changed());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      close({ focus: true });
    });
    this.form.addEventListener("focusout", (event) => this.#left(event.relatedTarget));
    this.fit();
    this.area.focus();
    const place = caret ?? this.area.value.length;
    this.area.setSelectionRange(place, place);
    if (text !== null) this.#changed();
  }

  get line() {
    return lineOf(this.id);
  }

  get text() {
    return clean(this.area.value);
  }

  // As high as the text: the stylesheet does it where the browser can.
  fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.area.rows = 1;
    while (this.area.scrollHeight > this.area.clientHeight + 2 && this.area.rows < 14) this.area.rows += 1;
  }

  say(text) {
    this.form.querySelector("[data-line-state]").textContent = text;
  }

  #changed() {
    this.fit();
    this.say("Not saved yet");
    keepDraft({ id: this.id, text: this.text, base: this.base });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
  }

  // Whoever goes on elsewhere on the page is done with the line; the player and another window are not elsewhere. The
  // save is asked for at once, so that a button that was pressed comes after it.
  #left(to) {
    if (open !== this || !document.hasFocus() || this.form.contains(to) || to?.closest("[data-player]")) return;
    close({ refocus: false });
  }

  // Resolves to whether the server has the text as it stands.
  save() {
    clearTimeout(this.#timer);
    this.#saving = this.#saving.then(() => this.#store());
    return this.#saving;
  }

  async #store() {
    const text = this.text;
    if (!this.form.querySelector("[data-line-conflict]").hidden) return false;
    if (text === this.saved) {
      forgetDraft();
      this.say("Saved");
      return true;
    }
    if (!text) {
      this.say("A line cannot be empty. Write what was said.");
      return false;
    }
    try {
      const answer = await send(`${this.id}/`, { text, revision: this.base, continues: this.continues });
      this.saved = text;
      this.base = this.continues = answer.revision;
      this.fresh = answer.lines.find((one) => one.id === this.id);
      if (this.text === text) await forgetDraft();
      this.say(`Saved ${answer.saved_at}`);
      return this.text === text;
    } catch (error) {
      this.#refused(error);
      return false;
    }
  }

  #refused(error) {
    const theirs = error instanceof Refused && error.answer.lines?.[0];
    if (theirs) {
      this.theirs = { ...theirs, revision: error.answer.revision };
      this.form.querySelector("[data-line-theirs]").textContent = theirs.text;
      this.form.querySelector("[data-line-conflict]").hidden = false;
      this.say("Not saved: changed in another window");
    } else if (error instanceof Refused && error.status < 500) {
      this.say(error.message);
    } else {
      this.say("Not saved: no connection. Kept on this device.");
      this.#timer = setTimeout(() => this.save(), RETRY_MS);
    }
  }

  resolve(choice) {
    this.form.querySelector("[data-line-conflict]").hidden = true;
    this.base = this.theirs.revision;
    this.continues = null;
    this.saved = this.theirs.text;
    this.fresh = this.theirs;
    if (choice === "theirs") this.area.value = this.theirs.text;
    this.fit();
    this.area.focus();
    return this.save();
  }

  // Put the line back to reading.
  remove() {
    clearTimeout(this.#timer);
    const line = this.line;
    this.form.remove();
    line?.classList.remove("is-editing");
    if (this.fresh) showLines([this.fresh]);
    document.dispatchEvent(new CustomEvent("synapse:lines"));
  }
}

export async function edit(line, options) {
  if (!line || line.classList.contains("is-editing")) return;
  if (open && !(await close())) return;
  goTo(line, { focus: false });
  open = new Editor(line, options);
}

// Leave the line; false, and the line stays open, when its text cannot be kept.
export async function close({ focus = false, refocus = true } = {}) {
  if (!open) return true;
  const editor = open;
  const isSaved = await editor.save();
  if (open !== editor) return true;
  if (!isSaved) {
    if (refocus) editor.area.focus();
    return false;
  }
  open = null;
  editor.remove();
  if (focus) goTo(lineOf(editor.id));
  return true;
}

async function step(way) {
  const from = open.line;
  if (!(await close())) return;
  const next = neighbour(lineOf(idOf(from)), way);
  if (next) await edit(next);
  else goTo(lineOf(idOf(from)));
}

// Cut the line at the cursor; at its end there is nothing to cut and the line is done.
async function splitHere() {
  const before = clean(open.area.value.slice(0, open.area.selectionStart));
  const rest = clean(open.area.value.slice(open.area.selectionStart));
  if (!before || !rest) {
    await close({ focus: true });
    return;
  }
  const { id } = open;
  if (!(await close())) return;
  const answer = await ask(`${id}/split/`, { place: before.split(" ").length });
  const second = answer?.lines.find((one) => one.after === id);
  if (second) await edit(lineOf(second.id), { caret: 0 });
}

export async function joinWithPrevious(line) {
  const before = neighbour(line, -1);
  if (!before) return;
  const caret = textOf(before).length + 1;
  const wasEditing = isEditing();
  const [id, into] = [idOf(line), idOf(before)];
  if (!(await close())) return;
  const answer = await ask(`${id}/merge/`);
  if (!answer) return;
  if (wasEditing) await edit(lineOf(into), { caret });
  else goTo(lineOf(into));
}

document.addEventListener("keydown", (event) => {
  if (!open || event.target !== open.area || event.isComposing) return;
  const { key } = event;
  const atStart = !open.area.selectionStart && !open.area.selectionEnd;
  if (key === "Escape" || (key === "Enter" && (event.ctrlKey || event.metaKey))) close({ focus: true });
  else if (key === "Enter") splitHere();
  else if (key === " " && event.ctrlKey) document.dispatchEvent(new CustomEvent("synapse:play", { detail: { toggle: true } }));
  else if (key === "Tab") step(event.shiftKey ? -1 : 1);
  else if (key === "Backspace" && atStart && neighbour(open.line, -1)) joinWithPrevious(open.line);
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-edit-line]");
  if (opener) edit(opener.closest("[data-segment]"));
  if (!open || !open.form.contains(event.target)) return;
  if (event.target.closest("[data-line-split]")) splitHere();
  if (event.target.closest("[data-line-play]")) {
    document.dispatchEvent(new CustomEvent("synapse:play", { detail: { ms: startOf(open.line) } }));
    open.area.focus();
  }
  const choice = event.target.closest("[data-line-keep]")?.dataset.lineKeep;
  if (choice) open.resolve(choice);
});
document.addEventListener("dblclick", (event) => {
  const text = event.target.closest("[data-text]");
  if (text) edit(text.closest("[data-segment]"));
});
window.addEventListener("beforeunload", (event) => {
  if (open && open.text !== open.saved) event.preventDefault();
});

// Text that was typed and never reached the server comes back where it was typed.
async function restore() {
  const kept = await keptNotes(draftName()).catch(() => null);
  if (!kept) return;
  const draft = JSON.parse(kept);
  const line = lineOf(draft.id);
  if (!line || textOf(line) === draft.text) await forgetDraft();
  else await edit(line, { text: draft.text, base: draft.base });
}
if (page()) restore();
