// SHA-256 whose state can be put away and taken up again: WebCrypto hashes only what is there all at once, and a
// recording must go on being summed after the page was reloaded.
const K = new Uint32Array(64);
const START = new Uint32Array(8);

// The constants are the first 32 bits of the fractions of roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3).
{
  const fraction = (value) => ((value - Math.floor(value)) * 0x100000000) >>> 0;
  let found = 0;
  for (let number = 2; found < 64; number += 1) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= number; divisor += 1) if (number % divisor === 0) isPrime = false;
    if (!isPrime) continue;
    if (found < 8) START[found] = fraction(Math.sqrt(number));
    K[found] = fraction(Math.cbrt(number));
    found += 1;
  }
}

const turn = (value, bits) => (value >>> bits) | (value << (32 - bits));

export class Sha256 {
  #words = new Uint32Array(64);

  constructor() {
    this.state = START.slice();
    this.block = new Uint8Array(64);
    this.length = 0;
  }

  // 32 bytes of state, 64 of the unfinished block, 8 of the length so far.
  save() {
    const saved = new Uint8Array(104);
    const view = new DataView(saved.buffer);
    this.state.forEach((word, index) => view.setUint32(index * 4, word));
    saved.set(this.block, 32);
    view.setFloat64(96, this.length);
    return saved;
  }

  static load(saved) {
    const hash = new Sha256();
    const view = new DataView(saved.buffer, saved.byteOffset, saved.byteLength);
    for (let index = 0; index < 8; index += 1) hash.state[index] = view.getUint32(index * 4);
    hash.block.set(saved.subarray(32, 96));
    hash.length = view.getFloat64(96);
    return hash;
  }

  update(bytes) {
    let filled = this.length % 64;
    this.length += bytes.length;
    for (let place = 0; place < bytes.length; ) {
      const take = Math.min(64 - filled, bytes.length - place);
      this.block.set(bytes.subarray(place, place + take), filled);
      place += take;
      filled += take;
      if (filled === 64) {
        this.#compress();
        filled = 0;
      }
    }
    return this;
  }

  // The sum so far; the state stays, so more may be added.
  hex() {
    const end = Sha256.load(this.save());
    const bits = this.length * 8;
    const padding = new Uint8Array(((119 - (this.length % 64)) % 64) + 9);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 0x100000000));
    view.setUint32(padding.length - 4, bits >>> 0);
    end.update(padding);
    return [...end.state].map((word) => word.toString(16).padStart(8, "0")).join("");
  }

  #compress() {
    const w = this.#words;
    const view = new DataView(this.block.buffer);
    for (let index = 0; index < 16; index += 1) w[index] = view.getUint32(index * 4);
    for (let index = 16; index < 64; index += 1) {
      const [a, b] = [w[index - 15], w[index - 2]];
      const s0 = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
      const s1 = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
      w[index] = (w[index - 16] + s0 + w[index - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = this.state;
    for (let index = 0; index < 64; index += 1) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[index] + w[index]) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, index) => {
      this.state[index] = (this.state[index] + word) | 0;
    });
  }
}
