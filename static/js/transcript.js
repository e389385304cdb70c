// The transcript page: its keys, and hearing a place by pressing its time or a word. The behaviours have files of their own.
import { pagePlayer } from "./player.js";
import { confirmLine, nextCheck } from "./transcript-checks.js";
import { edit, isEditing, joinWithPrevious } from "./transcript-edit.js";
import { openFind } from "./transcript-find.js";
import { toggleFollow, toggleRepeat } from "./transcript-follow.js";
import * as lines from "./transcript-lines.js";
import { ask } from "./transcript-save.js";
import { isMenuOpen, nameLine, speakerOfKey, swapSpeakers } from "./transcript-speakers.js";

const SKIP_MS = 5000;

const play = (detail) => document.dispatchEvent(new CustomEvent("synapse:play", { detail }));
const skip = (ms) => pagePlayer()?.seek(Math.max(0, pagePlayer().nowMs + ms));

document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-play-ms]");
  const word = !place && event.target.closest("[data-text]");
  if (place) play({ ms: Number(place.dataset.playMs), speed: Number(place.dataset.playSpeed) || null });
  else if (word && !isEditing() && getSelection().isCollapsed) hearWord(word.closest("[data-segment]"), event);
  const way = event.target.closest("[data-skip]");
  if (way) skip(Number(way.dataset.skip));
});

function hearWord(line, event) {
  const place = lines.wordUnder(line, event.clientX, event.clientY);
  lines.goTo(line);
  if (place !== null) play({ ms: lines.wordTime(line, place) });
}

function hearLine() {
  const line = lines.currentLine();
  if (!line) return;
  const word = lines.chosenWord(line);
  play({ ms: lines.wordTime(line, Math.max(0, word)) });
}

function move(step) {
  const line = lines.currentLine();
  lines.goTo(line ? lines.neighbour(line, step) : lines.lines()[0]);
}

function toggleOriginals() {
  const all = [...document.querySelectorAll("details.was")];
  const isOpening = all.some((details) => !details.open);
  for (const details of all) details.open = isOpening;
}

document.addEventListener("synapse:player-error", () => {
  const detail = { text: "The recording cannot be played now. Reload the page, then try again.", kind: "bad" };
  document.dispatchEvent(new CustomEvent("synapse:toast", { detail }));
});

// Keys for the line that has the focus, or had it last.
const ON_LINE = {
  Enter: (line) => edit(line),
  Backspace: (line) => joinWithPrevious(line),
  ArrowLeft: (line) => lines.chooseWord(line, -1),
  ArrowRight: (line) => lines.chooseWord(line, 1),
  h: (line) => confirmLine(line),
};
const ON_PAGE = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  " ": () => pagePlayer()?.toggle(),
  p: hearLine,
  l: toggleRepeat,
  y: toggleFollow,
  n: nextCheck,
  f: openFind,
  x: swapSpeakers,
  o: toggleOriginals,
  "<": () => pagePlayer()?.stepSpeed(-1),
  ">": () => pagePlayer()?.stepSpeed(1),
};
const WITHOUT_LETTERS = new Set(["Enter", "Backspace", "ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp", " "]);

const isTyping = (target) => target.closest("input:not([type=checkbox]),textarea,select,[contenteditable]");
const isBusy = () => document.querySelector("dialog[open]") || isMenuOpen() || !lines.page();

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || isBusy() || isTyping(event.target)) return;
  const { key } = event;
  const isCommand = event.ctrlKey || event.metaKey;
  if (isCommand && key.toLowerCase() === "z") ask(event.shiftKey ? "redo/" : "undo/");
  else if (isCommand && key.toLowerCase() === "y") ask("redo/");
  else if (event.altKey && ["ArrowLeft", "ArrowRight"].includes(key)) skip(key === "ArrowLeft" ? -SKIP_MS : SKIP_MS);
  else if (isCommand || event.altKey || !pressed(event)) return;
  event.preventDefault();
});

// A button that has the focus keeps its own keys: Enter and the space bar press it.
function pressed(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (document.documentElement.dataset.shortcuts === "off" && !WITHOUT_LETTERS.has(key)) return false;
  if (event.target.closest("summary,.two,.txs,.rail,.top,.menu")) return false;
  if (["Enter", " "].includes(key) && event.target.closest("button,a")) return false;
  const line = lines.currentLine();
  if (line && ON_LINE[key]) ON_LINE[key](line);
  else if (line && /^[1-4]$/.test(key)) nameLine(line, speakerOfKey(key));
  else if (ON_PAGE[key]) ON_PAGE[key]();
  else return false;
  return true;
}

// A link from a report leads to one line.
if (/^#line-\d+$/.test(location.hash)) lines.goTo(document.getElementById(location.hash.slice(1)), { block: "center" });
