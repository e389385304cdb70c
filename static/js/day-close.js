// The day close: differences while typing, and the cash from notes and coins. The server reckons again on its own.
document.querySelector("[data-print]")?.addEventListener("click", () => window.print());

const form = document.querySelector("[data-day-close]");
const HUNDRED = 100;

// Amounts are added as whole hundredths, never as floating point; null is a field left empty or not a number.
function hundredths(text) {
  const found = /^\s*(-?)(\d[\d,]*)?(?:\.(\d{1,2}))?\s*$/.exec(text);
  if (!found || (found[2] === undefined && found[3] === undefined)) return null;
  const size = Number((found[2] ?? "0").replaceAll(",", "")) * HUNDRED + Number((found[3] ?? "").padEnd(2, "0") || 0);
  return found[1] ? -size : size;
}
const written = (number) => `${number < 0 ? "−" : ""}${(Math.abs(number) / HUNDRED).toFixed(2)}`;

function reckon() {
  const pieces = [...form.querySelectorAll("[data-piece]")].filter((input) => Number(input.value) > 0);
  const worth = pieces.reduce((sum, input) => sum + hundredths(input.dataset.piece) * Number(input.value), 0);
  const shown = form.querySelector("[data-pieces-sum]");
  if (shown) shown.textContent = pieces.length ? written(worth) : "–";
  const opening = hundredths(form.elements.opening_float.value) ?? 0;
  // Without it, 300 expected and 300 counted would stand beside a difference of the whole float.
  const drawer = form.querySelector("[data-in-drawer]");
  if (drawer) {
    drawer.hidden = opening === 0;
    drawer.textContent = `With the float ${written(hundredths(drawer.closest("[data-line]").dataset.expected) + opening)}`;
  }
  for (const line of form.querySelectorAll("[data-line]")) {
    const isCash = line.hasAttribute("data-cash");
    const input = line.querySelector("input");
    if (isCash && pieces.length) input.value = (worth / HUNDRED).toFixed(2);
    const counted = hundredths(input.value);
    const cell = line.querySelector("[data-difference]");
    const difference = counted === null ? 0 : counted - hundredths(line.dataset.expected) - (isCash ? opening : 0);
    cell.textContent = counted === null ? "–" : written(difference);
    cell.classList.toggle("off", difference !== 0);
    const why = line.nextElementSibling;
    why.classList.toggle("on", difference !== 0 || why.querySelector("input").value !== "");
  }
}
if (form) {
  form.addEventListener("input", reckon);
  reckon();
}
