// A recording that loses nothing: each chunk is put away encrypted, then sent, and forgotten only when the server has
// it on durable storage. A cut, a reload or a killed server only means that it goes on where the last ack was.
//
// Times are ms on the recording clock: it stands still in a pause and runs on through a loss.
// Events: "change" (look at the getters), "level" {levels}, "segment" {frame}, "state" {frame}, "refused" {frame}.
import { CaptureStore } from "./capture-store.js";
import { Sha256 } from "./sha256.js";

const CHUNK_MS = 200;
const BYTES_PER_MS = 32;
const MOST_BUFFERED = 1024 * 1024;
const RECONNECT_MS = [500, 1000, 2000, 4000, 8000, 10000];
const SIGNED_OUT_RETRY_MS = 10000;
const SILENT_BELOW = 0.0012; // about -58 dBFS: a muted microphone, not a quiet room
const STALL_MS = 1000;
const DRIFT_CHUNKS = 10;

const Close = { POLICY: 1008, BROKEN: 4400, SIGNED_OUT: 4401, NOT_ALLOWED: 4403, GONE: 4404, OTHER: 4409, OVER: 4410 };

export class Recorder extends EventTarget {
  #socket = null;
  #credit = 0;
  #sent = 0; // next seq to send on this socket
  #again = []; // seqs the server asked for
  #attempts = 0;
  #retry = null;
  #isPumping = false;
  #mustPump = false;
  #drift = [];
  #audioStartedAt = 0;
  #audioMs = 0;
  #finishSent = false;

  constructor({ id, socketPath, clockMs, idleMs, hasAudio }) {
    super();
    Object.assign(this, { id, socketPath, clockMs, idleMs, hasAudio });
    this.phase = "idle"; // idle, recording, paused, finishing, finished, stopped
    this.link = "down"; // down, up
    this.reason = ""; // why it stopped or cannot go on: elsewhere, consent, over, signed_out, gone
    this.store = null;
    this.sum = new Sha256();
    this.isWhole = true; // this browser held every chunk, so its sum counts
    this.nextSeq = 0;
    this.acked = -1;
    this.savedAt = 0;
    this.silentSince = 0;
    this.mismatch = false;
    this.ended = null;
    addEventListener("online", () => this.#reconnectNow());
  }

  // What was recorded here before and is not finished: "recording", "paused", "finishing" or "" for nothing.
  async restore() {
    this.store = await CaptureStore.open(this.id);
    const row = this.store.row;
    if (!row) return "";
    this.nextSeq = row.nextSeq;
    this.acked = row.acked;
    this.clockMs = row.clockMs;
    this.isWhole = row.isWhole;
    this.controls = row.controls ?? [];
    const saved = await this.store.sum();
    if (saved) this.sum = Sha256.load(saved);
    return row.phase;
  }

  get heldChunks() {
    return this.nextSeq - 1 - this.acked;
  }

  get heldMs() {
    return this.heldChunks * CHUNK_MS;
  }

  get isLive() {
    return ["recording", "paused", "finishing"].includes(this.phase);
  }

  // Begin, or go on after a reload; `lostMs` is how long the clock ran without us.
  async start({ lostMs = 0 } = {}) {
    if (!this.store.row) {
      this.controls = [];
      await this.store.begin({
        phase: "recording",
        nextSeq: 0,
        acked: -1,
        clockMs: this.clockMs,
        isWhole: !this.hasAudio,
        token: "",
        controls: [],
        lastAt: Date.now(),
      });
      this.isWhole = !this.hasAudio;
      if (this.hasAudio) await this.#meetServer();
    }
    this.clockMs += lostMs;
    this.#beginStretch();
    await this.#setPhase("recording");
    this.connect();
  }

  // How long ago the last chunk was put away, for a recording that goes on after its page died.
  get awayMs() {
    return Math.max(0, Date.now() - (this.store?.row?.lastAt ?? Date.now()));
  }

  async goOnWaiting(phase) {
    await this.#setPhase(phase);
    this.connect();
  }

  takeChunk({ pcm, levels }) {
    if (this.phase !== "recording") return;
    const bytes = new Uint8Array(pcm);
    const now = Date.now();
    this.#followClock(bytes.length / BYTES_PER_MS, now);
    const chunk = { seq: this.nextSeq, tMs: Math.round(this.clockMs), pcm: bytes };
    this.nextSeq += 1;
    this.clockMs += bytes.length / BYTES_PER_MS;
    this.sum.update(bytes);
    const loud = Math.max(0, ...levels);
    this.silentSince = loud > SILENT_BELOW ? 0 : this.silentSince || now;
    this.dispatchEvent(new CustomEvent("level", { detail: { levels } }));
    const state = { nextSeq: this.nextSeq, clockMs: this.clockMs, lastAt: now };
    this.#put(chunk, state, this.sum.save());
  }

  async #put(chunk, state, sum) {
    try {
      await this.store.append(chunk, state, sum);
    } catch {
      // No room on this device: the chunk lives in memory until it is acknowledged, and the page says so.
      this.unstored ??= new Map();
      this.unstored.set(chunk.seq, chunk);
      this.#changed();
    }
    this.#pump();
  }

