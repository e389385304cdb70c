// The list for paper: the browser's print dialog opens at once, and again by the button.
document.querySelector("[data-print]").addEventListener("click", () => window.print());
window.addEventListener("load", () => window.print());
