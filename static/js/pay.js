// A payment while it is typed: the change of the cash given, what is more than is open, the fields a method needs, and
// on a patient's account how the sum is spread over the bills. The server works all of it out again.
const two = (text) => {
  const number = Number(String(text).replaceAll(",", ""));
  return Number.isFinite(number) ? Math.round(number * 100) : 0;
};

function words(form, cents) {
  const currency = form.dataset.currency;
  const locale = currency === "INR" ? "en-IN" : "en-US";
  return new Intl.NumberFormat(locale, { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(cents / 100);
}

function show(node, isShown) {
  if (node) node.hidden = !isShown;
}

function update(form) {
  const amount = two(form.elements.amount.value);
  const method = form.elements.method.value;
  for (const part of form.querySelectorAll("[data-for-method]")) show(part, part.dataset.forMethod === method);

  const given = two(form.elements.given?.value ?? "");
  const change = form.querySelector("[data-change]");
  show(change, method === "cash" && given >= amount && given > 0);
  if (change) change.querySelector("[data-change-amount]").value = words(form, Math.max(0, given - amount));

  const shares = [...form.querySelectorAll("[data-share]")];
  const spread = shares.reduce((sum, field) => sum + two(field.value), 0);
  const over = amount - (shares.length ? spread : two(form.dataset.open));
  const keep = form.elements.keep_rest;
  show(form.querySelector("[data-rest]"), over > 0 || keep?.checked);
  show(form.querySelector("[data-rest-words]"), over > 0);
  if (over > 0) form.querySelector("[data-rest-amount]").textContent = words(form, over);
  else if (keep) keep.checked = false;
  const sum = form.querySelector("[data-spread]");
  if (sum) {
    sum.textContent = words(form, spread);
    show(form.querySelector("[data-short]"), over < 0);
    form.querySelector("[data-short-amount]").textContent = words(form, Math.max(0, -over));
  }
}

// The oldest bill first, each at most what is owed on it.
function spreadOver(form) {
  let left = two(form.elements.amount.value);
  for (const field of form.querySelectorAll("[data-share]")) {
    const part = Math.min(left, two(field.dataset.share));
    field.value = part ? (part / 100).toFixed(2) : "";
    left -= part;
  }
}

function begin(root) {
  for (const form of root.querySelectorAll("form[data-pay]")) update(form);
}

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-pay]");
  if (!form) return;
  if (event.target.matches("[data-share]")) form.dataset.edited = "1";
  if (event.target.name === "amount" && !form.dataset.edited) spreadOver(form);
  update(form);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-spread-oldest]");
  if (!button) return;
  event.preventDefault();
  delete button.form.dataset.edited;
  spreadOver(button.form);
  update(button.form);
});
document.addEventListener("htmx:load", (event) => begin(event.detail.elt.parentElement ?? document));
begin(document);
