// While it plays: the line and the word that are heard are marked, the page scrolls along, one line can be repeated.
import { pagePlayer } from "./player.js";
import { currentLine, lineAt, placeAt, startOf, wordsOf } from "./transcript-lines.js";

let playing = null;
let spoken = null;
let follows = true;
let repeated = null;
let frame = null;

const endOf = (line) => Number(line.dataset.endMs);

function mark(ms) {
  const line = lineAt(ms);
  if (line !== playing) {
    playing?.classList.remove("playing");
    playing = line;
    playing?.classList.add("playing");
    if (follows) playing?.scrollIntoView({ block: "center" });
  }
  const word = line ? (wordsOf(line)[placeAt(line, ms)] ?? null) : null;
  if (word === spoken) return;
  spoken?.classList.remove("spoken");
  spoken = word;
  spoken?.classList.add("spoken");
}

function tick() {
  frame = null;
  const player = pagePlayer();
  if (!player?.isPlaying) return;
  if (repeated?.isConnected && player.nowMs >= endOf(repeated)) player.seek(startOf(repeated));
  mark(player.nowMs);
  frame = requestAnimationFrame(tick);
}

document.addEventListener("synapse:played", (event) => {
  if (event.detail.playing || event.detail.ms > 0) mark(event.detail.ms);
  if (event.detail.playing && frame === null) frame = requestAnimationFrame(tick);
});

export function toggleFollow() {
  follows = !follows;
  for (const button of document.querySelectorAll("[data-follow]")) button.setAttribute("aria-pressed", String(follows));
  if (follows) playing?.scrollIntoView({ block: "center" });
}

export function toggleRepeat() {
  repeated = repeated ? null : (currentLine() ?? playing);
  for (const button of document.querySelectorAll("[data-loop]")) {
    button.setAttribute("aria-pressed", String(Boolean(repeated)));
  }
  if (repeated) pagePlayer()?.playFrom(startOf(repeated));
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-follow]")) toggleFollow();
  if (event.target.closest("[data-loop]")) toggleRepeat();
});
// Somebody who scrolls or moves by hand while it plays wants to read there.
document.addEventListener(
  "wheel",
  (event) => {
    if (follows && pagePlayer()?.isPlaying && event.target.closest("[data-lines]")) toggleFollow();
  },
  { passive: true },
);
