// What the doctor sees of a recording: its state, clock, link, and what only this device holds.
import { formatClock } from "./clock.js";
import { MICROPHONE_HELP } from "./microphone-desk.js";

const LOST_AFTER_MS = 2500;
const SILENT_AFTER_MS = 20000;
const SLOW_AFTER_MS = 5000;

export class RecordingView {
  constructor(page) {
    this.page = page;
    this.root = page.root;
    this.part = page.part;
    this.linkDownSince = 0;
    this.pageTitle = document.title;
  }

  get name() {
    const { recorder, mode, status, isElsewhere } = this.page;
    const { trouble } = this.page.desk;
    if (isElsewhere) return "tab";
    if (recorder.phase === "stopped") return recorder.reason;
    if (recorder.phase === "finishing") return "finishing";
    if (recorder.phase === "finished" || mode === "recorded") return "saved";
    if (recorder.phase === "paused") return "paused";
    if (recorder.phase === "recording") return this.#whileRecording(trouble);
    if (trouble) return "microphone";
    if (recorder.phase === "left") return "left";
    if (mode === "unrecorded" || mode === "no-consent") return status === "paused" ? "paused" : mode;
    return status === "error" ? "error" : "ready";
  }

  #whileRecording(trouble) {
    const { recorder } = this.page;
    if (trouble) return "microphone";
    if (recorder.reason === "signed_out") return "signed_out";
    if (this.linkDownSince && Date.now() - this.linkDownSince > LOST_AFTER_MS) return "lost";
    if (recorder.silentSince && Date.now() - recorder.silentSince > SILENT_AFTER_MS) return "silent";
    return "recording";
  }

  tick() {
    const { recorder } = this.page;
    if (recorder.link === "up" || !recorder.isLive) this.linkDownSince = 0;
    else this.linkDownSince ||= Date.now();
    const clock = formatClock(this.page.clockMs);
    this.part("clock").textContent = clock;
    if (this.name !== this.painted) this.paint();
    this.#paintLink();
    const isOn = recorder.phase === "recording" && this.name !== "microphone";
    document.title = isOn ? `● ${clock} – SynapseAI` : this.pageTitle;
    setFavicon(isOn, this.root.dataset.recordingIcon);
  }

  paint() {
    const view = this.name;
    if (view === "over") {
      this.page.isLeaving = true;
      location.reload();
      return;
    }
    this.painted = view;
    this.root.dataset.view = view;
    for (const node of this.root.querySelectorAll("[data-when]")) {
      node.hidden = !node.dataset.when.split(" ").includes(view);
    }
    this.part("label").replaceChildren(this.part(`label-${view}`).content.cloneNode(true));
    const isPaused = view === "paused";
    for (const button of this.root.querySelectorAll('[data-action="pause"]')) {
      button.querySelector("[data-pause-word]").textContent = isPaused ? "Resume" : "Pause";
      button.classList.toggle("is-paused", isPaused);
    }
    if (view === "microphone") {
      this.part("microphone-help").textContent = MICROPHONE_HELP[this.page.desk.trouble] ?? MICROPHONE_HELP.busy;
    }
    const { wave, recorder } = this.page;
    wave.isOn = recorder.phase === "recording";
    if (!wave.isOn) this.level(0);
    wave.draw();
    this.#paintLink();
  }

  #paintLink() {
    const { recorder } = this.page;
    this.#write("[data-held]", inWords(recorder.heldMs));
    this.#write("[data-in-memory]", inWords(recorder.memoryMs));
    const trouble = recorder.isLive ? recorder.outbox?.trouble : "";
    for (const node of this.root.querySelectorAll("[data-storage]")) node.hidden = node.dataset.storage !== trouble;
    const link = this.part("link");
    if (!recorder.isLive) {
      link.textContent = "";
      return;
    }
    link.textContent = linkWords(recorder);
  }

  #write(selector, words) {
    for (const node of this.root.querySelectorAll(selector)) node.textContent = words;
  }

  level(value) {
    const decibels = 20 * Math.log10(Math.max(1e-4, value));
    const share = Math.min(1, Math.max(0, (decibels + 60) / 54));
    this.part("level")?.style.setProperty("transform", `scaleX(${share.toFixed(3)})`);
  }
}

function linkWords({ link, savedAt, heldMs }) {
  if (link !== "up") return "Connecting again";
  if (heldMs > SLOW_AFTER_MS) return `No answer yet, ${inWords(heldMs)} kept here`;
  if (!savedAt) return "Connected";
  const ago = Math.max(0, Math.round((Date.now() - savedAt) / 1000));
  if (heldMs === 0) return ago < 2 ? "Connected, saved just now" : "Connected, all saved";
  return `Connected, saved ${ago < 2 ? "just now" : `${ago} s ago`}`;
}

function inWords(ms) {
  const seconds = Math.ceil(ms / 1000);
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${seconds} s`;
}

const icon = document.querySelector('link[rel="icon"]');
const calmIcon = icon?.href;
function setFavicon(isOn, recordingIcon) {
  const wanted = isOn ? recordingIcon : calmIcon;
  if (icon && icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
}
