// The browser's own copy of a recording: every chunk is here, encrypted, until the server has acknowledged it.
//
// The key is made here, cannot be read out, and is deleted with the copy. Chunks and the state that belongs to them
// (next number, clock, sum) are written in one transaction, so a page that dies leaves both or neither.
const DATABASE = "synapse-capture";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function asPromise(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function whenDone(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

async function openDatabase() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("recordings", { keyPath: "id" });
    request.result.createObjectStore("chunks", { keyPath: ["id", "seq"] });
    request.result.createObjectStore("notes", { keyPath: "id" });
  };
  return asPromise(request);
}

async function seal(key, bytes, label) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const parameters = { name: "AES-GCM", iv, additionalData: encoder.encode(label) };
  return { iv, data: await crypto.subtle.encrypt(parameters, key, bytes) };
}

async function unseal(key, sealed, label) {
  const parameters = { name: "AES-GCM", iv: sealed.iv, additionalData: encoder.encode(label) };
  return new Uint8Array(await crypto.subtle.decrypt(parameters, key, sealed.data));
}

const newKey = () => crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);

export class CaptureStore {
  #last = Promise.resolve();
  isLasting = true;

  constructor(database, id) {
    this.database = database;
    this.id = id;
    this.row = null;
  }

  // The store of one session; its `row` is null when this browser has recorded nothing of it. A browser that keeps
  // nothing (private windows of some) gets a store in memory, which `isLasting` tells.
  static async open(id) {
    try {
      return await CaptureStore.#onDisk(id);
    } catch {
      return new MemoryStore(id);
    }
  }

  static async #onDisk(id) {
    const store = new CaptureStore(await openDatabase(), id);
    store.row = (await asPromise(store.database.transaction("recordings").objectStore("recordings").get(id))) ?? null;
    return store;
  }

  // Writes happen one after the other, in the order they were asked for.
  #inTurn(work) {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  range(from, to) {
    return IDBKeyRange.bound([this.id, from], [this.id, to]);
  }

  begin(state) {
    return this.#inTurn(async () => {
      const row = { id: this.id, key: this.row?.key ?? (await newKey()), ...state };
      const transaction = this.database.transaction(["recordings", "chunks"], "readwrite");
      transaction.objectStore("chunks").delete(this.range(0, Infinity));
      transaction.objectStore("recordings").put(row);
      await whenDone(transaction);
      this.row = row;
    });
  }

  // `state` is what holds once the chunk is in; `sum` is the sum's saved state, which has sound in it.
  append(chunk, state, sum) {
    return this.#inTurn(async () => {
      const sealedChunk = await seal(this.row.key, chunk.pcm, `chunk ${this.id} ${chunk.seq}`);
      const sealedSum = await seal(this.row.key, sum, `sum ${this.id}`);
      const row = { ...this.row, ...state, sum: sealedSum };
      const transaction = this.database.transaction(["recordings", "chunks"], "readwrite");
      transaction.objectStore("chunks").put({ id: this.id, seq: chunk.seq, tMs: chunk.tMs, ...sealedChunk });
      transaction.objectStore("recordings").put(row);
      await whenDone(transaction);
      this.row = row;
    });
  }

  update(state) {
    return this.#inTurn(async () => {
      if (!this.row) return;
      const row = { ...this.row, ...state };
      const transaction = this.database.transaction("recordings", "readwrite");
      transaction.objectStore("recordings").put(row);
      await whenDone(transaction);
      this.row = row;
    });
  }

  sum() {
    return this.row?.sum ? unseal(this.row.key, this.row.sum, `sum ${this.id}`) : null;
  }

  async chunk(seq) {
    const found = await asPromise(this.database.transaction("chunks").objectStore("chunks").get([this.id, seq]));
    if (!found) return null;
    return { seq, tMs: found.tMs, pcm: await unseal(this.row.key, found, `chunk ${this.id} ${seq}`) };
  }

  forgetUpTo(seq) {
    if (seq < 0) return Promise.resolve();
    return this.#inTurn(async () => {
      const transaction = this.database.transaction("chunks", "readwrite");
      transaction.objectStore("chunks").delete(this.range(0, seq));
      await whenDone(transaction);
    });
  }

  forgetFrom(seq) {
    return this.#inTurn(async () => {
      const transaction = this.database.transaction("chunks", "readwrite");
      transaction.objectStore("chunks").delete(this.range(seq, Infinity));
      await whenDone(transaction);
    });
  }

  erase() {
    return this.#inTurn(async () => {
      const transaction = this.database.transaction(["recordings", "chunks"], "readwrite");
      transaction.objectStore("chunks").delete(this.range(0, Infinity));
      transaction.objectStore("recordings").delete(this.id);
      await whenDone(transaction);
      this.row = null;
    });
  }
}

// The same for a browser without a database: what is here is gone with the page.
export class MemoryStore {
  isLasting = false;
  row = null;
  #chunks = new Map();

  constructor(id) {
    this.id = id;
  }

  async begin(state) {
    this.#chunks.clear();
    this.row = { id: this.id, ...state };
  }

  async append(chunk, state) {
    this.#chunks.set(chunk.seq, chunk);
    Object.assign(this.row, state);
  }

  async update(state) {
    if (this.row) Object.assign(this.row, state);
  }

  sum() {
    return null;
  }

  async chunk(seq) {
    return this.#chunks.get(seq) ?? null;
  }

  async forgetUpTo(seq) {
    for (const held of this.#chunks.keys()) if (held <= seq) this.#chunks.delete(held);
  }

  async forgetFrom(seq) {
    for (const held of this.#chunks.keys()) if (held >= seq) this.#chunks.delete(held);
  }

  async erase() {
    this.#chunks.clear();
    this.row = null;
  }
}

// Ask the browser not to throw the copy away when it needs room, and return how many bytes it still gives us.
export async function roomLeft() {
  try {
    await navigator.storage.persist();
    const { quota, usage } = await navigator.storage.estimate();
    return quota - usage;
  } catch {
    return Infinity;
  }
}

// Notes that are not on the server yet, kept the same way.
export async function keepNotes(id, text, basedOn = "") {
  const database = await openDatabase();
  const key = await newKey();
  const sealed = await seal(key, encoder.encode(text), `notes ${id}`);
  const transaction = database.transaction("notes", "readwrite");
  transaction.objectStore("notes").put({ id, key, basedOn, ...sealed });
  await whenDone(transaction);
}

export async function keptNotes(id) {
  const database = await openDatabase();
  const found = await asPromise(database.transaction("notes").objectStore("notes").get(id));
  return found ? decoder.decode(await unseal(found.key, found, `notes ${id}`)) : null;
}

// The version of the server that kept notes were made from.
export async function keptNotesBase(id) {
  const database = await openDatabase();
  return (await asPromise(database.transaction("notes").objectStore("notes").get(id)))?.basedOn ?? "";
}

export async function forgetNotes(id) {
  const database = await openDatabase();
  const transaction = database.transaction("notes", "readwrite");
  transaction.objectStore("notes").delete(id);
  await whenDone(transaction);
}
