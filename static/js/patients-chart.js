// The parts of a chart that other pages draw: the chosen link of [data-panels] is the current one.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-panels] a");
  if (!link) return;
  for (const other of link.parentElement.querySelectorAll("a")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
});
