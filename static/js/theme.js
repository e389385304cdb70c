// Blocking and tiny: sets the theme before the first paint, so that no page flashes, and the key shortcuts' switch.
(function () {
  var root = document.documentElement, theme = null;
  try {
    theme = localStorage.getItem("theme");
    root.dataset.shortcuts = localStorage.getItem("shortcuts") === "off" ? "off" : "on";
  } catch { /* storage is off: follow the system */ }
  if (theme !== "light" && theme !== "dark") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  root.dataset.theme = theme;
})();
