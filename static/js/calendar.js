// The calendar and the booking form: a click on free time books, a click on a visit opens its window there, the line of
// now moves on, a free time fills the form. Every one of these has a link or a field that works without this module.
const ROW_MINUTES = 15;
const two = (number) => String(number).padStart(2, "0");

// Free time -----------------------------------------------------------------------------------------------------------
function rowHeight(column) {
  const rows = Number([...column.classList].find((name) => /^ln\d+$/.test(name)).slice(2));
  return column.getBoundingClientRect().height / rows;
}

document.addEventListener("click", (event) => {
  const column = event.target.closest("[data-book]");
  if (!column) return;
  const board = column.closest("[data-calendar]");
  if (closeWindow()) return;
  const row = Math.floor((event.clientY - column.getBoundingClientRect().top) / rowHeight(column));
  // Half hours: a quarter hour is too small a target to mean it.
  const minutes = Number(board.dataset.firstHour) * 60 + Math.floor((row * ROW_MINUTES) / 30) * 30;
  window.location.assign(`${column.dataset.book}&time=${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`);
});

// The window of a visit -----------------------------------------------------------------------------------------------
let openedBy = null;

function closeWindow() {
  const pop = document.querySelector("[data-visit-pop]");
  if (!pop) return false;
  pop.remove();
  openedBy?.classList.remove("sel");
  openedBy?.focus();
  openedBy = null;
  return true;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const visit = event.target.closest?.("[data-visit]");
  if (!visit) return;
  openedBy?.classList.remove("sel");
  openedBy = visit;
  visit.classList.add("sel");
});

document.addEventListener("htmx:afterSettle", (event) => {
  const pop = event.detail.target?.querySelector?.("[data-visit-pop]");
  if (!pop || !openedBy) return;
  const board = pop.closest(".week");
  const scroller = pop.closest("[data-calendar]");
  const gap = 8;
  const right = openedBy.offsetLeft + openedBy.offsetWidth + gap;
  const fits = right + pop.offsetWidth <= scroller.scrollLeft + scroller.clientWidth;
  const left = fits ? right : openedBy.offsetLeft - pop.offsetWidth - gap;
  const lowest = scroller.scrollTop + scroller.clientHeight - pop.offsetHeight - gap;
  const highest = scroller.scrollTop + gap;
  pop.style.left = `${Math.max(gap, Math.min(left, board.clientWidth - pop.offsetWidth - gap))}px`;
  pop.style.top = `${Math.max(highest, Math.min(openedBy.offsetTop, lowest))}px`;
  pop.focus({ preventScroll: true });
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-visit-close]")) closeWindow();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && closeWindow()) event.preventDefault();
});

// The line of now -----------------------------------------------------------------------------------------------------
const line = document.querySelector("[data-now]");
if (line) {
  const loadedAt = performance.now();
  const [hour, minute] = line.dataset.now.split(":").map(Number);
  const place = () => {
    const column = document.querySelector("[data-book]");
    const passed = (minute % ROW_MINUTES) + (performance.now() - loadedAt) / 60000;
    line.style.transform = `translateY(${(passed / ROW_MINUTES) * rowHeight(column)}px)`;
    const now = hour * 60 + minute + Math.floor((performance.now() - loadedAt) / 60000);
    line.setAttribute("aria-label", `Now, ${Math.floor(now / 60) % 24}:${two(now % 60)}`);
  };
  place();
  setInterval(place, 30000);
  // The working day of a long grid begins where the reader is.
  const scroller = line.closest("[data-calendar]");
  scroller.scrollTop = Math.max(0, line.offsetTop - scroller.clientHeight / 2);
}

// The booking form ----------------------------------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (button) {
    const field = document.getElementById(button.dataset.fill);
    field.value = button.dataset.value;
    field.focus();
  }
});
