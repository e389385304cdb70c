// A recording that loses nothing: each chunk is put away encrypted, then sent, and forgotten only when the server has
// it on durable storage. A cut, a reload or a killed server only means that it goes on where the last ack was.
//
// Times are ms on the recording clock: it stands still in a pause and runs on through a loss.
// Events: "change" (look at the getters), "level" {levels}, "gap" {from, to}, "segment" {frame}, "live-text" {frame},
// "state" {frame}, "refused" {frame}.
import { BYTES_PER_MS, CHUNK_MS, Close, HELLO, asFrame } from "./capture-format.js";
import { Outbox } from "./outbox.js";
import { Sha256 } from "./sha256.js";
import { StallWatch } from "./stall-watch.js";
import { Uplink } from "./uplink.js";

const MOST_BUFFERED = 1024 * 1024;
const SILENT_BELOW = 0.0012; // about -58 dBFS: a muted microphone, not a quiet room
const LEAST_GAP_MS = 20; // what the server takes for rounding
const ANSWER_MS = 20000;
const LIVE = ["recording", "paused", "left", "finishing"];
const LOST_CHUNK = new Uint8Array(2); // one sample stands for a chunk that is gone: its place stays empty

export class Recorder extends EventTarget {
  #credit = 0;
  #sent = 0; // next seq to send on this socket
  #sentMs = 0; // where the last chunk that was sent ends
  #again = []; // seqs the server asked for
  #isPumping = false;
  #mustPump = false;
  #stall = new StallWatch();
  #finishSent = false;
  #token = ""; // names our stream to the server, which gives it back at once to whoever shows it

