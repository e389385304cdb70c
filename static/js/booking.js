// The booking and the move form: a free time fills its fields, and a type brings its usual length and preparation until
// somebody writes their own. The fields work without this module.
const field = (form, name) => form.querySelector(`[name="${name}"]`);

function fill(form, name, value) {
  const control = field(form, name);
  if (value && control && control.type !== "hidden") control.value = value;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-slot]");
  if (!button) return;
  const form = button.closest("form");
  for (const name of ["day", "clock", "doctor", "room"]) fill(form, name, button.dataset[name]);
  const next = field(form, button.dataset.clock ? "clock" : "room");
  next.focus();
  next.dispatchEvent(new Event("change", { bubbles: true }));
});

// In the dialog over the calendar the form is sent in the background; what it asks of a page of its own goes there whole.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-whole-page]");
  if (!button) return;
  event.preventDefault();
  button.form.action = button.formAction;
  button.form.submit();
});

// Down or Enter in the search leads to who was found, and sends nothing yet.
document.addEventListener("keydown", (event) => {
  if (!event.target.matches("[data-booking] [name=query]") || !["Enter", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const first = event.target.form.querySelector("#found-patients [name=patient]");
  if (!first) return;
  first.checked = true;
  first.focus();
});

// Nobody was found: the newcomer is taken down in the same form, so that doctor and time stay.
document.addEventListener("click", (event) => {
  const newcomer = event.target.closest("[data-new-patient]")?.form.querySelector("details.new-patient");
  if (!newcomer) return;
  newcomer.open = true;
  newcomer.querySelector("input").focus();
});

document.addEventListener("input", (event) => {
  // Whoever is written down as new is not the one who was found before.
  if (event.target.matches("[data-booking] [name^=new-]")) {
    for (const found of event.target.form.querySelectorAll("#found-patients [name=patient]")) found.checked = false;
  }
  if (event.target.matches("[data-booking] :is([name=duration_minutes],[name=preparation_instructions])")) {
    event.target.dataset.own = "1";
  }
});

// Before the free times are asked for: another type or doctor has another usual length.
document.addEventListener(
  "change",
  (event) => {
    if (!event.target.matches("[data-booking] :is([name=appointment_type],[name=doctor])")) return;
    const length = field(event.target.form, "duration_minutes");
    const isTold = event.target.form.querySelector("#free-times"); // where the usual length comes with the answer
    if (length && isTold && !length.dataset.own && !field(event.target.form, "visit")) length.value = "";
  },
  true,
);

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "chosen-patient") event.detail.target.querySelector("[name=query]")?.focus();
  const usual = event.detail.target?.querySelector?.("[data-usual-minutes]");
  const form = usual?.closest("form");
  if (!form) return;
  const length = field(form, "duration_minutes");
  if (length && !length.value) length.value = usual.dataset.usualMinutes;
  const preparation = field(form, "preparation_instructions");
  if (preparation && !preparation.dataset.own && !field(form, "visit")) {
    preparation.value = usual.dataset.usualPreparation;
  }
});
