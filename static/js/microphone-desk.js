// The microphone on the recording page: which one, what to do when it is lost or another one takes over, and what the
// recording misses meanwhile. `trouble` says why nothing is heard; event "trouble" when that changes.
import { Microphone } from "./microphone.js";
import { showToast } from "./toast.js";

export const MICROPHONE_HELP = {
  denied: "This page may not use the microphone. Allow it beside the address, then press Try again.",
  missing: "No microphone was found. Connect one, then press Try again.",
  busy: "The microphone does not open. Close other programs that use it, then press Try again.",
  insecure: "Browsers give the microphone to secure pages only. Open this page by https or on localhost.",
  unplugged: "The microphone was unplugged, or another program took it. Connect it, or choose another one.",
};
const LATE_MS = 3000;

export class MicrophoneDesk extends EventTarget {
  #lostAt = 0;
  #checkedAt = Date.now();

  constructor(microphone, recorder, select) {
    super();
    Object.assign(this, { microphone, recorder, select });
    this.trouble = "";
    microphone.addEventListener("chunk", (event) => recorder.takeChunk(event.detail));
    microphone.addEventListener("lost", () => this.lost());
    microphone.addEventListener("moved", () => this.change(""));
    microphone.addEventListener("changed", () => this.devicesChanged());
    select?.addEventListener("change", () => this.change(select.value));
    this.fill();
  }

  get chosen() {
    return this.select?.value ?? "";
  }

  // Open the chosen one; throws MicrophoneRefused, and says so.
  async open() {
    try {
      await this.microphone.open(this.chosen);
    } catch (error) {
      await this.microphone.close();
      this.#say(error.kind ?? "busy");
      throw error;
    }
    this.#lostAt = 0;
    this.#say("");
    this.fill();
  }

  async fill() {
    if (!this.select) return;
    const devices = await Microphone.list().catch(() => []);
    const current = this.microphone.deviceId || this.select.value;
    const name = (device, index) => device.label || `Microphone ${index + 1}`;
    const options = devices.map((device, index) => new Option(name(device, index), device.deviceId));
    this.select.replaceChildren(...(options.length ? options : [new Option("Default microphone", "")]));
    if (devices.some((device) => device.deviceId === current)) this.select.value = current;
  }

  devicesChanged() {
    this.fill();
    if (this.#lostAt && this.recorder.phase === "recording") this.listenAgain();
  }

  // Another one while the recording runs; what is missed in between is a named gap.
  async change(deviceId) {
    if (this.recorder.phase !== "recording") return;
    this.#lostAt ||= Date.now();
    await this.microphone.close();
    if (await this.listenAgain(deviceId)) showToast(`Now recording with ${this.microphone.label}.`);
  }

  // Unplugged: another microphone takes over when there is one; until then the page says that nothing is recorded.
  async lost() {
    this.#lostAt ||= Date.now();
    if (await this.listenAgain()) {
      showToast(`The microphone was lost. Now recording with ${this.microphone.label}.`, "bad");
    } else {
      this.#say("unplugged");
    }
  }

  // Go on hearing after a while without; `since` is when the sound ended, in ms since the epoch.
  async listenAgain(deviceId = "", since = this.#lostAt) {
    if (this.isOpening) return false;
    this.isOpening = true;
    try {
      await this.microphone.open(deviceId);
      this.recorder.bridge(since ? Date.now() - since : 0, "microphone");
      this.#lostAt = 0;
      this.#say("");
      this.fill();
      return true;
    } catch (error) {
      this.#lostAt = since || Date.now();
      this.#say(error.kind ?? "busy");
      return false;
    } finally {
      this.isOpening = false;
    }
  }

  check() {
    const now = Date.now();
    this.microphone.check(now - this.#checkedAt < LATE_MS);
    this.#checkedAt = now;
  }

  #say(trouble) {
    this.trouble = trouble;
    this.dispatchEvent(new Event("trouble"));
  }
}
