// The recording page: binds recorder, microphone, wave, words and notes to what the doctor sees and presses.
import { LiveTranscript } from "./live-transcript.js";
import { LiveWave } from "./live-wave.js";
import { Microphone } from "./microphone.js";
import { NotesPad } from "./notes-pad.js";
import { formatClock } from "./player.js";
import { Recorder } from "./recorder.js";
import { csrfToken } from "./requests.js";
import { showToast } from "./toast.js";

const LOST_AFTER_MS = 2500;
const SILENT_AFTER_MS = 20000;
const MARK_WORDS = { moment: "Moment", medication: "Medication", risk: "Risk", action: "Action" };
const MICROPHONE_HELP = {
  denied: "This page may not use the microphone. Allow it beside the address, then press Start.",
  missing: "No microphone was found. Connect one, then press Start.",
  busy: "The microphone does not open. Close other programs that use it, then press Start.",
  insecure: "Browsers give the microphone to secure pages only. Open this page by https or on localhost.",
};

class SessionPage {
  constructor(root) {
    this.root = root;
    const data = root.dataset;
    this.mode = data.mode; // ready, no-consent, unrecorded, recorded
    this.status = data.status;
    this.startedAt = Date.now() - Number(data.elapsedMs);
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.wave = new LiveWave(this.part("wave"));
    this.words = new LiveTranscript(this.part("turns"));
    this.notes = new NotesPad(this.part("notes"));
    this.microphone = new Microphone(JSON.parse(data.microphone), data.workletUrl);
    this.recorder = new Recorder({
      id: data.sessionPage,
      socketPath: data.socketPath,
      clockMs: Number(data.clockMs),
      hasAudio: data.hasAudio === "true",
    });
    this.trouble = "";
    this.linkDownSince = 0;
    this.lostMicrophoneAt = 0;
    this.pageTitle = document.title;
    for (const mark of JSON.parse(data.marks)) this.wave.mark(mark);
    this.listen();
    this.begin();
    setInterval(() => this.tick(), 250);
  }

  listen() {
    this.microphone.addEventListener("chunk", (event) => this.recorder.takeChunk(event.detail));
    this.microphone.addEventListener("lost", () => this.microphoneLost());
    this.microphone.addEventListener("changed", () => this.fillMicrophones());
    this.recorder.addEventListener("change", () => this.paint());
    this.recorder.addEventListener("level", (event) => {
      this.wave.hear(event.detail.levels, this.recorder.clockMs);
      this.level(Math.max(...event.detail.levels));
    });
    this.recorder.addEventListener("segment", (event) => this.words.show(event.detail));
    this.recorder.addEventListener("state", (event) => this.hearState(event.detail));
    this.recorder.addEventListener("refused", (event) => this.hearRefusal(event.detail));
    this.root.addEventListener("click", (event) => this.press(event));
    this.part("microphones")?.addEventListener("change", (event) => this.changeMicrophone(event.target.value));
    document.addEventListener("visibilitychange", () => this.keepAwake());
    document.addEventListener("submit", (event) => {
      if (event.target.matches("[data-sign-out]")) this.beforeSignOut(event);
    });
    addEventListener("beforeunload", (event) => {
      const isHeld = this.recorder.phase === "recording" || this.recorder.heldChunks > 0;
      if (!this.isLeaving && ((this.recorder.isLive && isHeld) || this.notes.isUnsaved)) event.preventDefault();
    });
  }

  // Go on with what this browser recorded before the page was reloaded, or wait for Start.
  async begin() {
    this.fillMicrophones();
    const before = await this.recorder.restore().catch(() => "");
    if (!(await this.holdLock())) {
      this.trouble = "tab";
    } else if (this.mode === "recorded") {
      this.paint();
    } else if (before === "finishing") {
      await this.recorder.goOnWaiting("finishing");
      this.finish();
    } else if (before === "paused" || (before && this.status === "paused")) {
      await this.recorder.goOnWaiting("paused");
    } else if (before && this.mode === "ready") {
      await this.startRecording();
    }
    this.paint();
  }

