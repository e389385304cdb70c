// Words of the transcript into the report: the button of an utterance, or a selection across several, opens the dialog.
const dialog = () => document.getElementById("quote");

function utterances(button) {
  const selection = getSelection();
  const own = button.closest("[data-turn]");
  const selected = selection.isCollapsed ? [] : [...document.querySelectorAll("[data-turn] p")].filter((p) => selection.containsNode(p, true));
  const turns = selected.map((p) => p.closest("[data-turn]"));
  if (!turns.includes(own)) return { turns: [own], text: own.querySelector("p").textContent };
  return { turns, text: words(selection, turns) };
}

// The selected words of each utterance, without the names and times between them.
function words(selection, turns) {
  const range = selection.getRangeAt(0);
  return turns
    .map((turn) => {
      const part = document.createRange();
      part.selectNodeContents(turn.querySelector("p"));
      if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) part.setStart(range.startContainer, range.startOffset);
      if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) part.setEnd(range.endContainer, range.endOffset);
      return part.toString();
    })
    .join(" ");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-quote]");
  if (!button) return;
  const { turns, text } = utterances(button);
  const form = dialog().querySelector("form");
  form.elements.segments.value = turns.map((turn) => turn.dataset.turn).join(" ");
  form.elements.text.value = text.trim().replace(/\s+/gu, " ");
  const current = document.querySelector('[data-line][aria-current="true"]')?.closest("[data-section]")?.dataset.section;
  if (current && [...form.elements.section.options].some((option) => option.value === current)) form.elements.section.value = current;
  dialog().showModal();
  form.elements.text.focus();
});

// Pressing the button must not lose the selection it is about.
document.addEventListener("mousedown", (event) => {
  if (event.target.closest("[data-quote]")) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.elt.matches?.("[data-quote-form]")) dialog().close();
});
