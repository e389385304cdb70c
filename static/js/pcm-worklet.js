// Turns what the microphone gives into 16 kHz mono PCM16, 200 ms at a time, with the level of every 50 ms and the wall
// clock at its end.
const TARGET_RATE = 16000;
const CHUNK_SAMPLES = 3200;
const LEVEL_SAMPLES = 800;
const TAPS_EACH_SIDE = 24;

// A context that runs at another rate (Firefox does not resample the microphone) is brought down with a windowed sinc:
// low-pass below the new half rate, so that nothing folds back into speech.
class Resampler {
  constructor(from) {
    this.ratio = from / TARGET_RATE;
    this.cutoff = Math.min(1, 1 / this.ratio) * 0.94;
    this.reach = Math.ceil(TAPS_EACH_SIDE * Math.max(1, this.ratio));
    this.held = new Float32Array(this.reach);
    this.place = this.reach;
  }

  take(input) {
    const samples = new Float32Array(this.held.length + input.length);
    samples.set(this.held);
    samples.set(input, this.held.length);
    const out = [];
    while (this.place + this.reach < samples.length) {
      out.push(this.valueAt(samples, this.place));
      this.place += this.ratio;
    }
    const keepFrom = Math.max(0, Math.floor(this.place) - this.reach);
    this.held = samples.slice(keepFrom);
    this.place -= keepFrom;
    return out;
  }

  valueAt(samples, place) {
    const middle = Math.floor(place);
    let sum = 0;
    let weight = 0;
    for (let index = middle - this.reach + 1; index <= middle + this.reach; index += 1) {
      const distance = index - place;
      const x = distance * this.cutoff;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      const part = sinc * (0.5 + 0.5 * Math.cos((Math.PI * distance) / (this.reach + 1)));
      sum += part * (samples[index] ?? 0);
      weight += part;
    }
    return sum / weight;
  }
}

class PcmWorklet extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = sampleRate === TARGET_RATE ? null : new Resampler(sampleRate);
    this.chunk = new Int16Array(CHUNK_SAMPLES);
    this.filled = 0;
    this.levels = [];
    this.energy = 0;
    this.measured = 0;
    this.isOpen = true;
    this.port.onmessage = (event) => {
      if (event.data !== "flush") return;
      this.isOpen = false;
      this.send();
      this.port.postMessage({ flushed: true });
    };
  }

  process(inputs) {
    if (!this.isOpen) return false;
    const channel = inputs[0]?.[0];
    if (!channel) return true;
    for (const value of this.resampler ? this.resampler.take(channel) : channel) this.add(value);
    return true;
  }

  add(value) {
    const bounded = Math.max(-1, Math.min(1, value));
    this.chunk[this.filled] = Math.round(bounded * 32767);
    this.filled += 1;
    this.energy += bounded * bounded;
    this.measured += 1;
    if (this.measured === LEVEL_SAMPLES) this.measure();
    if (this.filled === CHUNK_SAMPLES) this.send();
  }

  measure() {
    this.levels.push(Math.sqrt(this.energy / Math.max(1, this.measured)));
    this.energy = 0;
    this.measured = 0;
  }

  send() {
    if (!this.filled) return;
    const pcm = this.chunk.slice(0, this.filled).buffer;
    this.port.postMessage({ pcm, levels: this.levels, endedAt: Date.now() }, [pcm]);
    this.filled = 0;
    this.levels = [];
  }
}

registerProcessor("pcm-worklet", PcmWorklet);
