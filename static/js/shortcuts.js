// Keys of every page. Single letters are off inside fields and can be switched off in the settings (WCAG 2.1.4).
// A page adds its own by marking an element with data-key="m": the key clicks it.
const root = document.documentElement;
const GO_WAIT_MS = 1200;
let wentAt = 0;

function isTyping(target) {
  return target.isContentEditable || target.matches?.("input:not([type=checkbox],[type=radio]),textarea,select");
}

function click(selector) {
  const target = [...document.querySelectorAll(selector)].find((node) => node.checkVisibility());
  if (target) target.click();
  return Boolean(target);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const isOff = root.dataset.shortcuts === "off";
  const key = event.key.toLowerCase();
  if (key === "/") {
    const input = [...document.querySelectorAll("[data-find] input")].find((node) => node.checkVisibility());
    input?.focus();
    if (input) event.preventDefault();
    return;
  }
  if (isOff || document.querySelector("dialog[open]:not(#shortcuts)")) return;
  if (key === "?") {
    document.getElementById("shortcuts")?.showModal();
    event.preventDefault();
  } else if (Date.now() - wentAt < GO_WAIT_MS && /^[a-z]$/.test(key)) {
    wentAt = 0;
    if (click(`[data-go="${key}"]`)) event.preventDefault();
  } else if (key === "g") {
    wentAt = Date.now();
  } else if (/^[a-z]$/.test(key) && click(`[data-key="${key}"]:not([disabled],[aria-disabled=true])`)) {
    event.preventDefault();
  }
});
