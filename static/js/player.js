// The audio player of transcript and review pages: one <audio>, a drawn wave, and a clock that is the recording's.
//
// <div class="player" data-player data-src="…" data-duration-ms="2882000" data-clock-map="[[0,0],[61000,60500]]"
//      data-peaks="0 12 80 …"             peaks are whole numbers from 0 to 100, over the file
//      data-gaps="[[61000,95000]]"        where nothing was recorded: hatched
//      data-marks='[[9000,"risk"]]'>      what was marked while recording: dots above the wave, a risk in red
//   <button data-player-toggle aria-label="Play">…</button>
//   <canvas data-player-wave></canvas> <span data-player-now></span> <span data-player-total></span>
// </div>
//
// All times outside this module are milliseconds on the recording clock; the clock map says where they are in the file.
// Others ask by the event synapse:play (detail {ms, toggle}) and hear synapse:played (detail {ms, playing}).
// A button with data-speed="1.5" inside the player sets how fast it plays; a place may ask for its own (detail.speed).
import { formatClock } from "./clock.js";
import { hatch } from "./hatch.js";

const players = new WeakMap();
const SPEEDS = [0.75, 1, 1.25, 1.5, 2];

export function clockToFile(map, clockMs) {
  let place = clockMs;
  for (let index = 0; index < map.length && clockMs >= map[index][0]; index += 1) {
    place = map[index][1] + clockMs - map[index][0];
    if (index + 1 < map.length) place = Math.min(place, map[index + 1][1]);
  }
  return Math.max(0, place);
}

export function fileToClock(map, fileMs) {
  let place = fileMs;
  for (let index = 0; index < map.length && fileMs >= map[index][1]; index += 1) {
    place = map[index][0] + fileMs - map[index][1];
  }
  return place;
}

class Player {
  constructor(root) {
    this.root = root;
    this.map = JSON.parse(root.dataset.clockMap || "[]");
    this.peaks = (root.dataset.peaks || "").split(" ").filter(Boolean).map(Number);
    this.gaps = JSON.parse(root.dataset.gaps || "[]");
    this.marks = JSON.parse(root.dataset.marks || "[]");
    this.totalMs = Number(root.dataset.durationMs) || 0;
    this.button = root.querySelector("[data-player-toggle]");
    this.canvas = root.querySelector("[data-player-wave]");
    this.startMs = 0;
    this.speed = 1;
    this.audio = null;
    this.draw();
    this.write();
  }

  // The file is fetched on the first play: opening a page does not count as listening to it.
  load() {
    if (this.audio) return;
    this.audio = new Audio(this.root.dataset.src);
    this.audio.preload = "auto";
    for (const name of ["timeupdate", "play", "pause", "ended", "seeked"]) {
      this.audio.addEventListener(name, () => this.changed());
    }
    this.audio.addEventListener("loadedmetadata", () => {
      if (!this.totalMs && Number.isFinite(this.audio.duration)) {
        this.totalMs = fileToClock(this.map, this.audio.duration * 1000);
      }
      this.changed();
    });
    this.audio.addEventListener("error", () => {
      this.root.dataset.state = "error";
      this.root.dispatchEvent(new CustomEvent("synapse:player-error", { bubbles: true }));
    });
  }

  get nowMs() {
    return this.audio ? fileToClock(this.map, this.audio.currentTime * 1000) : this.startMs;
  }

  get isPlaying() {
    return Boolean(this.audio && !this.audio.paused);
  }

  // Without a speed it plays as fast as the person chose.
  async playFrom(ms, speed = null) {
    this.load();
    this.audio.playbackRate = speed ?? this.speed;
    this.audio.currentTime = clockToFile(this.map, ms) / 1000;
    await this.audio.play().catch(() => {});
  }

  async toggle() {
    if (this.isPlaying) {
      this.audio.pause();
      return;
    }
    const isFresh = !this.audio;
    this.load();
    this.audio.playbackRate = this.speed;
    if (isFresh && this.startMs) this.audio.currentTime = clockToFile(this.map, this.startMs) / 1000;
    await this.audio.play().catch(() => {});
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.audio) this.audio.playbackRate = speed;
    for (const button of this.root.querySelectorAll("[data-speed]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === speed));
    }
  }

  stepSpeed(step) {
    const next = SPEEDS[SPEEDS.indexOf(this.speed) + step];
    if (next) this.setSpeed(next);
  }

  // Put the cursor somewhere without playing.
  seek(ms) {
    this.startMs = ms;
    if (this.audio) this.audio.currentTime = clockToFile(this.map, ms) / 1000;
    this.changed();
  }