  // The audio clock stops when the device sleeps; a lasting distance to the wall clock is a loss the clock ran through.
  #followClock(durationMs, now) {
    this.#audioMs += durationMs;
    this.#drift.push(now - this.#audioStartedAt - this.#audioMs);
    if (this.#drift.length > DRIFT_CHUNKS) this.#drift.shift();
    const lost = Math.min(...this.#drift);
    if (this.#drift.length === DRIFT_CHUNKS && lost > STALL_MS) {
      this.clockMs += lost;
      this.#beginStretch(now);
    }
  }

  #beginStretch(now = Date.now()) {
    this.#audioStartedAt = now;
    this.#audioMs = 0;
    this.#drift = [];
    this.silentSince = 0;
  }

  async pause() {
    if (this.phase !== "recording") return;
    await this.#setPhase("paused");
    this.#control({ type: "pause" });
  }

  async resume() {
    if (this.phase !== "paused") return;
    this.#beginStretch();
    await this.#setPhase("recording");
    this.#control({ type: "resume" });
  }

  // The microphone was away for a while and is back.
  bridge(lostMs) {
    this.clockMs += lostMs;
    this.#beginStretch();
  }

  mark(kind) {
    const tMs = Math.round(this.clockMs);
    this.#control({ type: "mark", kind, t_ms: tMs });
    return tMs;
  }

