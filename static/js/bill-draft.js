// A draft of a bill: a code that is chosen brings its name and price from the fee schedule into fields that are empty,
// and removed rows leave the list. The form works without this module.
import { postForm } from "./requests.js";

const isOurs = (node) => node instanceof HTMLInputElement && node.closest("[data-bill-draft]");

document.addEventListener("change", async (event) => {
  const code = event.target;
  if (!isOurs(code) || !code.name.endsWith("-cpt_code") || !code.value.trim()) return;
  const field = (name) => code.form.querySelector(`[name="${code.name.replace("cpt_code", name)}"]`);
  if (field("description").value.trim() && field("unit_price").value.trim()) return;
  const answer = await postForm(code.form.dataset.priceUrl, { code: code.value });
  if (!answer.ok) return;
  for (const [name, value] of Object.entries(await answer.json())) {
    const control = field(name);
    if (!value || !control || control.value.trim()) continue;
    control.value = value;
    control.dispatchEvent(new Event("input", { bubbles: true }));
  }
});

// What was typed and not saved is not left by mistake.
let isChanged = false;
let isLeaving = false;
document.addEventListener("input", (event) => {
  if (isOurs(event.target) || event.target.closest?.("[data-bill-draft]")) isChanged = true;
});
document.addEventListener("submit", (event) => {
  if (event.target.closest("[data-bill-draft]")) isLeaving = true;
});
window.addEventListener("pageshow", () => {
  isLeaving = false;
});
window.addEventListener("beforeunload", (event) => {
  if (isChanged && !isLeaving) event.preventDefault();
});
