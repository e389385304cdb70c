// A change at another desk appears by itself: a socket says the calendar's revision, and where there is none the page asks
// every one and a half seconds. Neither says anything of a visit; the board is asked for again.
import { lookHowThingsStand } from "./lock.js";
import { catchUp, refresh, revision } from "./calendar-board.js";

const LOOK_MS = 1500;
const LONGEST_WAIT_MS = 30_000;
const SIGNED_OUT = 4401;
const page = document.querySelector("[data-live]");

let socket = null;
let waitMs = 1000;

function hear(number) {
  if (number === revision()) return;
  document.body.dispatchEvent(new CustomEvent("calendar-revision", { bubbles: true }));
  document.dispatchEvent(new CustomEvent("synapse:counts"));
  refresh();
}

function connect() {
  const url = new URL(page.dataset.socket, window.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  socket.addEventListener("message", (event) => {
    waitMs = 1000;
    hear(JSON.parse(event.data).revision);
  });
  socket.addEventListener("close", (event) => {
    socket = null;
    // Signed out the page goes, locked it is covered and comes back with what was typed.
    if (event.code === SIGNED_OUT) lookHowThingsStand();
    setTimeout(connect, waitMs);
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  });
}

async function look() {
  catchUp();
  if (document.hidden || socket?.readyState === WebSocket.OPEN) return;
  const answer = await fetch(`${page.dataset.live}?seen=${revision()}`).catch(() => null);
  if (answer?.redirected) window.location.reload();
  else if (answer?.status === 200) hear((await answer.json()).revision);
}

if (page) {
  if (page.dataset.socket) connect();
  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look);
}
