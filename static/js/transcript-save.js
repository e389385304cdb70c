// Every edit goes through here: one after the other, with the revision it saw; what changed comes back as lines.
import { postForm } from "./requests.js";
import { showToast } from "./toast.js";
import { box, lineOf, page } from "./transcript-lines.js";

let last = Promise.resolve();

// The server refused an edit: `answer` is what it says, with the line as it stands now when somebody else changed it.
export class Refused extends Error {
  constructor(status, answer) {
    super(answer.message ?? "That did not work and nothing was saved. Try again.");
    this.status = status;
    this.answer = answer;
  }
}

export const revision = () => Number(page().dataset.revision);

// `values.revision` is that of the page unless the caller has seen an older one. Rejects with Refused, or with the
// browser's own error when there is no connection.
export function send(path, values = {}) {
  const work = last.then(() => post(path, values));
  last = work.catch(() => {});
  return work;
}

async function post(path, values) {
  const sent = { transcription: page().dataset.transcription, revision: revision() };
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== false) sent[name] = value === true ? "on" : value;
  }
  const response = await postForm(page().dataset.url + path, sent, { redirect: "error" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer);
  apply(answer);
  return answer;
}

// As `send`, with the refusal said in a message; resolves to nothing then.
export async function ask(path, values = {}) {
  try {
    return await send(path, values);
  } catch (error) {
    showToast(error instanceof Refused ? error.message : "Not saved: the server does not answer. Try again.", "bad");
    return null;
  }
}

function apply(answer) {
  page().dataset.revision = answer.revision;
  const scrolled = box().scrollTop;
  for (const id of answer.removed) lineOf(id)?.remove();
  showLines(answer.lines);
  document.querySelector("[data-beside]").innerHTML = answer.beside;
  document.querySelector("[data-saved]").textContent = `Saved ${answer.saved_at}`;
  document.querySelector("[data-check-count]").textContent = answer.checks;
  document.querySelector("[data-check-chip]").hidden = !answer.checks;
  box().scrollTop = scrolled;
  document.dispatchEvent(new CustomEvent("synapse:lines"));
}

// A line that is being typed in is left alone: its own save says when somebody else changed it.
export function showLines(fresh) {
  for (const one of fresh) {
    const old = lineOf(one.id);
    if (old?.querySelector(".line-form")) continue;
    const line = fromMarkup(one.html);
    const hadFocus = old?.contains(document.activeElement);
    if (old) old.replaceWith(line);
    else if (one.after === null) box().prepend(line);
    else lineOf(one.after).after(line);
    if (hadFocus) line.focus({ preventScroll: true });
  }
}

function fromMarkup(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}
