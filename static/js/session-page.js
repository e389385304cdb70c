// The recording page: binds recorder, microphone, wave, words and notes to what the doctor sees and presses.
import { formatClock } from "./clock.js";
import { LiveTranscript } from "./live-transcript.js";
import { LiveWave } from "./live-wave.js";
import { Microphone } from "./microphone.js";
import { MicrophoneDesk } from "./microphone-desk.js";
import { NotesPad } from "./notes-pad.js";
import { holdAlone } from "./one-tab.js";
import { Recorder } from "./recorder.js";
import { RecordingView } from "./recording-view.js";
import { postForm } from "./requests.js";
import { showToast } from "./toast.js";

const LEFT_AFTER_MS = 120000; // a reload goes on by itself; after a longer absence the doctor says so
const MARK_WORDS = { moment: "Moment", medication: "Medication", risk: "Risk", action: "Action" };

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
    this.recorder = new Recorder({
      id: data.sessionPage,
      socketPath: data.socketPath,
      clockMs: Number(data.clockMs),
      hasAudio: data.hasAudio === "true",
    });
    this.microphone = new Microphone(JSON.parse(data.microphone), data.workletUrl);
    this.desk = new MicrophoneDesk(this.microphone, this.recorder, this.part("microphones"));
    this.view = new RecordingView(this);
    this.isElsewhere = false; // in another tab of this browser
    for (const mark of JSON.parse(data.marks)) this.wave.mark(mark);
    for (const [from, to] of JSON.parse(data.gaps)) this.wave.gap(from, to);
    this.listen();
    this.begin();
    setInterval(() => this.tick(), 250);
  }

  listen() {
    this.desk.addEventListener("trouble", () => this.view.paint());
    this.recorder.addEventListener("change", () => this.view.paint());
    this.recorder.addEventListener("gap", (event) => this.wave.gap(event.detail.from, event.detail.to));
    this.recorder.addEventListener("level", (event) => {
      this.wave.hear(event.detail.levels, this.recorder.clockMs);
      this.view.level(Math.max(...event.detail.levels));
    });
    this.recorder.addEventListener("segment", (event) => this.showWords(event.detail));
    this.recorder.addEventListener("live-text", (event) => this.hearPlace(event.detail));
    this.recorder.addEventListener("state", (event) => this.hearState(event.detail));
    this.recorder.addEventListener("refused", (event) => this.hearRefusal(event.detail));
    this.root.addEventListener("click", (event) => this.press(event));
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
    const before = await this.recorder.restore().catch(() => "");
    if (!(await holdAlone(`capture ${this.recorder.id}`))) {
      this.isElsewhere = true;
    } else if (this.mode === "recorded") {
      this.view.paint();
    } else if (before === "finishing") {
      await this.recorder.goOnWaiting("finishing");
      this.finish();
    } else if (before === "paused" || (before && this.status === "paused")) {
      await this.recorder.goOnWaiting("paused");
    } else if (before && this.mode === "ready" && this.recorder.awayMs > LEFT_AFTER_MS) {
      await this.recorder.goOnWaiting("left");
    } else if (before && this.mode === "ready") {
      await this.startRecording();
    }
    this.view.paint();
  }

  async startRecording() {
    if (this.isStarting) return;
    this.isStarting = true;
    try {
      if (this.recorder.phase === "recording") {
        await this.desk.listenAgain(this.desk.chosen);
      } else {
        await this.desk.open();
        const isFirst = !this.recorder.store.row;
        const idleMs = this.status === "paused" ? 0 : Number(this.root.dataset.idleMs);
        await this.recorder.start({ lostMs: isFirst ? idleMs : this.recorder.awayMs });
      }
      this.keepAwake();
    } catch {
      // The desk has said why.
    } finally {
      this.isStarting = false;
      this.view.paint();
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
      await this.desk.open().then(() => recorder.resume(), () => {});
    }
    this.isPausing = false;
    this.keepAwake();
    this.view.paint();
  }

  async pauseOnServer() {
    const url = this.status === "paused" ? this.root.dataset.resumeUrl : this.root.dataset.pauseUrl;
    const answer = await this.post(url, {});
    if (answer) this.status = answer.status;
    this.view.paint();
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
    await this.notes.save();
    if (recorder.isLive) {
      await this.microphone.close();
      const done = recorder.finish();
      this.view.paint();
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

  async keepAwake() {
    const wanted = this.recorder.phase === "recording" && document.visibilityState === "visible";
    if (wanted && !this.wakeLock) {
      this.wakeLock = await navigator.wakeLock?.request("screen").catch(() => null);
      this.wakeLock?.addEventListener("release", () => (this.wakeLock = null));
    } else if (!wanted) {
      await this.wakeLock?.release().catch(() => {});
    }
  }

  async hearState(frame) {
    this.status = frame.status;
    // An answer to what was pressed here; by now something else may have been pressed.
    if (frame.cid || this.isPausing) return;
    if (frame.status === "paused" && this.microphone.isOpen) await this.microphone.close();
    if (frame.status === "in_progress" && this.recorder.phase === "recording" && !this.microphone.isOpen) {
      await this.desk.listenAgain(this.desk.chosen, Date.now());
    }
    this.view.paint();
  }

  showWords(segment) {
    this.part("live-text").hidden = true;
    this.words.show(segment);
  }

  // Only so many recordings are written while they run: this one has a place, or its text follows after the end.
  hearPlace(frame) {
    this.part("live-limit").textContent = frame.limit;
    this.part("live-text").hidden = frame.state !== "waiting";
  }

  hearRefusal(frame) {
    showToast(frame.message, "bad");
  }

  async post(url, values) {
    try {
      const answer = await postForm(url, values);
      if (answer.ok) return await answer.json();
    } catch {
      // Said below: the answer is the same as for a refusal.
    }
    showToast("That did not reach the server. Check the connection, then press it again.", "bad");
    return null;
  }

  tick() {
    if (this.recorder.phase === "stopped" && this.microphone.isOpen) this.microphone.close();
    this.desk.check();
    this.view.tick();
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
