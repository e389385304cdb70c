// Short messages at the bottom of the page, announced politely. Server messages arrive as the event synapse:toast.
const LIFETIME_MS = 8000;

export function showToast(text, kind = "") {
  const area = document.querySelector("[data-toasts]");
  if (!area) return;
  const toast = document.createElement("div");
  toast.className = `toast ${kind}`;
  toast.append(text);
  toast.append(closeButton());
  area.append(toast);
  setTimeout(() => toast.remove(), LIFETIME_MS);
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
