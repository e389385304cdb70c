// The transcript page: play from any line, follow while playing, name speakers, edit with the keyboard.
import { pagePlayer } from "./player.js";
import { csrfToken } from "./requests.js";

const SKIP_SHORT_MS = 5000;
let following = null;
let checkAt = -1;

const menu = () => document.querySelector("[data-speaker-menu]");
const play = (ms) => document.dispatchEvent(new CustomEvent("synapse:play", { detail: { ms } }));

document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-play-ms]");
  if (place) play(Number(place.dataset.playMs));
  const skip = event.target.closest("[data-skip]");
  if (skip) pagePlayer()?.seek(Math.max(0, pagePlayer().nowMs + Number(skip.dataset.skip)));
  const speed = event.target.closest("[data-speed]");
  if (speed) setSpeed(speed);
  const opener = event.target.closest("[data-speaker-of]");
  if (opener) openMenu(opener);
  const speaker = event.target.closest("[data-speaker]");
  if (speaker && menu()?.contains(speaker)) name(speaker.dataset.speaker);
  if (event.target.closest("[data-next-check]")) nextCheck();
});

function setSpeed(button) {
  const player = pagePlayer();
  if (!player) return;
  player.load();
  player.audio.playbackRate = Number(button.dataset.speed);
  for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
}

// One menu serves every line: it opens beside the name that was pressed.
function openMenu(opener) {
  const list = menu();
  list.dataset.segment = opener.dataset.speakerOf;
  list.opener = opener;
  list.querySelector("[data-and-below]").checked = false;
  const current = opener.textContent.trim();
  for (const button of list.querySelectorAll("[data-speaker]")) {
    button.classList.toggle("on", button.firstChild?.nextSibling?.textContent?.trim() === current);
  }
  list.showPopover();
  const box = opener.getBoundingClientRect();
  const below = Math.min(box.bottom + 4, innerHeight - list.offsetHeight - 8);
  list.style.left = `${Math.max(8, Math.min(box.left, innerWidth - list.offsetWidth - 8))}px`;
  list.style.top = `${Math.max(8, below)}px`;
  list.querySelector("button").focus();
}

// htmx carries an element's attributes over a swap, and an inline style written that way breaks the CSP.
function closeMenu(list) {
  list.hidePopover();
  list.removeAttribute("style");
}

function name(speaker) {
  const list = menu();
  const values = { speaker };
  if (list.querySelector("[data-and-below]").checked) values.and_below = "on";
  closeMenu(list);
  const url = `${list.dataset.url}${list.dataset.segment}/speaker/`;
  const line = list.dataset.segment;
  const headers = { "X-CSRFToken": csrfToken() };
  window.htmx.ajax("POST", url, { target: "#words", swap: "outerHTML", values, headers }).then(() => {
    document.querySelector(`[data-speaker-of="${line}"]`)?.focus();
  });
}

function nextCheck() {
  const checks = [...document.querySelectorAll("[data-check]")];
  if (!checks.length) return;
  checkAt = (checkAt + 1) % checks.length;
  const check = checks[checkAt];
  for (const other of checks) other.setAttribute("aria-current", String(other === check));
  check.focus();
  const line = lineAt(Number(check.dataset.playMs));
  line?.scrollIntoView({ block: "center" });
  play(Number(check.dataset.playMs));
}

function lineAt(ms) {
  const lines = [...document.querySelectorAll("[data-start-ms]")];
  return lines.findLast((line) => Number(line.dataset.startMs) <= ms) ?? null;
}

document.addEventListener("synapse:played", (event) => {
  const line = lineAt(event.detail.ms);
  const isOn = event.detail.playing || event.detail.ms > 0;
  if (line === following && line?.classList.contains("playing")) return;
  following?.classList.remove("playing");
  following = isOn ? line : null;
  following?.classList.add("playing");
  if (event.detail.playing) following?.scrollIntoView({ block: "nearest" });
});

document.addEventListener("synapse:player-error", () => {
  const detail = { text: "The recording cannot be played now. Reload the page, then try again.", kind: "bad" };
  document.dispatchEvent(new CustomEvent("synapse:toast", { detail }));
});

document.addEventListener("keydown", (event) => {
  const list = menu();
  if (list?.matches(":popover-open") && /^[1-4]$/.test(event.key)) {
    list.querySelectorAll("[data-speaker]")[Number(event.key) - 1].click();
    event.preventDefault();
    return;
  }
  const form = event.target.closest?.("[data-line-form]");
  if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    form.requestSubmit();
    event.preventDefault();
  } else if (form && event.key === "Escape") {
    form.querySelector("[data-line-cancel]").click();
  } else if (!form && event.key === " " && !event.target.closest("button,a,input,textarea,select,summary")) {
    pagePlayer()?.toggle();
    event.preventDefault();
  } else if (!form && ["ArrowLeft", "ArrowRight"].includes(event.key) && event.altKey) {
    const way = event.key === "ArrowLeft" ? -1 : 1;
    pagePlayer()?.seek(Math.max(0, pagePlayer().nowMs + way * SKIP_SHORT_MS));
    event.preventDefault();
  }
});

// The lines scroll in a box of their own: a correction must not send the reader back to the top.
let scrolledTo = 0;
document.addEventListener("htmx:beforeSwap", () => {
  scrolledTo = document.querySelector(".txb .turns")?.scrollTop ?? 0;
  menu()?.removeAttribute("style");
});

// A line that opens for editing takes the cursor to its end.
document.addEventListener("htmx:afterSwap", (event) => {
  const lines = document.querySelector(".txb .turns");
  if (lines) lines.scrollTop = scrolledTo;
  const area = event.detail.target.querySelector?.("[data-line-form] textarea");
  area?.focus();
  area?.setSelectionRange(area.value.length, area.value.length);
});
