// Short messages at the bottom of the page, announced politely. Server messages arrive as the event synapse:toast.
const LIFETIME_MS = 8000;

// An action is a button in the message: {label, key, run}; `key` is the single letter that presses it.
export function showToast(text, kind = "", action = null) {
  const area = document.querySelector("[data-toasts]");
  if (!area) return;
  const toast = document.createElement("div");
  toast.className = `toast ${kind}`;
  toast.append(text);
  if (action) {
    // The key belongs to the latest message.
    for (const old of area.querySelectorAll("[data-key]")) old.removeAttribute("data-key");
    toast.append(actionButton(action));
  }
  toast.append(closeButton());
  area.append(toast);
  setTimeout(() => toast.remove(), LIFETIME_MS);
}

function actionButton({ label, key, run }) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.toastClose = "";
  if (key) button.dataset.key = key;
  button.textContent = label;
  button.addEventListener("click", run);
  return button;
}

function closeButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "close";
  button.dataset.toastClose = "";
  button.setAttribute("aria-label", "Close message");
  button.textContent = "×";
  return button;
}

document.addEventListener("synapse:toast", (event) => showToast(event.detail.text, event.detail.kind));
document.addEventListener("click", (event) => {
  event.target.closest("[data-toast-close]")?.closest(".toast").remove();
});
for (const toast of document.querySelectorAll("[data-toasts] .toast:not(.bad)")) {
  setTimeout(() => toast.remove(), LIFETIME_MS);
}
