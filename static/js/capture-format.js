// What a recording is made of: chunks of 16-bit mono PCM at 16 kHz. And how its socket takes them (see PROTOCOL.md).
export const CHUNK_MS = 200;
export const BYTES_PER_MS = 32;
export const HELLO = { type: "hello", encoding: "pcm_s16le", sample_rate: 16000, channels: 1 };
export const Close = { SIGNED_OUT: 4401, NOT_ALLOWED: 4403, GONE: 4404, OTHER: 4409, OVER: 4410 };

// The binary frame of a chunk: its number, its place on the recording clock, its sound.
export function asFrame({ seq, tMs, pcm }) {
  const frame = new Uint8Array(8 + pcm.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, seq);
  view.setUint32(4, tMs);
  frame.set(pcm, 8);
  return frame;
}
