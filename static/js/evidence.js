// What was said for a line: chips play their place, the current line lights up its words in the transcript.
//
// [data-line data-segments="6 7" data-ms]   a sentence      button[data-ev="6" data-ms]   a chip
// [data-turn="6"]                           an utterance    [data-turns]                  the pane they scroll in
import { pagePlayer } from "./player.js";

export function currentLine() {
  return document.querySelector('[data-line][aria-current="true"]');
}

export function selectLine(line, { play = false, segment = "" } = {}) {
  for (const other of document.querySelectorAll("[data-line][aria-current],button[data-ev][aria-current]")) {
    other.removeAttribute("aria-current");
  }
  for (const section of document.querySelectorAll(".sect.sel")) section.classList.remove("sel");
  if (!line) return;
  line.setAttribute("aria-current", "true");
  line.closest(".sect")?.classList.add("sel");
  const segments = line.dataset.segments.split(" ").filter(Boolean);
  const chosen = segment || segments[0] || "";
  for (const chip of chipsOf(line)) {
    if (chip.dataset.ev === chosen) chip.setAttribute("aria-current", "true");
  }
  showTurns(segments, chosen);
  const ms = msOf(chosen) ?? Number(line.dataset.ms);
  if (Number.isNaN(ms)) return;
  document.dispatchEvent(new CustomEvent("synapse:play", { detail: play ? { ms } : { ms, cue: true } }));
}

function chipsOf(line) {
  const chips = [];
  for (let node = line.nextElementSibling; node && node.matches("button[data-ev]"); node = node.nextElementSibling) {
    chips.push(node);
  }
  return chips;
}

function lineOfChip(chip) {
  let node = chip.previousElementSibling;
  while (node && !node.matches("[data-line]")) node = node.previousElementSibling;
  return node;
}

function turnOf(segment) {
  return segment ? document.getElementById(`turn-${segment}`) : null;
}

function msOf(segment) {
  const turn = turnOf(segment);
  return turn ? Number(turn.dataset.ms) : null;
}

function showTurns(segments, chosen) {
  for (const mark of document.querySelectorAll("[data-turn] .on")) mark.classList.remove("on");
  for (const segment of segments) turnOf(segment)?.querySelector("mark")?.classList.add("on");
  const turn = turnOf(chosen);
  scrollInPane(turn);
  const said = document.querySelector("[data-said-now]");
  if (said) {
    const quotes = segments.map((segment) => turnOf(segment)?.querySelector("p").textContent.trim()).filter(Boolean);
    said.hidden = !quotes.length;
    said.textContent = quotes.length ? `“${quotes.join(" – ")}”` : "";
  }
}

// Only the pane scrolls: scrollIntoView would move the whole page on a phone.
function scrollInPane(turn) {
  const pane = turn?.closest("[data-turns]");
  if (!pane || pane.scrollHeight <= pane.clientHeight) return;
  const offset = turn.getBoundingClientRect().top - pane.getBoundingClientRect().top;
  const behavior = matchMedia("(prefers-reduced-motion:reduce)").matches ? "auto" : "smooth";
  pane.scrollBy({ top: offset - pane.clientHeight / 3, behavior });
}

document.addEventListener("click", (event) => {
  const chip = event.target.closest("button[data-ev]");
  if (chip) {
    const line = lineOfChip(chip);
    const player = pagePlayer();
    const isAgain = chip.getAttribute("aria-current") === "true" && player?.isPlaying;
    if (isAgain) document.dispatchEvent(new CustomEvent("synapse:play", { detail: { toggle: true } }));
    else if (line) selectLine(line, { play: true, segment: chip.dataset.ev });
    else {
      showTurns([chip.dataset.ev], chip.dataset.ev);
      document.dispatchEvent(new CustomEvent("synapse:play", { detail: { ms: Number(chip.dataset.ms) } }));
    }
    return;
  }
  const line = event.target.closest("[data-line]");
  // Selecting words to copy them is no click on the line.
  if (line && !String(getSelection())) selectLine(line, { play: true });
});

// While the recording plays, the words follow it.
let turns = [];
document.addEventListener("synapse:played", (event) => {
  if (!event.detail.playing) return;
  if (!turns.length || !turns[0].isConnected) turns = [...document.querySelectorAll("[data-turns] [data-turn]")];
  const now = turns.findLast((turn) => Number(turn.dataset.ms) <= event.detail.ms);
  for (const turn of document.querySelectorAll("[data-turn].now")) if (turn !== now) turn.classList.remove("now");
  if (now && !now.classList.contains("now")) {
    now.classList.add("now");
    scrollInPane(now);
  }
});
