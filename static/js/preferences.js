// What this browser remembers: the theme and whether single keys act. theme.js applies both before the first paint.
const root = document.documentElement;

function remember(name, value) {
  try {
    if (value) localStorage.setItem(name, value);
    else localStorage.removeItem(name);
  } catch {
    // Storage is off: the choice holds for this page.
  }
}

function recall(name) {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

function applyTheme(choice) {
  root.dataset.theme = choice || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  remember("theme", choice);
  for (const select of document.querySelectorAll("[data-theme-choice]")) select.value = choice;
  document.dispatchEvent(new CustomEvent("synapse:theme"));
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-theme-toggle]")) applyTheme(root.dataset.theme === "dark" ? "light" : "dark");
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-theme-choice]")) applyTheme(event.target.value);
  if (event.target.matches("[data-shortcut-switch]")) {
    root.dataset.shortcuts = event.target.checked ? "on" : "off";
    remember("shortcuts", event.target.checked ? "" : "off");
  }
});

for (const select of document.querySelectorAll("[data-theme-choice]")) select.value = recall("theme");
for (const box of document.querySelectorAll("[data-shortcut-switch]")) box.checked = root.dataset.shortcuts !== "off";