  constructor({ id, socketPath, clockMs, hasAudio }) {
    super();
    Object.assign(this, { id, clockMs, hasAudio });
    this.phase = "idle"; // idle, recording, paused, left (the page was away for long), finishing, finished, stopped
    this.link = "down"; // down, up
    this.reason = ""; // why it stopped or cannot go on: elsewhere, consent, over, signed_out, gone
    this.outbox = null;
    this.sum = new Sha256();
    this.isWhole = true; // this browser held every chunk, so its sum counts
    this.nextSeq = 0;
    this.acked = -1;
    this.savedAt = 0;
    this.silentSince = 0;
    this.mismatch = false;
    this.ended = null;
    this.controls = []; // what was pressed and is not answered yet
    this.uplink = new Uplink(socketPath);
    this.uplink.addEventListener("open", () => this.#greet());
    this.uplink.addEventListener("frame", (event) => this.#hear(event.detail));
    this.uplink.addEventListener("down", (event) => this.#down(event.detail));
    setInterval(() => this.#tick(), 1000);
  }

  // What was recorded here before and is not finished: "recording", "paused", "finishing" or "" for nothing.
  async restore() {
    this.outbox = await Outbox.open(this.id);
    this.outbox.addEventListener("trouble", () => this.#changed());
    const row = this.store.row;
    if (!row) return "";
    this.nextSeq = row.nextSeq;
    this.acked = row.acked;
    this.clockMs = row.clockMs;
    this.isWhole = row.isWhole;
    this.#token = row.token;
    this.controls = row.controls ?? [];
    for (const control of this.controls) control.sentAt = 0;
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
    return LIVE.includes(this.phase);
  }

  get store() {
    return this.outbox?.store ?? null;
  }

  get memoryMs() {
    return this.outbox?.memoryMs(this.heldChunks) ?? 0;
  }

  // Begin, or go on after a reload; `lostMs` is how long the clock ran without us.
  async start({ lostMs = 0 } = {}) {
    if (!this.store.row) {
      this.controls = [];
      this.#token = "";
      await this.outbox.begin({
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
    this.bridge(lostMs, "away");
    await this.#setPhase("recording");
    this.outbox.watchRoom();
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

  takeChunk({ pcm, levels, endedAt }) {
    if (this.phase !== "recording") return;
    const bytes = new Uint8Array(pcm);
    const now = Date.now();
    const stall = this.#stall.hear(bytes.length / BYTES_PER_MS, endedAt);
    if (stall) this.#skip(stall.lostMs, stall.reason);
    const chunk = { seq: this.nextSeq, tMs: Math.round(this.clockMs), pcm: bytes };
    this.nextSeq += 1;
    this.clockMs += bytes.length / BYTES_PER_MS;
    this.sum.update(bytes);
    const loud = Math.max(0, ...levels);
    this.silentSince = loud > SILENT_BELOW ? 0 : this.silentSince || now;
    this.dispatchEvent(new CustomEvent("level", { detail: { levels } }));
    const state = { nextSeq: this.nextSeq, clockMs: this.clockMs, lastAt: now };
    this.outbox.put(chunk, state, this.sum.save()).then(() => this.#pump());
  }

  // The clock ran on for a while without sound.
  #skip(lostMs, reason) {
    const from = Math.round(this.clockMs);
    this.clockMs += lostMs;
    const to = Math.round(this.clockMs);
    if (to - from <= LEAST_GAP_MS) return;
    this.#control({ type: "gap", from_ms: from, to_ms: to, reason });
    this.dispatchEvent(new CustomEvent("gap", { detail: { from, to } }));
  }

  #beginStretch() {
    this.#stall.begin();
    this.silentSince = 0;
  }

  #tick() {
    this.#stall.tick();
    if (!this.isLive) return;
    const isLate = this.controls.some((control) => control.sentAt && Date.now() - control.sentAt > ANSWER_MS);
    if (isLate && this.link === "up") this.uplink.renew();
    else this.uplink.check(this.heldChunks > 0 || this.phase === "finishing");
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

  // Nothing was heard for a while: the microphone, or this page, was away.
  bridge(lostMs, reason) {
    this.#skip(lostMs, reason);
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
    this.controls.push({ frame: { ...frame, cid: crypto.randomUUID() }, after: this.nextSeq, sentAt: 0 });
    this.#keepControls();
    this.#pump();
  }

  #keepControls() {
    this.store.update({ controls: this.controls }).catch(() => {});
  }

  #answered(cid) {
    this.controls = this.controls.filter((control) => control.frame.cid !== cid);
    this.#keepControls();
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

  connect() {
    if (this.isLive) this.uplink.open();
  }

  #greet() {
    this.uplink.send(this.#token ? { ...HELLO, stream: this.#token } : HELLO);
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
    else if (frame.type === "live_text") this.dispatchEvent(new CustomEvent("live-text", { detail: frame }));
    else if (frame.type === "state") this.#hearState(frame);
    else if (frame.type === "error") this.#hearError(frame);
  }

  async #ready(frame) {
    const socket = this.uplink.whose;
    const isOurs = !this.#token || frame.stream === this.#token;
    this.uplink.isSettled();
    this.#token = frame.stream;
    this.#credit = frame.credit;
    this.#finishSent = false;
    this.reason = "";
    if (frame.next_seq > this.nextSeq || !isOurs) {
      // Another device went on meanwhile: our numbers and our sum do not count any more.
      await this.store.forgetFrom(0).catch(() => {});
      this.nextSeq = frame.next_seq;
      this.isWhole = false;
      this.clockMs = Math.max(this.clockMs, frame.t_ms ?? 0);
      await this.store.update({ nextSeq: this.nextSeq, isWhole: false, clockMs: this.clockMs });
    }
    this.acked = frame.next_seq - 1;
    this.#sent = frame.next_seq;
    this.#sentMs = frame.t_ms ?? 0;
    this.#again = [];
    for (const control of this.controls) control.sentAt = 0;
    // Before the first chunk goes out: once the server has heard one, only the token takes the stream back at once, and
    // the page may be loaded again at any moment.
    await this.store.update({ token: frame.stream, acked: this.acked }).catch(() => {});
    if (socket !== this.uplink.whose) return;
    this.link = "up";
    await this.outbox.forgetUpTo(this.acked);
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
    this.outbox.forgetUpTo(this.acked);
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
    while (this.link === "up" && this.uplink.isOpen) {
      const control = this.controls.find((waiting) => !waiting.sentAt);
      if (control && control.after <= this.#sent && !this.#again.length) {
        control.sentAt = Date.now();
        this.uplink.send(control.frame);
        continue;
      }
      const seq = this.#again.length ? this.#again[0] : this.#sent;
      const mayNot = seq >= this.nextSeq || seq > this.acked + this.#credit;
      if (mayNot || this.uplink.unsentBytes > MOST_BUFFERED || this.outbox.isWriting(seq)) break;
      const socket = this.uplink.whose;
      const chunk = await this.#chunk(seq);
      if (socket !== this.uplink.whose || this.link !== "up") break;
      if (seq > this.acked) this.#sendChunk(chunk);
      if (this.#again[0] === seq) this.#again.shift();
      else this.#sent = seq + 1;
    }
    this.#announceEnd();
  }

  async #chunk(seq) {
    const chunk = await this.outbox.chunk(seq);
    if (chunk || seq <= this.acked) return chunk;
    // It was in memory only and went with an earlier page. What is there is no whole recording any more.
    if (this.isWhole) {
      this.isWhole = false;
      await this.store.update({ isWhole: false }).catch(() => {});
    }
    return { seq, tMs: this.#sentMs, pcm: LOST_CHUNK };
  }

  #sendChunk(chunk) {
    this.uplink.sendBytes(asFrame(chunk));
    this.#sentMs = chunk.tMs + Math.floor(chunk.pcm.length / BYTES_PER_MS);
  }

  #announceEnd() {
    const isAll = this.phase === "finishing" && this.link === "up" && !this.controls.length;
    if (!isAll || this.#finishSent || this.acked < this.nextSeq - 1) return;
    this.#finishSent = true;
    this.uplink.send({ type: "finish", last_seq: this.nextSeq - 1, sha256: this.isWhole ? this.sum.hex() : null });
  }

  async #finished(frame) {
    this.phase = "finished";
    await this.store.erase().catch(() => {});
    this.#disconnect();
    this.#changed();
    this.resolveEnded?.(frame);
  }

  #hearState(frame) {
    if (frame.cid) this.#answered(frame.cid);
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
    if (frame.cid) this.#answered(frame.cid);
    if (frame.code === "sum_mismatch") this.mismatch = true;
    this.dispatchEvent(new CustomEvent("refused", { detail: frame }));
  }

  #down(code) {
    this.link = "down";
    if (code === Close.NOT_ALLOWED || code === Close.GONE) this.#stop(this.reason || "consent", { erase: true });
    else if (code === Close.OVER) this.#stop("over", { erase: true });
    else if (code === Close.OTHER) this.#stop("elsewhere");
    else this.reason = code === Close.SIGNED_OUT ? "signed_out" : "";
    this.#changed();
  }

  async #stop(reason, { erase = false } = {}) {
    this.reason = reason;
    this.phase = "stopped";
    this.#disconnect();
    if (erase) await this.store.erase().catch(() => {});
    this.#changed();
  }

  #disconnect() {
    this.link = "down";
    this.outbox.rest();
    this.uplink.close();
  }
}
