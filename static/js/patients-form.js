// A long form in sections: ticks the ones that hold something, marks the one in view, counts them above the buttons.
// <form data-sections> holds <section data-section id="…">; [data-toc] links to them.
const form = document.querySelector("form[data-sections]");
const toc = document.querySelector("[data-toc]");
const counter = document.querySelector("[data-sections-filled]");
const sections = [...form.querySelectorAll("[data-section]")];
const linkOf = (section) => toc.querySelector(`a[href="#${section.id}"]`);

function isFilled(section) {
  return [...section.querySelectorAll("input:not([type=hidden]),select,textarea")].some((field) =>
    field.type === "radio" || field.type === "checkbox" ? field.checked : field.value.trim() !== "",
  );
}

function setIcon(link, name) {
  const use = link.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*$/, `#${name}`));
}

function tick() {
  const filled = sections.filter(isFilled);
  for (const section of sections) {
    const hasText = filled.includes(section);
    linkOf(section).classList.toggle("ok", hasText);
    setIcon(linkOf(section), hasText ? "circle-check" : "circle-dashed");
  }
  counter.textContent = `${filled.length} of ${sections.length} sections filled in`;
}

function follow() {
  const edge = window.innerHeight * 0.4;
  const passed = sections.filter((section) => section.getBoundingClientRect().top < edge);
  const current = passed.at(-1) ?? sections[0];
  for (const section of sections) {
    if (section === current) linkOf(section).setAttribute("aria-current", "true");
    else linkOf(section).removeAttribute("aria-current");
  }
}

form.addEventListener("input", tick);

// A reload or a way out asks first once something was typed.
let isTyped = false;
form.addEventListener("input", () => {
  isTyped = true;
});
form.addEventListener("submit", () => {
  isTyped = false;
});
window.addEventListener("beforeunload", (event) => {
  if (isTyped) event.preventDefault();
});
window.addEventListener("scroll", follow, { passive: true });
tick();
follow();
