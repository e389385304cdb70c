// Form fields: the error summary takes the focus, its links go to their fields, a password can be shown, a file that is
// too large is told before it is sent.
function focusSummary(root) {
  root.querySelector("[data-error-summary]")?.focus();
}
focusSummary(document);
document.addEventListener("htmx:afterSettle", (event) => focusSummary(event.detail.elt));

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-error-summary] a");
  if (link) {
    const field = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (field) {
      event.preventDefault();
      field.focus();
      (field.closest(".fg") ?? field).scrollIntoView({ block: "center" });
    }
  }
  const reveal = event.target.closest("[data-reveal]");
  if (reveal) {
    const input = document.getElementById(reveal.dataset.reveal);
    const isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    reveal.setAttribute("aria-pressed", String(!isShown));
    reveal.querySelector("[data-reveal-word]").textContent = isShown ? "Show" : "Hide";
  }
});

// A filter or a choice that applies at once: <select data-submit-on-change>.
document.addEventListener("change", (event) => {
  event.target.closest("[data-submit-on-change]")?.form.requestSubmit();
});

// Copy a link that is shown once: data-copy names the field.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const input = document.getElementById(button.dataset.copy);
  input.select();
  await navigator.clipboard.writeText(input.value);
  button.querySelector("[data-copy-word]").textContent = "Copied";
});

// Two presses of one button send one form.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.hasAttribute("data-many") || form.matches("[hx-post],[hx-get],[hx-put],[hx-patch]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 3000);
});

// A file over the limit would be sent for nothing: data-most-bytes, and what to do in data-too-large.
function checkSize(input) {
  const tooLarge = [...input.files].some((file) => file.size > Number(input.dataset.mostBytes));
  input.setCustomValidity(tooLarge ? input.dataset.tooLarge : "");
  return input.reportValidity();
}
document.addEventListener("change", (event) => {
  if (event.target.matches("input[data-most-bytes]")) checkSize(event.target);
});
document.addEventListener(
  "submit",
  (event) => {
    const inputs = [...event.target.querySelectorAll("input[data-most-bytes]")];
    if (!inputs.every(checkSize)) event.preventDefault();
  },
  { capture: true },
);