  // Two tabs of one browser share its copy: only one of them may record.
  holdLock() {
    if (!navigator.locks) return Promise.resolve(true);
    return new Promise((resolve) => {
      navigator.locks.request(`capture ${this.recorder.id}`, { ifAvailable: true }, (lock) => {
        resolve(Boolean(lock));
        return lock ? new Promise(() => {}) : undefined;
      });
    });
  }

  async startRecording() {
    if (this.isStarting) return;
    this.isStarting = true;
    try {
      await this.microphone.open(this.chosenMicrophone);
      this.trouble = "";
      this.fillMicrophones();
      const isFirst = !this.recorder.store.row;
      const idleMs = this.status === "paused" ? 0 : Number(this.root.dataset.idleMs);
      await this.recorder.start({ lostMs: isFirst ? idleMs : this.recorder.awayMs });
      this.keepAwake();
    } catch (error) {
      this.trouble = error.kind ?? "busy";
      await this.microphone.close();
    } finally {
      this.isStarting = false;
      this.paint();
    }
  }

  async pauseOrResume() {
    const { recorder } = this;
    if (this.mode !== "ready" || recorder.phase === "idle") return this.pauseOnServer();
    if (this.isPausing) return;
    this.isPausing = true;
    if (recorder.phase === "recording") {
      await this.microphone.close();
      await recorder.pause();
    } else if (recorder.phase === "paused") {
      try {
        await this.microphone.open(this.chosenMicrophone);
        await recorder.resume();
        this.trouble = "";
      } catch (error) {
        this.trouble = error.kind ?? "busy";
      }
    }
    this.isPausing = false;
    this.keepAwake();
    this.paint();
  }

  async pauseOnServer() {
    const url = this.status === "paused" ? this.root.dataset.resumeUrl : this.root.dataset.pauseUrl;
    const answer = await this.post(url, {});
    if (answer) this.status = answer.status;
    this.paint();
  }

  async mark(kind) {
    const isRecording = this.recorder.isLive;
    const ms = isRecording ? this.recorder.mark(kind) : Math.max(0, Date.now() - this.startedAt);
    if (!isRecording) {
      const saved = await this.post(this.root.dataset.markUrl, { kind, t_ms: ms, cid: crypto.randomUUID() });
      if (!saved) return;
    }
    this.wave.mark(ms);
    this.listMark(kind, ms);
  }

  listMark(kind, ms) {
    const list = this.part("marks");
    const row = this.part("mark-row").content.firstElementChild.cloneNode(true);
    row.querySelector("[data-mark-word]").textContent = MARK_WORDS[kind];
    row.querySelector("[data-mark-time]").textContent = formatClock(ms);
    list.append(row);
    list.closest("section").hidden = false;
    this.say(`${MARK_WORDS[kind]} marked at ${formatClock(ms)}`);
  }

  async finish() {
    const { recorder } = this;
    this.trouble = "";
    await this.notes.save();
    if (recorder.isLive) {
      await this.microphone.close();
      const done = recorder.finish();
      this.paint();
      await done;
      if (recorder.mismatch) await new Promise((resolve) => setTimeout(resolve, 4000));
    }
    this.isLeaving = true;
    document.querySelector("[data-complete-form]").requestSubmit();
  }

  // Signing out must not leave sound behind that nobody uploads: what is held goes first, a running recording stays.
  async beforeSignOut(event) {
    const { recorder } = this;
    if (!recorder.isLive || (recorder.phase === "paused" && !recorder.heldChunks)) return;
    event.preventDefault();
    if (recorder.phase === "recording") {
      showToast("This session is being recorded. Pause or finish it before you sign out.", "bad");
      return;
    }
    showToast("Uploading what this browser holds, then you are signed out.");
    while (recorder.isLive && recorder.heldChunks) await new Promise((resolve) => setTimeout(resolve, 300));
    this.isLeaving = true;
    event.target.submit();
  }

