// Dictate after a session. Each chunk is put away encrypted in this browser, then sent as parts of an upload, and
// forgotten when the server has it: a cut or a reload loses nothing, and the dictation goes on where it was.
//
// PCM is 16-bit little-endian mono at 16 kHz; times are ms of what was dictated.
import { BYTES_PER_MS, CHUNK_MS } from "./capture-format.js";
import { CaptureStore } from "./capture-store.js";
import { formatClock } from "./clock.js";
import { LiveWave } from "./live-wave.js";
import { Microphone } from "./microphone.js";
import { holdAlone } from "./one-tab.js";
import { PartUpload, Refused } from "./part-upload.js";
import { Sha256 } from "./sha256.js";
import { showToast } from "./toast.js";

const PART_CHUNKS = 25; // 5 s: few requests, and little to send when it ends
const MOST_CHUNKS = 250;
const TICK_MS = 1000;
const LABELS = { ready: "Ready", recording: "Dictating", paused: "Paused", finishing: "Sending the rest" };
const NOT_KEPT = "This browser keeps nothing on this device. Do not close this page until the dictation is on the server.";
const TROUBLES = { lost: "No connection", locked: "Screen locked", signed_out: "Signed out: sign in again in another tab" };
const MICROPHONE_HELP = {
  denied: "This page may not use the microphone. Allow it beside the address, then start.",
  missing: "No microphone was found. Connect one, then start.",
  busy: "The microphone does not open. Close other programs that use it, then start.",
  insecure: "Browsers give the microphone to secure pages only. Open this page by https or on localhost.",
  lost: "The microphone was unplugged. What was said until then is kept. Connect it, then go on.",
};

