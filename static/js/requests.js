// Requests of the page: the CSRF token, and what htmx does with errors.
import { showToast } from "./toast.js";

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

// Send values as a form would, and ask for an answer that a script reads.
export function postForm(url, values = {}, options = {}) {
  const headers = { "X-CSRFToken": csrfToken(), Accept: "application/json" };
  return fetch(url, { method: "POST", body: new URLSearchParams(values), headers, ...options });
}

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = csrfToken();
});

// The server answers a refused htmx request with the sentence for the user in HX-Trigger (synapse:toast). When nothing
// came along, or nothing answered at all, say what happened and that nothing was saved.
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  if (xhr.status >= 500 && asksAgain(event)) return;
  if (xhr.getResponseHeader("HX-Trigger")?.includes("synapse:toast")) return;
  if (xhr.status === 404) showToast("This is no longer here. Reload the page to see what changed.", "bad");
  else if (xhr.status === 403) showToast("You may not do this. Reload the page, then try again.", "bad");
  else showToast("That did not work and nothing was saved. Try again.", "bad");
});
document.addEventListener("htmx:sendError", (event) => {
  if (!asksAgain(event)) showToast("The server does not answer. Check the connection, then try again.", "bad");
});
document.addEventListener("htmx:timeout", (event) => {
  if (!asksAgain(event)) showToast("The server took too long to answer. Try again.", "bad");
});

// What a page asks for every few seconds by itself comes with the next answer: nobody pressed anything that failed.
function asksAgain(event) {
  return /\bevery\b/.test(event.detail.elt.getAttribute("hx-trigger") ?? "");
}