  press(event) {
    const action = event.target.closest("[data-action]")?.dataset.action;
    const mark = event.target.closest("[data-mark]")?.dataset.mark;
    const size = event.target.closest("[data-text-size]")?.dataset.textSize;
    if (action === "start") this.startRecording();
    else if (action === "pause") this.pauseOrResume();
    else if (action === "finish") this.finish();
    else if (action === "reload") location.reload();
    if (mark) this.mark(mark);
    if (size) setTextSize(this.root, size);
  }

  // The microphone ------------------------------------------------------------------------------------------------------
  get chosenMicrophone() {
    return this.part("microphones")?.value ?? "";
  }

  async fillMicrophones() {
    const select = this.part("microphones");
    if (!select) return;
    const devices = await Microphone.list().catch(() => []);
    const current = this.microphone.deviceId || select.value;
    const options = devices.map((device, index) => new Option(device.label || `Microphone ${index + 1}`, device.deviceId));
    select.replaceChildren(...(options.length ? options : [new Option("Default microphone", "")]));
    if (devices.some((device) => device.deviceId === current)) select.value = current;
  }

  async changeMicrophone(deviceId) {
    if (this.recorder.phase !== "recording") return;
    const changedAt = Date.now();
    await this.microphone.close();
    try {
      await this.microphone.open(deviceId);
      this.recorder.bridge(Date.now() - changedAt);
      showToast(`Now recording with ${this.microphone.label}.`);
    } catch (error) {
      this.microphoneLost(error.kind);
    }
    this.paint();
  }

  // Unplugged: another microphone takes over when there is one; until then the page says that nothing is recorded.
  async microphoneLost(kind = "unplugged") {
    this.lostMicrophoneAt ||= Date.now();
    this.trouble = kind;
    this.paint();
    try {
      await this.microphone.open();
      this.recorder.bridge(Date.now() - this.lostMicrophoneAt);
      this.lostMicrophoneAt = 0;
      this.trouble = "";
      showToast(`The microphone was unplugged. Now recording with ${this.microphone.label}.`, "bad");
      this.fillMicrophones();
    } catch {
      navigator.mediaDevices.addEventListener("devicechange", () => this.microphoneLost(), { once: true });
    }
    this.paint();
  }

  async keepAwake() {
    const wanted = this.recorder.phase === "recording" && document.visibilityState === "visible";
    if (wanted && !this.wakeLock) {
      this.wakeLock = await navigator.wakeLock?.request("screen").catch(() => null);
      this.wakeLock?.addEventListener("release", () => (this.wakeLock = null));
    } else if (!wanted) {
      await this.wakeLock?.release().catch(() => {});
    }
  }

  // What the server says ------------------------------------------------------------------------------------------------
  async hearState(frame) {
    this.status = frame.status;
    // An answer to what was pressed here; by now something else may have been pressed.
    if (frame.cid || this.isPausing) return;
    if (frame.status === "paused" && this.microphone.isOpen) await this.microphone.close();
    if (frame.status === "in_progress" && this.recorder.phase === "recording" && !this.microphone.isOpen) {
      await this.startRecording();
    }
    this.paint();
  }

  hearRefusal(frame) {
    showToast(frame.message, "bad");
  }

  async post(url, values) {
    try {
      const headers = { "X-CSRFToken": csrfToken(), Accept: "application/json" };
      const answer = await fetch(url, { method: "POST", body: new URLSearchParams(values), headers });
      if (answer.ok) return await answer.json();
    } catch {
      // Said below: the answer is the same as for a refusal.
    }
    showToast("That did not reach the server. Check the connection, then press it again.", "bad");
    return null;
  }

  // What is seen ---------------------------------------------------------------------------------------------------------
  get view() {
    const { recorder, mode } = this;
    if (this.trouble === "tab") return "tab";
    if (recorder.phase === "stopped") return recorder.reason;
    if (recorder.phase === "finishing") return "finishing";
    if (recorder.phase === "finished") return "saved";
    if (mode === "recorded") return "saved";
    if (recorder.phase === "paused") return "paused";
    if (recorder.phase === "recording") {
      if (this.trouble) return "microphone";
      if (recorder.reason === "signed_out") return "signed_out";
      if (this.linkDownSince && Date.now() - this.linkDownSince > LOST_AFTER_MS) return "lost";
      if (recorder.silentSince && Date.now() - recorder.silentSince > SILENT_AFTER_MS) return "silent";
      return "recording";
    }
    if (this.trouble) return "microphone";
    if (mode === "unrecorded" || mode === "no-consent") return this.status === "paused" ? "paused" : mode;
    return this.status === "error" ? "error" : "ready";
  }

