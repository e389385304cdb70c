// The red strip of a record that is open in an emergency: counts the minutes, and asks for the page again when they are over.
const LOOK_MS = 5000;

function look() {
  for (const strip of document.querySelectorAll("[data-emergency-until]")) {
    const leftMs = new Date(strip.dataset.emergencyUntil) - Date.now();
    if (leftMs <= 0) location.reload();
    strip.querySelector("[data-emergency-left]").textContent = Math.ceil(leftMs / 60_000);
  }
}

if (document.querySelector("[data-emergency-until]")) setInterval(look, LOOK_MS);