class Dictation {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.wave = new LiveWave(this.part("wave"));
    this.microphone = new Microphone(JSON.parse(root.dataset.microphone), root.dataset.workletUrl);
    this.phase = "ready"; // ready, recording, paused, finishing, over
    this.unstored = new Map();
    this.reset();
    this.microphone.addEventListener("chunk", (event) => this.takeChunk(event.detail));
    this.microphone.addEventListener("lost", () => this.pause("lost"));
    root.addEventListener("click", (event) => this.press(event.target.closest("[data-action]")?.dataset.action));
    document.querySelector("[data-discard]")?.addEventListener("click", () => this.discard());
    addEventListener("beforeunload", (event) => {
      if (this.phase === "recording" || (this.phase === "finishing" && this.heldChunks)) event.preventDefault();
    });
    document.addEventListener("submit", (event) => {
      if (event.target.matches("[data-sign-out]")) this.beforeSignOut(event);
    });
    let tickedAt = Date.now();
    setInterval(() => {
      const now = Date.now();
      this.microphone.check(now - tickedAt < 3 * TICK_MS); // not while the device slept
      tickedAt = now;
    }, TICK_MS);
    this.ready = this.restore();
  }

  // Signing out must not leave sound behind that nobody uploads.
  async beforeSignOut(event) {
    if (this.phase !== "recording" && !this.heldChunks) return;
    event.preventDefault();
    if (this.phase === "recording") {
      showToast("You are dictating. Pause or finish before you sign out.", "bad");
      return;
    }
    showToast("Uploading what this browser holds, then you are signed out.");
    while (this.heldChunks) await new Promise((resolve) => setTimeout(resolve, 300));
    event.target.submit();
  }

  reset() {
    this.nextSeq = 0;
    this.acked = -1;
    this.offset = 0; // bytes the server has
    this.clockMs = 0;
    this.sum = new Sha256();
    this.link = this.newLink({});
  }

  newLink(urls) {
    const link = new PartUpload(urls);
    link.addEventListener("trouble", () => this.paint());
    return link;
  }

  get heldChunks() {
    return this.nextSeq - 1 - this.acked;
  }

  // What this browser dictated before the page was reloaded.
  async restore() {
    const id = `dictation ${this.root.dataset.dictation}`;
    if (!(await holdAlone(id))) {
      this.fail("This dictation is open in another tab of this browser. Go on there.");
      return;
    }
    this.store = await CaptureStore.open(id);
    if (!this.store.isLasting) this.part("kept").textContent = NOT_KEPT;
    const { row } = this.store;
    if (!row) return;
    Object.assign(this, { nextSeq: row.nextSeq, acked: row.acked, offset: row.offset, clockMs: row.clockMs });
    const saved = await this.store.sum();
    if (saved) this.sum = Sha256.load(saved);
    this.link = this.newLink(row.urls);
    for (const note of document.querySelectorAll('[data-arriving="dictation"]')) note.hidden = true;
    await this.setPhase(row.phase === "finishing" ? "finishing" : "paused");
    this.pump();
  }

  press(action) {
    if (action === "start") this.start();
    else if (action === "pause") this.pause();
    else if (action === "finish") this.finish();
  }

  async start() {
    await this.ready;
    if (!this.store || this.isStarting || this.phase === "recording") return;
    this.isStarting = true;
    this.part("problem").hidden = true;
    try {
      await this.microphone.open();
      if (!this.store.row) {
        await this.store.begin({ phase: "recording", nextSeq: 0, acked: -1, offset: 0, clockMs: 0, urls: {} });
      }
      await this.setPhase("recording");
      this.pump();
    } catch (error) {
      await this.microphone.close();
      this.fail(MICROPHONE_HELP[error.kind] ?? MICROPHONE_HELP.busy);
    } finally {
      this.isStarting = false;
    }
  }

  takeChunk({ pcm, levels }) {
    if (this.phase !== "recording") return;
    const bytes = new Uint8Array(pcm);
    const chunk = { seq: this.nextSeq, tMs: Math.round(this.clockMs), pcm: bytes };
    this.nextSeq += 1;
    this.clockMs += bytes.length / BYTES_PER_MS;
    this.sum.update(bytes);
    this.wave.hear(levels, this.clockMs);
    this.part("clock").textContent = formatClock(this.clockMs);
    this.put(chunk, { nextSeq: this.nextSeq, clockMs: this.clockMs }, this.sum.save());
  }

  async put(chunk, state, sum) {
    try {
      await this.store.append(chunk, state, sum);
    } catch {
      // No room on this device: it lives in memory until the server has it.
      this.unstored.set(chunk.seq, chunk);
    }
    this.pump();
  }

  async pause(trouble = "") {
    if (this.phase !== "recording") return;
    await this.microphone.close();
    await this.setPhase("paused");
    if (trouble) this.fail(MICROPHONE_HELP[trouble]);
    this.pump();
  }

  async finish() {
    await this.microphone.close();
    await this.setPhase("finishing");
    this.pump();
  }

  async discard() {
    await this.microphone.close();
    await this.setPhase("over");
    await this.store.erase();
    const form = document.querySelector("[data-discard-form]");
    if (!this.link.stopUrl) return location.reload();
    form.action = this.link.stopUrl;
    return form.submit();
  }

  async setPhase(phase) {
    this.phase = phase;
    await this.store.update({ phase }).catch(() => {});
    this.paint();
  }

  // Send what is held, one part after the other; a running dictation waits until a part is worth its request.
  async pump() {
    if (this.isPumping) {
      this.mustPump = true;
      return;
    }
    this.isPumping = true;
    try {
      do {
        this.mustPump = false;
        while (this.isWorthSending && (await this.sendNext()));
      } while (this.mustPump);
      if (this.phase === "finishing" && !this.heldChunks) await this.end();
    } catch (error) {
      await this.stop(error);
    } finally {
      this.isPumping = false;
    }
    this.paint();
  }

  get isWorthSending() {
    return this.heldChunks >= (this.phase === "recording" ? PART_CHUNKS : 1) && this.phase !== "over";
  }

  // False when the next chunk is not put away yet: its own write pumps again.
  async sendNext() {
    if (!this.link.partUrl) await this.open();
    const chunks = [];
    for (let seq = this.acked + 1; seq < this.nextSeq && chunks.length < MOST_CHUNKS; seq += 1) {
      const pcm = await this.pcmOf(seq);
      if (!pcm) break;
      chunks.push(pcm);
    }
    if (!chunks.length) return false;
    await this.acknowledge(await this.link.send(this.offset, joined(chunks)));
    this.paint();
    return true;
  }

  async pcmOf(seq) {
    return (this.unstored.get(seq) ?? (await this.store.chunk(seq)))?.pcm;
  }

  async open() {
    this.offset = await this.link.open(this.root.dataset.openUrl, { source: "dictation" });
    const { partUrl, finishUrl, stopUrl } = this.link;
    await this.store.update({ urls: { partUrl, finishUrl, stopUrl } });
  }

  // The server has everything up to `offset`, more than this page knew when an answer was lost on the way.
  async acknowledge(offset) {
    while (this.offset < offset) {
      const pcm = await this.pcmOf(this.acked + 1);
      if (!pcm) break;
      this.offset += pcm.length;
      this.acked += 1;
    }
    if (this.offset !== offset) {
      throw new Refused({ code: "elsewhere", message: "This dictation went on in another browser. Finish it there." });
    }
    await this.store.update({ acked: this.acked, offset: this.offset }).catch(() => {});
    await this.store.forgetUpTo(this.acked).catch(() => {});
    for (const seq of this.unstored.keys()) if (seq <= this.acked) this.unstored.delete(seq);
  }

  async end() {
    if (!this.nextSeq) {
      await this.store.erase();
      await this.setPhase("ready");
      return;
    }
    const answer = await this.link.finish(this.sum.hex());
    await this.store.erase();
    this.phase = "over";
    location.assign(answer.next);
  }

  async stop(error) {
    await this.microphone.close();
    if (this.phase !== "over") await this.setPhase("paused");
    this.fail(error instanceof Refused ? error.message : "The dictation stopped. What was said is kept here. Go on.");
  }

  paint() {
    this.root.dataset.view = this.phase;
    for (const node of this.root.querySelectorAll("[data-when]")) {
      node.hidden = !node.dataset.when.split(" ").includes(this.phase);
    }
    if (LABELS[this.phase]) this.part("label").textContent = LABELS[this.phase];
    this.part("clock").textContent = formatClock(this.clockMs);
    const held = Math.ceil((this.heldChunks * CHUNK_MS) / 1000);
    const saved = this.nextSeq && held < 6 ? "Saved on the server" : "";
    this.part("link").textContent = TROUBLES[this.link.trouble]
      ? `${TROUBLES[this.link.trouble]}, ${held} s kept here`
      : saved;
    this.wave.isOn = this.phase === "recording";
    this.wave.draw();
  }

  fail(message) {
    this.part("problem-text").textContent = message;
    this.part("problem").hidden = false;
  }
}

function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let place = 0;
  for (const piece of pieces) {
    whole.set(piece, place);
    place += piece.length;
  }
  return whole;
}

const root = document.querySelector("[data-dictation]");
if (root) new Dictation(root);
