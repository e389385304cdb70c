// The way of sound to the server in parts. A request is asked again until the server answers: a cut, a restart or a
// sign-out only delays it. Only a rule that was broken ends it, with the server's sentence.
import { csrfToken } from "./requests.js";

const RETRY_MS = [500, 1000, 2000, 4000, 8000, 10000];
const BUSY_MS = 1000;
const SIGNED_OUT_MS = 5000;
const LOCKED_MS = 2000;

export class Refused extends Error {
  constructor({ code, message }) {
    super(message);
    this.code = code;
  }
}

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Until the next try: sooner when the browser is online again.
function waitForLink(milliseconds) {
  return Promise.race([wait(milliseconds), new Promise((done) => addEventListener("online", done, { once: true }))]);
}

export class PartUpload extends EventTarget {
  constructor(urls = {}) {
    super();
    Object.assign(this, urls); // partUrl, finishUrl, stopUrl once it is open
    this.trouble = ""; // "", lost, locked, signed_out
    this.token = csrfToken();
  }

  // Begin, or go on with the same file: returns the bytes the server has.
  async open(openUrl, values) {
    const answer = await this.#ask(openUrl, new URLSearchParams(values));
    this.partUrl = answer.part_url;
    this.finishUrl = answer.finish_url;
    this.stopUrl = answer.stop_url;
    return answer.offset;
  }

  // Send the bytes that begin at `offset`; returns where the server stands then, which another window may have moved.
  async send(offset, bytes) {
    return (await this.#ask(`${this.partUrl}?offset=${offset}`, bytes)).offset;
  }

  async finish(sha256) {
    return this.#ask(this.finishUrl, new URLSearchParams({ sha256 }));
  }

  async #ask(url, body) {
    for (let attempt = 0; ; attempt += 1) {
      const pause = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] * (0.5 + Math.random());
      const answer = await this.#askOnce(url, body);
      if (answer.data) {
        this.#say("");
        return answer.data;
      }
      this.#say(answer.trouble);
      await waitForLink(answer.pause ?? pause);
    }
  }

  // Returns {data} for an answer that counts, else {trouble, pause} to ask again. Throws Refused.
  async #askOnce(url, body) {
    let response;
    try {
      const headers = { "X-CSRFToken": this.token, Accept: "application/json" };
      if (body instanceof Uint8Array) headers["Content-Type"] = "application/octet-stream";
      response = await fetch(url, { method: "POST", body, headers });
    } catch {
      return { trouble: "lost" };
    }
    const isJson = response.headers.get("Content-Type")?.includes("json");
    const data = isJson ? await response.json().catch(() => null) : null;
    if (response.ok && data && !response.redirected) return { data };
    if (response.redirected || (response.status === 403 && !data)) {
      await this.#renewToken();
      return { trouble: "signed_out", pause: SIGNED_OUT_MS };
    }
    const error = data?.error;
    if (error?.code === "locked") return { trouble: "locked", pause: LOCKED_MS };
    if (error?.code === "wrong_offset") return { data: { offset: error.offset } };
    if (error?.code === "upload_busy") return { trouble: "", pause: BUSY_MS };
    if (error && (response.status < 500 || error.code === "storage_low")) throw new Refused(error);
    if (response.status === 404) throw new Refused({ code: "gone", message: "This session is not yours any more." });
    return { trouble: "lost" };
  }

  // Signing in again, perhaps in another tab, gives the browser another token than this page was made with.
  async #renewToken() {
    try {
      const page = await (await fetch(location.pathname)).text();
      const made = new DOMParser().parseFromString(page, "text/html");
      this.token = made.querySelector('meta[name="csrf-token"]')?.content ?? this.token;
    } catch {
      // Still cut off: the next try asks again.
    }
  }

  #say(trouble) {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    this.dispatchEvent(new Event("trouble"));
  }
}
