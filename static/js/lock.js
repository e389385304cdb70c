// The idle lock: after a while without a touch the page is covered until its person enters the password. What was typed
// stays where it is, and a recording goes on behind the cover. All tabs of this browser lock and open together. Every four
// seconds the page asks how things stand: signed out or deactivated it shows nothing more, with another role it loads again.
import { postForm } from "./requests.js";
import { showToast } from "./toast.js";

const LOOK_MS = 1000;
const WARN_MS = 30_000;
const TELL_SERVER_MS = 60_000;
const TELL_TABS_MS = 5000;
const STANDING_MS = 4000;

const dialog = document.querySelector("[data-lock]");
const root = document.documentElement;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("synapse-lock") : null;
let touchedAt = Date.now();
let toldServerAt = Date.now();
let toldTabsAt = 0;
let hasWarned = false;
let serverKnows = false;
let titleBefore = "";

const post = (url, values) => postForm(url, values, { redirect: "manual" });

function touched() {
  if (dialog.open) return;
  const now = Date.now();
  touchedAt = now;
  hasWarned = false;
  if (now - toldTabsAt > TELL_TABS_MS) {
    toldTabsAt = now;
    channel?.postMessage("touched");
  }
  if (now - toldServerAt > TELL_SERVER_MS) {
    toldServerAt = now;
    post(dialog.dataset.activeUrl).then((answer) => answer.status === 423 && cover()).catch(() => {});
  }
}

function look() {
  if (dialog.open) {
    paintRecording();
    if (!serverKnows) tellServer();
    return;
  }
  const leftMs = Number(dialog.dataset.idleMinutes) * 60_000 - (Date.now() - touchedAt);
  if (leftMs <= 0) return lock();
  if (leftMs <= WARN_MS && !hasWarned) {
    hasWarned = true;
    showToast("This screen locks in half a minute. Press any key to keep it open.");
  }
}

function lock() {
  cover();
  channel?.postMessage("locked");
  tellServer();
}

// Until the server knows, a reload would open the page again: it is told until it answers.
async function tellServer() {
  const answer = await post(dialog.dataset.lockUrl).catch(() => null);
  serverKnows = answer !== null && answer.status < 500;
}

function cover() {
  if (dialog.open) return;
  root.dataset.locked = "";
  serverKnows = false;
  titleBefore = document.title;
  document.title = "Locked – SynapseAI";
  dialog.showModal();
  dialog.querySelector("input[type=password]").focus();
  paintRecording();
}

function uncover() {
  touchedAt = toldServerAt = Date.now();
  hasWarned = false;
  if (!dialog.open) return;
  delete root.dataset.locked;
  document.title = titleBefore;
  say("");
  dialog.querySelector("form").reset();
  dialog.close();
}

function say(text) {
  const error = dialog.querySelector("[data-lock-error]");
  error.textContent = text;
  error.hidden = !text;
}

// Also for what hears first that it is over, such as a socket that was closed.
export async function lookHowThingsStand() {
  const answer = await fetch(dialog.dataset.standingUrl).catch(() => null);
  const standing = answer?.headers.get("X-Standing");
  if (standing === "signed-out") leave();
  else if (standing === "locked") {
    cover();
    serverKnows = true;
  } else if (standing === "open" && answer.headers.get("X-Role") !== dialog.dataset.role) location.reload();
}

// What this browser records goes on behind the cover: signing in in another tab opens both again.
function leave() {
  const isCovered = dialog.open;
  cover();
  if (isRecording()) {
    if (!isCovered) say("You were signed out. Sign in again in a new tab, then come back to this one.");
    return;
  }
  document.body.replaceChildren();
  const here = location.pathname + location.search;
  location.replace(`${dialog.dataset.signInUrl}?${new URLSearchParams({ next: here })}`);
}

function isRecording() {
  const page = document.querySelector("[data-session-page],[data-dictation]");
  return ["recording", "lost", "silent", "signed_out"].includes(page?.dataset.view);
}

function paintRecording() {
  const page = document.querySelector("[data-session-page],[data-dictation]");
  const isOn = isRecording();
  dialog.querySelector("[data-lock-recording]").hidden = !isOn;
  if (isOn) dialog.querySelector("[data-lock-clock]").textContent = page.querySelector('[data-part="clock"]').textContent;
}

async function unlock(event) {
  event.preventDefault();
  const form = event.target;
  try {
    const answer = await post(form.action, { password: form.elements.password.value });
    if (answer.status === 204) {
      uncover();
      channel?.postMessage("open");
    } else if (answer.status === 422 || answer.status === 429) {
      say(await answer.text());
      form.elements.password.select();
    } else {
      say("You were signed out meanwhile. Sign in again in a new tab, then come back to this one.");
    }
  } catch {
    say("The server does not answer. Check the connection, then try again.");
  }
}

// Signed in again in another tab: the session there is open, so this one opens with it.
async function lookAgain() {
  if (document.visibilityState !== "visible" || !dialog.open || !serverKnows) return;
  const answer = await post(dialog.dataset.activeUrl).catch(() => null);
  if (answer?.status === 204) uncover();
}

if (dialog) {
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
    addEventListener(kind, touched, { passive: true, capture: true });
  }
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.querySelector("[data-lock-form]").addEventListener("submit", unlock);
  document.addEventListener("click", (event) => event.target.closest("[data-lock-now]") && lock());
  document.addEventListener("visibilitychange", () => {
    look();
    if (!document.hidden) lookHowThingsStand();
    lookAgain();
  });
  channel?.addEventListener("message", ({ data }) => {
    if (data === "locked") cover();
    else if (data === "open") uncover();
    else if (!dialog.open) touchedAt = Date.now();
  });
  setInterval(look, LOOK_MS);
  setInterval(() => document.hidden || lookHowThingsStand(), STANDING_MS);
}
