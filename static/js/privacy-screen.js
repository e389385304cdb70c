// The privacy screen: one key hides every word of a running session from whoever looks over the shoulder. Recording, marks
// and notes go on behind it; the clock and the buttons stay.
const page = document.querySelector("[data-session-page]");

function show(isHidden) {
  page.toggleAttribute("data-private", isHidden);
  for (const node of page.querySelectorAll("[data-private-part]")) node.inert = isHidden;
  page.querySelector("[data-privacy-cover]").hidden = !isHidden;
  const button = page.querySelector("[data-privacy-toggle]");
  button.setAttribute("aria-pressed", String(isHidden));
  if (isHidden) button.focus();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-privacy-toggle]")) show(!page.hasAttribute("data-private"));
});
