// A socket to the recording's server that comes back by itself: with jittered back-off after a cut, at once when the
// network or the page returns, and anew when the server has not been heard while it owes an answer (a half-open line).
//
// Events: "open", "frame" {frame}, "down" {code}.
import { Close } from "./capture-format.js";

const RECONNECT_MS = [500, 1000, 2000, 4000, 8000, 10000];
const SIGNED_OUT_RETRY_MS = 10000;
const SILENT_MS = 20000; // longer than the server tries a failing disk before it says so

export class Uplink extends EventTarget {
  #socket = null;
  #attempts = 0;
  #retry = null;
  #heardAt = 0;

  constructor(path) {
    super();
    this.path = path;
    this.isWanted = false;
    const comeBack = () => {
      if (this.#socket || !this.isWanted) return;
      this.#attempts = 0;
      this.open();
    };
    addEventListener("online", comeBack);
    addEventListener("pageshow", comeBack);
    document.addEventListener("resume", comeBack);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && comeBack());
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get unsentBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  open() {
    if (this.#socket) return;
    clearTimeout(this.#retry);
    this.isWanted = true;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.path}`);
    this.#socket = socket;
    this.#heardAt = Date.now();
    const isOurs = () => socket === this.#socket;
    socket.onopen = () => isOurs() && this.dispatchEvent(new Event("open"));
    socket.onmessage = (event) => {
      if (!isOurs()) return;
      this.#heardAt = Date.now();
      this.dispatchEvent(new CustomEvent("frame", { detail: JSON.parse(event.data) }));
    };
    socket.onclose = (event) => isOurs() && this.#closed(event.code);
  }

  // What one socket was asked must not be sent on the next one: `whose` tells them apart.
  get whose() {
    return this.#socket;
  }

  send(frame) {
    if (this.isOpen) this.#socket.send(JSON.stringify(frame));
  }

  sendBytes(bytes) {
    if (this.isOpen) this.#socket.send(bytes);
  }

  isSettled() {
    this.#attempts = 0;
  }

  // Called every second: `isOwed` is whether the server should have answered something.
  check(isOwed) {
    if (!this.#socket || Date.now() - this.#heardAt < SILENT_MS) return;
    if (this.isOpen && !isOwed) return;
    this.renew();
  }

  // Leave this socket to its fate and take another one.
  renew() {
    const socket = this.#socket;
    if (!socket) return;
    this.#closed(1006);
    socket.close();
  }

  close() {
    this.isWanted = false;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  #closed(code) {
    this.#socket = null;
    this.dispatchEvent(new CustomEvent("down", { detail: code }));
    if (!this.isWanted) return;
    const step = RECONNECT_MS[Math.min(this.#attempts, RECONNECT_MS.length - 1)];
    this.#attempts += 1;
    const wait = code === Close.SIGNED_OUT ? SIGNED_OUT_RETRY_MS : step;
    this.#retry = setTimeout(() => this.open(), wait * (0.5 + Math.random()));
  }
}