  tick() {
    const { recorder } = this;
    if (recorder.link === "up" || !recorder.isLive) this.linkDownSince = 0;
    else this.linkDownSince ||= Date.now();
    if (recorder.phase === "stopped" && this.microphone.isOpen) this.microphone.close();
    const clock = formatClock(this.clockMs);
    this.part("clock").textContent = clock;
    if (this.view !== this.painted) this.paint();
    this.paintLink();
    const isOn = recorder.phase === "recording" && this.view !== "microphone";
    document.title = isOn ? `● ${clock} – SynapseAI` : this.pageTitle;
    setFavicon(isOn, this.root.dataset.recordingIcon);
  }

  get clockMs() {
    if (this.recorder.isLive || this.mode === "ready" || this.mode === "recorded") return this.recorder.clockMs;
    if (this.status === "paused") return (this.stoodAt ??= Date.now() - this.startedAt);
    if (this.stoodAt !== undefined) {
      this.startedAt = Date.now() - this.stoodAt;
      this.stoodAt = undefined;
    }
    return Date.now() - this.startedAt;
  }

  paint() {
    const view = this.view;
    if (view === "over") {
      this.isLeaving = true;
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
      const help = this.trouble === "unplugged" ? "The microphone was unplugged. Connect it, or choose another one." : "";
      this.part("microphone-help").textContent = help || MICROPHONE_HELP[this.trouble] || MICROPHONE_HELP.busy;
    }
    this.wave.isOn = this.recorder.phase === "recording";
    if (!this.wave.isOn) this.level(0);
    this.wave.draw();
    this.paintLink();
  }

  paintLink() {
    const { recorder } = this;
    const held = Math.ceil(recorder.heldMs / 1000);
    const heldWords = held >= 60 ? `${Math.floor(held / 60)} min ${held % 60} s` : `${held} s`;
    for (const node of this.root.querySelectorAll("[data-held]")) node.textContent = heldWords;
    const link = this.part("link");
    if (!link || !recorder.isLive) {
      if (link) link.textContent = "";
      return;
    }
    const ago = Math.max(0, Math.round((Date.now() - recorder.savedAt) / 1000));
    const saved = recorder.savedAt ? `saved ${ago < 2 ? "just now" : `${ago} s ago`}` : "";
    link.textContent = recorder.link === "up" ? `Connected${saved ? `, ${saved}` : ""}` : "Connecting again";
  }

  level(value) {
    const decibels = 20 * Math.log10(Math.max(1e-4, value));
    const share = Math.min(1, Math.max(0, (decibels + 60) / 54));
    this.part("level")?.style.setProperty("transform", `scaleX(${share.toFixed(3)})`);
  }

  say(text) {
    this.part("announce").textContent = text;
  }
}

function setTextSize(root, size) {
  root.dataset.textSize = size;
  for (const button of root.querySelectorAll("[data-text-size]")) {
    if (button !== root) button.setAttribute("aria-pressed", String(button.dataset.textSize === size));
  }
  try {
    localStorage.setItem("transcript-size", size);
  } catch {
    // Storage is off: the choice holds for this page.
  }
}

const icon = document.querySelector('link[rel="icon"]');
const calmIcon = icon?.href;
function setFavicon(isOn, recordingIcon) {
  const wanted = isOn ? recordingIcon : calmIcon;
  if (icon && icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
}

const root = document.querySelector("[data-session-page]");
if (root) {
  try {
    const size = localStorage.getItem("transcript-size");
    if (size) setTextSize(root, size);
  } catch {
    // Storage is off: the middle size it is.
  }
  new SessionPage(root);
}
