// The note pad: saved two seconds after the last change, kept encrypted in this browser until the server has it.
// Notes that were changed in another window meanwhile are never written over: both are shown.
import { forgetNotes, keepNotes, keptNotes, keptNotesBase } from "./capture-store.js";
import { postForm } from "./requests.js";

const SAVE_AFTER_MS = 2000;
const RETRY_MS = 5000;

export class NotesPad {
  #timer = null;
  #saving = false;

  constructor(root) {
    this.root = root;
    this.id = root.dataset.notes;
    this.area = root.querySelector("textarea");
    this.status = root.querySelector("[data-notes-status]");
    this.conflict = root.querySelector("[data-notes-conflict]");
    this.basedOn = root.dataset.savedAt;
    this.saved = this.area.value;
    this.area.addEventListener("input", () => this.#changed());
    this.conflict.addEventListener("click", (event) => this.#resolve(event));
    addEventListener("pagehide", () => this.#leave());
    this.#restore();
  }

  get isUnsaved() {
    return this.area.value !== this.saved;
  }

  async #restore() {
    const kept = await keptNotes(this.id).catch(() => null);
    if (kept === null || kept === this.saved) return;
    if (this.area.value !== this.saved) return;
    // Made from a version that somebody saved over since: the server will answer with both.
    this.basedOn = (await keptNotesBase(this.id).catch(() => "")) || this.basedOn;
    this.area.value = kept;
    this.#changed();
  }

  #changed() {
    this.#say("Not saved yet");
    keepNotes(this.id, this.area.value, this.basedOn).catch(() => {});
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
  }

  // The page goes while something is unsaved: send it along; what does not arrive is kept on this device.
  #leave() {
    if (!this.isUnsaved || !this.conflict.hidden) return;
    const values = { text: this.area.value, based_on: this.basedOn };
    postForm(this.root.dataset.saveUrl, values, { keepalive: true }).catch(() => {});
  }

  async save() {
    clearTimeout(this.#timer);
    if (this.#saving || !this.isUnsaved || !this.conflict.hidden) return;
    this.#saving = true;
    const text = this.area.value;
    try {
      const answer = await postForm(this.root.dataset.saveUrl, { text, based_on: this.basedOn });
      await this.#answered(answer, text);
    } catch {
      this.#say("Not saved: no connection. Kept on this device.");
      this.#timer = setTimeout(() => this.save(), RETRY_MS);
    } finally {
      this.#saving = false;
    }
  }

  async #answered(answer, text) {
    if (answer.ok && !answer.redirected) {
      this.saved = text;
      const { saved_at: savedAt, clock } = await answer.json();
      this.basedOn = savedAt;
      if (!this.isUnsaved) await forgetNotes(this.id).catch(() => {});
      else this.#timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
      this.#say(`Saved ${clock}`);
    } else if (answer.status === 409) {
      this.theirs = await answer.json();
      this.conflict.querySelector("[data-notes-theirs]").textContent = this.theirs.text;
      this.conflict.hidden = false;
      this.#say("Changed in another window");
    } else if (answer.status === 422) {
      this.#say((await answer.json()).message);
    } else {
      this.#say("Not saved. Kept on this device.");
      this.#timer = setTimeout(() => this.save(), RETRY_MS);
    }
  }

  #resolve(event) {
    const choice = event.target.closest("[data-notes-keep]")?.dataset.notesKeep;
    if (!choice) return;
    this.basedOn = this.theirs.saved_at;
    this.saved = this.theirs.text;
    if (choice === "theirs") this.area.value = this.theirs.text;
    if (choice === "both") this.area.value = `${this.theirs.text}\n\n${this.area.value}`;
    this.conflict.hidden = true;
    if (this.isUnsaved) this.save();
    else {
      forgetNotes(this.id).catch(() => {});
      this.#say("Saved");
    }
  }

  #say(text) {
    this.status.textContent = text;
  }
}