  changed() {
    this.write();
    this.draw();
    const detail = { ms: this.nowMs, playing: this.isPlaying };
    this.root.dispatchEvent(new CustomEvent("synapse:played", { bubbles: true, detail }));
  }

  write() {
    const now = this.root.querySelector("[data-player-now]");
    const total = this.root.querySelector("[data-player-total]");
    if (now) now.textContent = formatClock(this.nowMs);
    if (total) total.textContent = formatClock(this.totalMs);
    if (!this.button) return;
    this.button.setAttribute("aria-label", this.isPlaying ? "Pause" : `Play from ${formatClock(this.nowMs)}`);
    this.root.classList.toggle("is-playing", this.isPlaying);
  }

  draw() {
    const canvas = this.canvas;
    if (!canvas || !canvas.clientWidth) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const [width, height] = [canvas.width, canvas.height];
    const [step, bar] = [6 * scale, 3 * scale];
    const count = Math.max(1, Math.floor(width / step));
    const done = this.totalMs ? (this.nowMs / this.totalMs) * width : 0;
    const colours = [style.getPropertyValue("--brand").trim(), style.getPropertyValue("--line-2").trim()];
    for (let index = 0; index < count; index += 1) {
      const [from, to] = [(index / count) * this.totalMs, ((index + 1) / count) * this.totalMs];
      const x = index * step;
      if (this.isMissing((from + to) / 2)) {
        hatch(context, x, step, height, style.getPropertyValue("--warn").trim());
        context.globalAlpha = 1;
        continue;
      }
      const size = Math.max(2 * scale, this.levelAt(from, to) * height * 0.86);
      context.fillStyle = x < done ? colours[0] : colours[1];
      context.beginPath();
      context.roundRect(x, (height - size) / 2, bar, size, bar / 2);
      context.fill();
    }
    for (const [ms, kind] of this.totalMs ? this.marks : []) {
      context.fillStyle = style.getPropertyValue(kind === "risk" ? "--rec" : "--ink-3").trim();
      context.beginPath();
      context.arc(Math.min(width - 4 * scale, Math.max(4 * scale, (ms / this.totalMs) * width)), 4 * scale, 3.5 * scale, 0, 7);
      context.fill();
    }
    if (this.totalMs) {
      context.fillStyle = colours[0];
      context.fillRect(Math.min(width - 2 * scale, done), 0, 2 * scale, height);
    }
  }

  isMissing(ms) {
    return this.gaps.some(([from, to]) => from <= ms && ms < to);
  }

  // The loudest peak between two places of the clock.
  levelAt(from, to) {
    if (!this.peaks.length) return 0;
    const fileMs = clockToFile(this.map, this.totalMs) || 1;
    const place = (ms) => (clockToFile(this.map, ms) / fileMs) * this.peaks.length;
    const first = Math.min(Math.floor(place(from)), this.peaks.length - 1);
    const last = Math.max(first + 1, Math.ceil(place(to)));
    return Math.max(...this.peaks.slice(first, last)) / 100;
  }
}

export function playerOf(root) {
  if (!players.has(root)) players.set(root, new Player(root));
  return players.get(root);
}

export function pagePlayer() {
  const root = document.querySelector("[data-player][data-src]");
  return root ? playerOf(root) : null;
}

document.addEventListener("click", (event) => {
  const root = event.target.closest("[data-player]");
  if (!root || !root.dataset.src) return;
  if (event.target.closest("[data-player-toggle]")) playerOf(root).toggle();
  const speed = event.target.closest("[data-speed]");
  if (speed) playerOf(root).setSpeed(Number(speed.dataset.speed));
  const canvas = event.target.closest("[data-player-wave]");
  if (canvas) {
    const player = playerOf(root);
    const box = canvas.getBoundingClientRect();
    player.seek(((event.clientX - box.left) / box.width) * player.totalMs);
  }
});
document.addEventListener("synapse:play", (event) => {
  const player = pagePlayer();
  if (!player) return;
  if (event.detail?.toggle) player.toggle();
  else if (event.detail?.cue) player.seek(event.detail.ms);
  else player.playFrom(event.detail?.ms ?? 0, event.detail?.speed ?? null);
});
const redraw = () => {
  for (const root of document.querySelectorAll("[data-player]")) playerOf(root).draw();
};
window.addEventListener("resize", redraw);
document.addEventListener("synapse:theme", redraw);
document.addEventListener("htmx:load", redraw);
redraw();
