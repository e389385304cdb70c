// A code field finds codes by number or by words: <input data-code-search="address" data-code-system="icd10">. The list
// opens below the field, arrows move through it, Enter takes one, Escape closes it. Without this module the field is a
// text field. With data-code-several it holds codes between commas, and the last one is searched.
import { postForm } from "./requests.js";

const DELAY = 120;
let timer = 0;
let asked = 0;
let lists = 0;

const boxOf = (input) => input.closest(".field") ?? input.parentElement;
const listOf = (input) => document.getElementById(input.getAttribute("aria-controls"));
const options = (list) => (list ? [...list.querySelectorAll('[role="option"]')] : []);
const isCodeField = (node) => node instanceof HTMLInputElement && "codeSearch" in node.dataset;

function equip(input) {
  if (input.getAttribute("role") === "combobox") return;
  lists += 1;
  const list = document.createElement("div");
  list.className = "code-list";
  list.id = `code-list-${lists}`;
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Codes found");
  boxOf(input).classList.add("code-field");
  boxOf(input).append(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", list.id);
}

// What is searched: the whole text, or behind the last comma where a field holds several codes.
function parts(input) {
  if (!("codeSeveral" in input.dataset)) return ["", input.value];
  const at = input.value.search(/[^,;]*$/);
  return [input.value.slice(0, at), input.value.slice(at)];
}

function close(input) {
  asked += 1;
  clearTimeout(timer);
  const list = listOf(input);
  if (!list) return;
  list.hidden = true;
  list.replaceChildren();
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function mark(input, index) {
  options(listOf(input)).forEach((option, position) => {
    option.setAttribute("aria-selected", String(position === index));
    option.classList.toggle("on", position === index);
    if (position !== index) return;
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  });
}

function draw(input, found) {
  const list = listOf(input);
  list.replaceChildren(
    ...found.map(({ code, words, retired }, index) => {
      const option = document.createElement("div");
      option.id = `${list.id}-${index}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.code = code;
      const number = document.createElement("span");
      number.className = "num strong";
      number.textContent = code;
      const said = document.createElement("span");
      said.textContent = retired ? `${words} (retired)` : words;
      option.classList.toggle("off", retired);
      option.append(number, " ", said);
      return option;
    }),
  );
  list.hidden = found.length === 0;
  // Wider than a narrow field: where it would leave the window, it grows to the other side.
  list.classList.remove("back");
  list.classList.toggle("back", list.getBoundingClientRect().right > document.documentElement.clientWidth);
  input.setAttribute("aria-expanded", String(found.length > 0));
  input.removeAttribute("aria-activedescendant");
}

async function look(input) {
  const text = parts(input)[1].trim();
  if (!text) return close(input);
  asked += 1;
  const mine = asked;
  let found = [];
  try {
    const answer = await postForm(input.dataset.codeSearch, { system: input.dataset.codeSystem, q: text });
    if (!answer.ok) return;
    found = (await answer.json()).codes;
  } catch {
    return; // No answer, no list: what is typed still counts.
  }
  // A late answer to an earlier text, or one for a field that was left, opens nothing.
  if (mine === asked && document.activeElement === input) draw(input, found);
}

function take(input, option) {
  const [before] = parts(input);
  input.value = `${before}${before && !before.endsWith(" ") ? " " : ""}${option.dataset.code}`;
  close(input);
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

// Fields that say their codes in words do so below themselves: after loading, and whenever a code was typed or taken.
async function say(input) {
  const named = input.value.trim();
  let line = input.closest(".fg")?.querySelector(".code-says");
  let words = [];
  if (named) {
    try {
      const answer = await postForm(input.dataset.codeSearch, {
        system: input.dataset.codeSystem,
        codes: named.replace(/[\s,;]+/g, ","),
      });
      if (answer.ok) words = (await answer.json()).codes;
    } catch {
      words = [];
    }
  }
  if (input.value.trim() !== named) return;
  if (!line && words.length) {
    line = document.createElement("div");
    line.className = "hint code-says";
    line.setAttribute("role", "status");
    boxOf(input).after(line);
  }
  if (line) line.textContent = words.map((row) => `${row.code} ${row.words}`).join(" · ");
}

document.addEventListener("change", (event) => {
  if (isCodeField(event.target) && "codeSays" in event.target.dataset) say(event.target);
});
document.addEventListener("focusin", (event) => {
  if (isCodeField(event.target)) equip(event.target);
});
document.addEventListener("focusout", (event) => {
  if (isCodeField(event.target)) close(event.target);
});
document.addEventListener("input", (event) => {
  const input = event.target;
  if (!isCodeField(input)) return;
  equip(input);
  clearTimeout(timer);
  timer = setTimeout(() => look(input), DELAY);
});
document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!isCodeField(input) || event.isComposing) return;
  const all = options(listOf(input));
  const current = all.findIndex((option) => option.classList.contains("on"));
  if (event.key === "ArrowDown" && all.length) mark(input, (current + 1) % all.length);
  else if (event.key === "ArrowDown") look(input);
  else if (event.key === "ArrowUp" && all.length) mark(input, (current - 1 + all.length) % all.length);
  else if (event.key === "Enter" && current >= 0) take(input, all[current]);
  else if (event.key === "Escape" && all.length) close(input);
  else if (event.key === "Tab" && current >= 0) return take(input, all[current]);
  else return;
  event.preventDefault();
});
// Before the field loses the focus, which would close the list under the pointer.
document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.(".code-list [role=option]");
  if (!option) return;
  event.preventDefault();
  take(document.querySelector(`[aria-controls="${option.parentElement.id}"]`), option);
});
function start(root) {
  root.querySelectorAll("[data-code-search]").forEach(equip);
  for (const input of root.querySelectorAll("[data-code-says]")) if (input.value) say(input);
}
start(document);
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.querySelectorAll) start(event.target);
});