  // No more audio. Resolves with the server's `finished` frame once every chunk is there.
  finish() {
    this.ended ??= new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
    this.#setPhase("finishing").then(() => {
      this.connect();
      this.#pump();
    });
    return this.ended;
  }

  #control(frame) {
    const control = { frame: { ...frame, cid: crypto.randomUUID() }, after: this.nextSeq };
    this.controls.push(control);
    this.store.update({ controls: this.controls }).catch(() => {});
    this.#pump();
  }

  async #setPhase(phase) {
    this.phase = phase;
    await this.store.update({ phase }).catch(() => {});
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  // The socket -------------------------------------------------------------------------------------------------------
  connect() {
    if (this.#socket || !this.isLive) return;
    clearTimeout(this.#retry);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.socketPath}`);
    this.#socket = socket;
    socket.onopen = () => this.#send({ ...HELLO, ...(this.store.row?.token ? { stream: this.store.row.token } : {}) });
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#hear(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#closed(event.code);
    };
  }

  #send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  // Somebody else recorded before us: ask where the server stands before the first chunk gets its number.
  #meetServer() {
    return new Promise((resolve) => {
      this.whenReady = resolve;
      this.phase = "recording";
      this.connect();
    });
  }

  async #hear(frame) {
    if (frame.type === "ready") await this.#ready(frame);
    else if (frame.type === "ack") this.#acknowledge(frame.seq);
    else if (frame.type === "missing") this.#resend(frame.from, frame.to);
    else if (frame.type === "finished") await this.#finished(frame);
    else if (frame.type === "segment") this.dispatchEvent(new CustomEvent("segment", { detail: frame }));
    else if (frame.type === "state") this.#hearState(frame);
    else if (frame.type === "error") this.#hearError(frame);
  }

  async #ready(frame) {
    this.#attempts = 0;
    this.#credit = frame.credit;
    this.#finishSent = false;
    this.link = "up";
    this.reason = "";
    if (frame.next_seq > this.nextSeq || (frame.stream !== this.store.row?.token && this.store.row?.token)) {
      // Another device went on meanwhile: our numbers and our sum do not count any more.
      await this.store.forgetFrom(0);
      this.nextSeq = frame.next_seq;
      this.isWhole = false;
      this.clockMs = Math.max(this.clockMs, frame.t_ms ?? 0);
      await this.store.update({ nextSeq: this.nextSeq, isWhole: false, clockMs: this.clockMs });
    }
    this.acked = frame.next_seq - 1;
    this.#sent = frame.next_seq;
    this.#again = [];
    await this.store.update({ token: frame.stream, acked: this.acked });
    await this.store.forgetUpTo(this.acked);
    this.whenReady?.();
    this.whenReady = null;
    this.savedAt = Date.now();
    this.#changed();
    this.#pump();
  }

  #acknowledge(seq) {
    this.acked = Math.max(this.acked, seq);
    this.savedAt = Date.now();
    this.store.update({ acked: this.acked }).catch(() => {});
    this.store.forgetUpTo(this.acked).catch(() => {});
    for (const held of this.unstored?.keys() ?? []) if (held <= this.acked) this.unstored.delete(held);
    this.#changed();
    this.#pump();
  }

  #resend(from, to) {
    for (let seq = from; seq <= Math.min(to, this.nextSeq - 1); seq += 1) {
      if (!this.#again.includes(seq) && seq < this.#sent) this.#again.push(seq);
    }
    this.#pump();
  }

  // Send what may be sent, in order: chunks within the credit, each control after the chunks that came before it.
  async #pump() {
    this.#mustPump = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#mustPump) {
        this.#mustPump = false;
        await this.#sendWhatMay();
      }
    } finally {
      this.#isPumping = false;
    }
  }

  async #sendWhatMay() {
    while (this.link === "up" && this.#socket?.readyState === WebSocket.OPEN) {
      const control = this.controls[0];
      if (control && control.after <= this.#sent && !this.#again.length) {
        this.controls.shift();
        this.#send(control.frame);
        this.store.update({ controls: this.controls }).catch(() => {});
        continue;
      }
      const seq = this.#again.length ? this.#again[0] : this.#sent;
      const mayNot = seq >= this.nextSeq || seq > this.acked + this.#credit;
      if (mayNot || this.#socket.bufferedAmount > MOST_BUFFERED) break;
      const socket = this.#socket;
      const chunk = this.unstored?.get(seq) ?? (await this.store.chunk(seq));
      if (socket !== this.#socket || this.link !== "up") break;
      if (!chunk && seq > this.acked) break; // not put away yet: its own write pumps again
      if (chunk) socket.send(asFrame(chunk));
      if (this.#again[0] === seq) this.#again.shift();
      else this.#sent = seq + 1;
    }
    this.#announceEnd();
  }

  #announceEnd() {
    const isAll = this.phase === "finishing" && this.link === "up" && !this.controls.length;
    if (!isAll || this.#finishSent || this.acked < this.nextSeq - 1) return;
    this.#finishSent = true;
    this.#send({ type: "finish", last_seq: this.nextSeq - 1, sha256: this.isWhole ? this.sum.hex() : null });
  }

  async #finished(frame) {
    this.phase = "finished";
    await this.store.erase();
    this.#disconnect();
    this.#changed();
    this.resolveEnded?.(frame);
  }

  #hearState(frame) {
    if (!frame.cid && !this.controls.length) {
      // Changed somewhere else: follow it, without telling the server what it told us.
      if (frame.status === "paused" && this.phase === "recording") this.#setPhase("paused");
      if (frame.status === "in_progress" && this.phase === "paused") {
        this.#beginStretch();
        this.#setPhase("recording");
      }
    }
    if (frame.reason === "consent_withdrawn") this.reason = "consent";
    this.dispatchEvent(new CustomEvent("state", { detail: frame }));
  }

  #hearError(frame) {
    if (frame.code === "sum_mismatch") this.mismatch = true;
    this.dispatchEvent(new CustomEvent("refused", { detail: frame }));
  }

  #closed(code) {
    this.#socket = null;
    this.link = "down";
    if (code === Close.NOT_ALLOWED || code === Close.GONE) this.#stop(this.reason || "consent", { erase: true });
    else if (code === Close.OVER) this.#stop("over", { erase: true });
    else if (code === Close.OTHER) this.#stop("elsewhere");
    else {
      this.reason = code === Close.SIGNED_OUT ? "signed_out" : "";
      this.#reconnectLater(code);
    }
    this.#changed();
  }

  #reconnectLater(code) {
    if (!this.isLive) return;
    const step = RECONNECT_MS[Math.min(this.#attempts, RECONNECT_MS.length - 1)];
    const wait = code === Close.SIGNED_OUT ? SIGNED_OUT_RETRY_MS : step;
    this.#attempts += 1;
    this.#retry = setTimeout(() => this.connect(), wait * (0.5 + Math.random()));
  }

  #reconnectNow() {
    if (this.#socket) return;
    this.#attempts = 0;
    this.connect();
  }

  async #stop(reason, { erase = false } = {}) {
    this.reason = reason;
    this.phase = "stopped";
    if (erase) await this.store.erase();
    this.#changed();
  }

  #disconnect() {
    const socket = this.#socket;
    this.#socket = null;
    this.link = "down";
    socket?.close(1000);
  }
}

const HELLO = { type: "hello", encoding: "pcm_s16le", sample_rate: 16000, channels: 1 };

function asFrame({ seq, tMs, pcm }) {
  const frame = new Uint8Array(8 + pcm.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, seq);
  view.setUint32(4, tMs);
  frame.set(pcm, 8);
  return frame;
}
