// The tablet in a patient's hands: a signature is drawn with finger, pen or mouse, and what was done so far is kept on
// the server after each step, so that a reload or a change of language loses nothing.
import { postForm } from "./requests.js";

const WIDTH = 1000;
const HEIGHT = 300;
const LINE = 5;
const KEEP_AFTER_MS = 400;

const form = document.querySelector("[data-tablet]");
const canvas = form?.querySelector("[data-sign]");
const field = form?.elements.strokes;
let strokes = [];
let drawing = null;
let timer = 0;

// The field is 1000 by 300 whatever the canvas: the drawing keeps its proportions on every screen.
function scale() {
  return Math.min(canvas.width / WIDTH, canvas.height / HEIGHT);
}

function offset() {
  const by = scale();
  return [(canvas.width - WIDTH * by) / 2, (canvas.height - HEIGHT * by) / 2];
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  const dots = canvas.width / box.width;
  const [left, top] = offset();
  const x = Math.round(((event.clientX - box.left) * dots - left) / scale());
  const y = Math.round(((event.clientY - box.top) * dots - top) / scale());
  return [Math.max(0, Math.min(WIDTH, x)), Math.max(0, Math.min(HEIGHT, y))];
}

function paint() {
  const dots = window.devicePixelRatio || 1;
  const box = canvas.getBoundingClientRect();
  canvas.width = Math.round(box.width * dots);
  canvas.height = Math.round(box.height * dots);
  const pen = canvas.getContext("2d");
  pen.translate(...offset());
  pen.scale(scale(), scale());
  pen.lineWidth = LINE;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = getComputedStyle(canvas).color;
  for (const stroke of drawing ? [...strokes, drawing] : strokes) {
    pen.beginPath();
    stroke.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    if (stroke.length === 1) pen.lineTo(stroke[0][0] + 0.1, stroke[0][1]);
    pen.stroke();
  }
}

function store() {
  field.value = JSON.stringify(strokes);
  paint();
  keepSoon();
}

function keepSoon() {
  clearTimeout(timer);
  timer = setTimeout(keep, KEEP_AFTER_MS);
}

function keep() {
  const values = new FormData(form);
  values.delete("csrfmiddlewaretoken");
  // The page itself shows what is kept; where nothing answers, sending says so.
  postForm(form.dataset.keepUrl, values, { keepalive: true }).then(gone, () => {});
}

function gone(answer) {
  if (answer.status === 404) location.reload();
}

function begin(event) {
  if (form.elements.types.checked) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  drawing = [place(event)];
  paint();
}

function move(event) {
  if (!drawing) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) {
    const point = place(each);
    const last = drawing.at(-1);
    if (Math.abs(point[0] - last[0]) + Math.abs(point[1] - last[1]) >= 3) drawing.push(point);
  }
  paint();
}

function end() {
  if (!drawing) return;
  strokes.push(drawing);
  drawing = null;
  store();
}

if (form) {
  strokes = JSON.parse(field.value || "[]");
  canvas.addEventListener("pointerdown", begin);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  form.querySelector("[data-sign-undo]").addEventListener("click", () => {
    strokes.pop();
    store();
  });
  form.querySelector("[data-sign-clear]").addEventListener("click", () => {
    strokes = [];
    store();
  });
  form.addEventListener("input", keepSoon);
  form.addEventListener("submit", () => clearTimeout(timer));
  new ResizeObserver(paint).observe(canvas);
  document.addEventListener("click", (event) => event.target.closest("[data-theme-toggle]") && setTimeout(paint));
  paint();
  form.querySelector("[data-missing]")?.focus();
}
