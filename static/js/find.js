// Find a patient from the rail. htmx posts what is typed and fills the result list; this module moves through it.
// Results are links inside [data-find-results]; the one that Enter opens carries the class "on".
const results = (box) => box.querySelector("[data-find-results]");
const links = (box) => [...results(box).querySelectorAll("a[href]")];

function mark(box, index) {
  const all = links(box);
  const input = box.querySelector("input");
  all.forEach((link, position) => {
    link.id ||= `${input.id}-hit-${position}`;
    link.role = "option";
    link.tabIndex = -1;
    link.ariaSelected = String(position === index);
    link.classList.toggle("on", position === index);
  });
  const chosen = all[index];
  if (chosen) {
    input.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function close(box) {
  results(box).replaceChildren();
  box.querySelector("input").setAttribute("aria-expanded", "false");
}

document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.("[data-find]");
  if (!box) return;
  const all = links(box);
  const current = all.findIndex((link) => link.classList.contains("on"));
  if (event.key === "ArrowDown" && all.length) mark(box, (current + 1) % all.length);
  else if (event.key === "ArrowUp" && all.length) mark(box, (current - 1 + all.length) % all.length);
  else if (event.key === "Enter" && current >= 0) all[current].click();
  else if (event.key === "Escape") {
    close(box);
    event.target.value = "";
    event.target.blur();
  } else return;
  event.preventDefault();
});

document.addEventListener("htmx:afterSettle", (event) => {
  const box = event.target.closest?.("[data-find]");
  if (!box) return;
  const hasHits = links(box).length > 0;
  box.querySelector("input").setAttribute("aria-expanded", String(hasHits));
  // A sentence alone ("type two letters") is no list to choose from.
  if (hasHits) results(box).setAttribute("role", "listbox");
  else results(box).removeAttribute("role");
  mark(box, 0);
});

// An empty box shows nothing, and a late answer to an earlier word must not bring the list back.
document.addEventListener("htmx:beforeSwap", (event) => {
  const box = event.target.closest?.("[data-find]");
  if (box && !box.querySelector("input").value.trim()) event.detail.shouldSwap = false;
});
document.addEventListener("input", (event) => {
  const box = event.target.closest?.("[data-find]");
  if (box && !event.target.value.trim()) close(box);
});
document.addEventListener("click", (event) => {
  for (const box of document.querySelectorAll("[data-find]")) if (!box.contains(event.target)) close(box);
});
