// What is worth a second look: go through the list, say that a word is right, choose between two readings; the notes.
import { ask } from "./transcript-save.js";
import { chosenWord, goTo, idOf, lineOf } from "./transcript-lines.js";

const NOTES_AFTER_MS = 1500;
let checkAt = -1;
let notesTimer = null;
let notesSeen = null;

const play = (ms, speed) => document.dispatchEvent(new CustomEvent("synapse:play", { detail: { ms, speed } }));

export function nextCheck() {
  const checks = [...document.querySelectorAll("[data-check]")];
  if (!checks.length) return;
  checkAt = (checkAt + 1) % checks.length;
  const check = checks[checkAt];
  for (const other of checks) other.classList.toggle("on", other === check);
  check.scrollIntoView({ block: "nearest" });
  const line = lineOf(check.dataset.line);
  if (line) goTo(line, { block: "center" });
  play(Number(check.dataset.checkMs));
}

export async function confirmLine(line) {
  const place = chosenWord(line);
  await confirm(idOf(line), place < 0 ? null : place);
}

async function confirm(id, place, takeBack = false) {
  if (await ask(`${id}/heard/`, { place, take_back: takeBack })) checkAt -= 1;
}

function choose(question, which, text = "") {
  const line = question.closest("[data-segment]");
  const id = idOf(line);
  ask(`readings/${question.dataset.question}/`, { which, text }).then((answer) => {
    if (answer) goTo(lineOf(id));
  });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-next-check]")) nextCheck();
  const right = event.target.closest("[data-confirm]");
  if (right) confirm(right.dataset.ofLine, right.dataset.confirm);
  const back = event.target.closest("[data-take-back]");
  if (back) confirm(back.dataset.ofLine, back.dataset.takeBack, true);
  const reading = event.target.closest("[data-choose]");
  if (reading) choose(reading.closest("[data-question]"), reading.dataset.choose);
  const line = event.target.closest("[data-go-line]");
  if (line) goTo(lineOf(line.dataset.goLine), { focus: false, block: "center" });
  const whole = event.target.closest("[data-restore-line]") ?? event.target.closest("[data-restore]");
  if (whole) ask(`${whole.dataset.restoreLine ?? idOf(whole.closest("[data-segment]"))}/restore/`);
  if (event.target.closest("[data-undo]")) ask("undo/");
  if (event.target.closest("[data-redo]")) ask("redo/");
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-own-reading]");
  if (!form) return;
  event.preventDefault();
  choose(form.closest("[data-question]"), "typed", form.elements.text.value);
});
document.addEventListener("keydown", (event) => {
  const question = event.target.closest?.("[data-question]");
  if (!question || event.target.matches("input") || !/^[12]$/.test(event.key)) return;
  question.querySelectorAll("[data-choose]")[Number(event.key) - 1].click();
  event.preventDefault();
});

async function saveNotes(area) {
  const text = area.value;
  const state = document.querySelector("[data-notes-state]");
  const answer = await ask("notes/", { text, seen: notesSeen });
  if (answer) notesSeen = text;
  state.textContent = answer ? `Saved ${answer.saved_at}` : "Not saved";
}
document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-correction-notes]")) notesSeen ??= event.target.value;
});
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-correction-notes]")) return;
  document.querySelector("[data-notes-state]").textContent = "Not saved yet";
  clearTimeout(notesTimer);
  notesTimer = setTimeout(() => saveNotes(event.target), NOTES_AFTER_MS);
});
document.addEventListener("focusout", (event) => {
  if (!event.target.matches("[data-correction-notes]") || event.target.value === notesSeen) return;
  clearTimeout(notesTimer);
  saveNotes(event.target);
});
