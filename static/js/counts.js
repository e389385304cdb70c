// The numbers beside the links: counted by a request of their own, so that no page waits for them. A page whose numbers
// are fresh asks for none; something done in place asks again.
const rail = document.querySelector("[data-counts]");

async function countAgain() {
  let counts;
  try {
    const response = await fetch(rail.dataset.counts, { headers: { Accept: "application/json" }, redirect: "manual" });
    if (!response.ok) return;
    ({ counts } = await response.json());
  } catch {
    return; // signed out, locked or without a connection: what the user does next says so
  }
  for (const place of document.querySelectorAll("[data-count]")) {
    const number = counts[place.dataset.count] ?? 0;
    place.firstChild.nodeValue = String(number);
    place.hidden = !number;
  }
}

if (rail) {
  if (!("countsFresh" in rail.dataset)) countAgain();
  document.addEventListener("synapse:counts", countAgain);
}
