// The moving wave of a recording: one bar per half second, the newest at the red line, marks as dots above. Where
// nothing was recorded it is hatched.
import { hatch } from "./hatch.js";

const BAR_SECONDS = 0.5;

export class LiveWave {
  constructor(canvas) {
    this.canvas = canvas;
    this.bars = [];
    this.marks = [];
    this.gaps = [];
    this.clockMs = 0;
    this.isOn = false;
    addEventListener("resize", () => this.draw());
    document.addEventListener("synapse:theme", () => this.draw());
    this.draw();
  }

  hear(levels, clockMs) {
    const bar = Math.floor(clockMs / 1000 / BAR_SECONDS);
    // Loudness as the eye expects it: -60 dBFS is flat, -6 dBFS is full.
    const decibels = 20 * Math.log10(Math.max(1e-4, ...levels));
    const height = Math.min(1, Math.max(0, (decibels + 60) / 54));
    const last = this.bars.at(-1);
    if (last?.bar === bar) last.height = Math.max(last.height, height);
    else this.bars.push({ bar, height });
    if (this.bars.length > 600) this.bars.splice(0, 300);
    this.clockMs = clockMs;
    this.draw();
  }

  mark(clockMs) {
    this.marks.push(clockMs);
    this.draw();
  }

  gap(fromMs, toMs) {
    this.gaps.push([fromMs, toMs]);
    this.draw();
  }

  isMissing(bar) {
    const at = (bar + 0.5) * BAR_SECONDS * 1000;
    return this.gaps.some(([from, to]) => from <= at && at < to);
  }

  draw() {
    const { canvas } = this;
    if (!canvas.clientWidth) return;
    const scale = devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const [step, thick, middle] = [6 * scale, 3 * scale, canvas.height / 2];
    const headAt = Math.floor((canvas.width * 0.86) / step) * step;
    const newest = this.bars.at(-1)?.bar ?? 0;
    const known = new Map(this.bars.map((bar) => [bar.bar, bar.height]));
    for (let x = headAt - step, bar = newest; x >= 0; x -= step, bar -= 1) {
      const height = known.get(bar);
      if (height === undefined && this.isMissing(bar)) {
        hatch(context, x, step, canvas.height, colour("--warn"));
        continue;
      }
      const size = Math.max(2 * scale, (height ?? 0) * canvas.height * 0.8);
      context.globalAlpha = height === undefined ? 0.35 : 0.4 + 0.6 * (x / headAt);
      context.fillStyle = height === undefined ? colour("--line-2") : colour("--brand");
      context.beginPath();
      context.roundRect(x, middle - size / 2, thick, size, thick / 2);
      context.fill();
    }
    context.globalAlpha = 1;
    context.fillStyle = colour("--line-2");
    for (let x = headAt + step; x < canvas.width; x += step) context.fillRect(x, middle - scale, 2 * scale, 2 * scale);
    context.fillStyle = colour("--rec");
    if (this.isOn) context.fillRect(headAt, 0, 2 * scale, canvas.height);
    for (const mark of this.marks) {
      const x = headAt - (newest - Math.floor(mark / 1000 / BAR_SECONDS)) * step;
      if (x < 0 || x > headAt) continue;
      context.beginPath();
      context.arc(x, 5 * scale, 4 * scale, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
