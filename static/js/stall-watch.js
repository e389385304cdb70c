// Notices that the sound stood still while time went on: the device slept, or the system took the microphone.
//
// Each chunk carries the wall clock of the audio thread. A chunk that is only delivered late is followed by others at
// once; a distance to the wall clock that stays for some chunks is sound that was never captured.
const STALL_MS = 1000;
const CONFIRMING_CHUNKS = 3;
const STILL_MS = 3000;

export class StallWatch {
  constructor() {
    this.tickedAt = Date.now();
    this.stillMs = 0;
    this.begin();
  }

  // A new stretch of sound begins here.
  begin() {
    this.startedAt = 0;
    this.audioMs = 0;
    this.distances = [];
    this.stillMs = 0;
  }

  // Called every second by the page: when it was not, the page itself stood still.
  tick(now = Date.now()) {
    if (now - this.tickedAt > STILL_MS) this.stillMs += now - this.tickedAt;
    this.tickedAt = now;
  }

  // A chunk of this length ended at a wall clock time; returns {lostMs, reason} after a loss, else null.
  hear(durationMs, endedAt) {
    this.startedAt ||= endedAt - durationMs;
    this.audioMs += durationMs;
    this.distances.push(endedAt - this.startedAt - this.audioMs);
    if (this.distances.length > CONFIRMING_CHUNKS) this.distances.shift();
    const lostMs = Math.min(...this.distances);
    if (this.distances.length < CONFIRMING_CHUNKS || lostMs < STALL_MS) return null;
    this.tick();
    const reason = this.stillMs > lostMs / 2 ? "asleep" : "microphone";
    this.begin();
    this.startedAt = endedAt;
    return { lostMs, reason };
  }
}
