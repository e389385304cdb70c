// The chunks that wait for the server's acknowledgement: in the browser's store, or in memory while it has no room.
// Event "trouble": look at `trouble`.
import { BYTES_PER_MS, CHUNK_MS } from "./capture-format.js";
import { CaptureStore, MemoryStore, roomLeft } from "./capture-store.js";

const LITTLE_ROOM = 60 * 60 * 1000 * BYTES_PER_MS; // bytes of an hour of sound
const ROOM_CHECK_MS = 60000;

export class Outbox extends EventTarget {
  #writing = new Set();
  #unstored = new Map();
  #check = null;

  constructor(store) {
    super();
    this.store = store;
    this.trouble = ""; // low (little room), full, none (this browser keeps nothing)
  }

  static async open(id) {
    return new Outbox(await CaptureStore.open(id));
  }

  async begin(state) {
    try {
      await this.store.begin(state);
    } catch {
      this.store = new MemoryStore(this.store.id);
      await this.store.begin(state);
    }
  }

  isWriting(seq) {
    return this.#writing.has(seq);
  }

  async put(chunk, state, sum) {
    this.#writing.add(chunk.seq);
    try {
      await this.store.append(chunk, state, sum);
      if (this.trouble === "full") this.#say("");
    } catch {
      this.#unstored.set(chunk.seq, chunk);
      this.#say("full");
    }
    this.#writing.delete(chunk.seq);
  }

  // Null when it was in memory only and went with an earlier page.
  async chunk(seq) {
    return this.#unstored.get(seq) ?? (await this.store.chunk(seq).catch(() => null));
  }

  async forgetUpTo(seq) {
    for (const held of this.#unstored.keys()) if (held <= seq) this.#unstored.delete(held);
    await this.store.forgetUpTo(seq).catch(() => {});
  }

  // How much of what is held here is in memory only and would go with the page.
  memoryMs(heldChunks) {
    return (this.store.isLasting ? Math.min(heldChunks, this.#unstored.size) : heldChunks) * CHUNK_MS;
  }

  async watchRoom() {
    clearTimeout(this.#check);
    if (!this.store.isLasting) this.#say("none");
    else if (this.trouble !== "full") this.#say((await roomLeft()) < LITTLE_ROOM ? "low" : "");
    this.#check = setTimeout(() => this.watchRoom(), ROOM_CHECK_MS);
  }

  rest() {
    clearTimeout(this.#check);
  }

  #say(trouble) {
    if (this.trouble === trouble) return;
    this.trouble = trouble;
    this.dispatchEvent(new Event("trouble"));
  }
}
