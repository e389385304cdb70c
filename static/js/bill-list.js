// The list of bills: says how many are chosen and what they add up to, chooses a whole page, and a range with Shift.
// The bar itself appears by style alone, so it works without this file.
const CENTS = 100;

const form = document.querySelector("[data-bills]");
const boxes = () => [...form.querySelectorAll("[data-bill] .ck")];
let last = null;

// Amounts come as decimal strings; they are added as whole hundredths, never as floating point.
const hundredths = (text) => {
  const [whole, cents = ""] = text.split(".");
  return Number(whole) * CENTS + Number(cents.padEnd(2, "0").slice(0, 2));
};

function describe() {
  const everything = form.querySelector("[data-choose-everything]");
  const page = form.querySelector("[data-choose-page]");
  const all = boxes();
  const chosen = all.filter((box) => box.checked);
  page.checked = chosen.length === all.length;
  page.indeterminate = chosen.length > 0 && chosen.length < all.length;
  const text = form.querySelector("[data-chosen-text]");
  if (everything?.checked) {
    text.textContent = `${everything.dataset.everything} chosen`;
    return;
  }
  const sums = new Map();
  for (const box of chosen) {
    const { currency, open } = box.dataset;
    sums.set(currency, (sums.get(currency) ?? 0) + hundredths(open));
  }
  const words = [...sums].map(([currency, sum]) =>
    new Intl.NumberFormat(form.dataset.locale, { style: "currency", currency }).format(sum / CENTS),
  );
  text.textContent = [`${chosen.length} chosen`, ...words].join(", ");
}

if (form) {
  form.addEventListener("click", (event) => {
    const box = event.target.closest("[data-bill] .ck");
    if (!box) return;
    const all = boxes();
    if (event.shiftKey && last) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      for (const each of all.slice(from, to + 1)) each.checked = box.checked;
    }
    last = box;
  });
  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-choose-page]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches("[data-choose-everything]") && event.target.checked) for (const box of boxes()) box.checked = true;
    describe();
  });
  form.addEventListener("reset", () => setTimeout(describe));
  // J and K move through the bills, X chooses the one in focus.
  document.addEventListener("keydown", (event) => {
    if (document.documentElement.dataset.shortcuts === "off") return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not(.ck), select, textarea, dialog")) return;
    const all = boxes();
    const current = all.indexOf(event.target.closest("[data-bill]")?.querySelector(".ck"));
    if (event.key === "j") all[Math.min(current + 1, all.length - 1)].focus();
    else if (event.key === "k") all[Math.max(current - 1, 0)].focus();
    else if (event.key === "x" && current >= 0) all[current].click();
    else return;
    event.preventDefault();
  });
  // The page may come back from the browser's store with boxes still ticked.
  window.addEventListener("pageshow", describe);
  describe();
}
