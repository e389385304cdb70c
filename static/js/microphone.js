// One microphone, opened, heard through the worklet, changed and closed. Says what happens by events:
// chunk {pcm, levels, endedAt}, lost (unplugged, taken away, or the worklet broke), changed (the list of microphones is
// another one), moved (the system's default is another microphone now).
const DEAF_MS = 4000; // open, awake, and no sound came: the system holds the microphone, or the worklet is stuck
const WORKLET = new URL("./pcm-worklet.js", import.meta.url);
const SAMPLE_RATE = 16000;

export class MicrophoneRefused extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind; // denied, missing, busy, insecure
  }
}

export class Microphone extends EventTarget {
  constructor(processing, workletUrl) {
    super();
    this.processing = processing;
    this.workletUrl = workletUrl ?? WORKLET;
    this.stream = null;
    this.context = null;
    this.heardAt = 0;
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#devicesChanged());
    document.addEventListener("visibilitychange", () => this.#wake());
    document.addEventListener("resume", () => this.#wake());
    addEventListener("pointerdown", () => this.#wake());
  }

  get isOpen() {
    return Boolean(this.stream);
  }

  get label() {
    return this.stream?.getAudioTracks()[0]?.label ?? "";
  }

  get deviceId() {
    return this.stream?.getAudioTracks()[0]?.getSettings().deviceId ?? "";
  }

  // Names are empty until the microphone was allowed once.
  static async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices.filter((device) => device.kind === "audioinput" && device.deviceId);
  }

  async open(deviceId = "") {
    if (!navigator.mediaDevices?.getUserMedia) throw new MicrophoneRefused("insecure");
    const audio = { channelCount: 1, ...this.processing };
    if (deviceId) audio.deviceId = { exact: deviceId };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      if (deviceId && error.name === "OverconstrainedError") return this.open();
      const kinds = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing" };
      throw new MicrophoneRefused(kinds[error.name] ?? "busy");
    }
    const [track] = this.stream.getAudioTracks();
    track.addEventListener("ended", () => this.#lose(track));
    this.isDefault = !deviceId || deviceId === "default";
    this.heardAt = Date.now();
    this.context = new AudioContext({ sampleRate: SAMPLE_RATE, latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(this.workletUrl);
    try {
      this.source = this.context.createMediaStreamSource(this.stream);
    } catch {
      // This browser wants the microphone's own rate; the worklet brings it down.
      await this.context.close();
      this.context = new AudioContext();
      await this.context.audioWorklet.addModule(this.workletUrl);
      this.source = this.context.createMediaStreamSource(this.stream);
    }
    this.node = new AudioWorkletNode(this.context, "pcm-worklet", { numberOfOutputs: 0 });
    this.node.port.onmessage = (event) => this.#hear(event.data);
    this.node.onprocessorerror = () => this.#lose(track);
    // The system takes the sound away for a call and gives it back.
    this.context.onstatechange = () => this.#wake();
    this.source.connect(this.node);
    if (this.context.state === "suspended") await this.context.resume();
    return this;
  }

  // Let out what is in the worklet, then close; chunks that are under way arrive before this ends.
  async close() {
    if (!this.stream) return;
    const { stream, context, node } = this;
    this.stream = null;
    if (context.state === "running") {
      await new Promise((resolve) => {
        this.flushed = resolve;
        node.port.postMessage("flush");
        setTimeout(resolve, 500);
      });
    }
    for (const track of stream.getTracks()) track.stop();
    await context.close().catch(() => {});
  }

  // Called every few moments by the page; `isAwake` is whether the page itself ran in between.
  check(isAwake) {
    if (!this.stream || !isAwake) {
      this.heardAt = Date.now();
      return;
    }
    if (Date.now() - this.heardAt < DEAF_MS) return;
    this.heardAt = Date.now();
    if (this.context.state === "running") this.#lose(this.stream.getAudioTracks()[0]);
    else this.#wake();
  }

  #wake() {
    if (this.stream && this.context && !["running", "closed"].includes(this.context.state)) {
      this.context.resume().catch(() => {});
    }
  }

  #hear(message) {
    this.heardAt = Date.now();
    if (message.flushed) this.flushed?.();
    else this.dispatchEvent(new CustomEvent("chunk", { detail: message }));
  }

  async #devicesChanged() {
    this.dispatchEvent(new Event("changed"));
    if (!this.stream || !this.isDefault) return;
    const devices = (await navigator.mediaDevices.enumerateDevices()) ?? [];
    const now = devices.find((device) => device.kind === "audioinput" && device.deviceId === "default");
    const ours = this.stream?.getAudioTracks()[0]?.getSettings().groupId;
    if (now?.groupId && ours && now.groupId !== ours) this.dispatchEvent(new Event("moved"));
  }

  async #lose(track) {
    if (this.stream?.getAudioTracks()[0] !== track) return;
    await this.close();
    this.dispatchEvent(new Event("lost"));
  }
}
