// The words as they are recognised. A segment comes again under its id as it grows; what may still change is grey.
import { formatClock } from "./clock.js";

const DOUBTFUL_BELOW = 0.6;

export class LiveTranscript {
  constructor(root) {
    this.root = root;
    this.names = JSON.parse(root.dataset.names);
    this.empty = root.querySelector("[data-transcript-empty]");
    this.toEnd();
  }

  show(segment) {
    const wasAtEnd = this.isAtEnd;
    const turn = this.root.querySelector(`[data-segment="${CSS.escape(segment.id)}"]`) ?? this.#newTurn(segment);
    turn.className = `turn ${kindOf(segment.speaker)}`;
    turn.querySelector("[data-name]").textContent = this.names[segment.speaker] ?? this.names.other;
    const line = turn.querySelector("p");
    line.replaceChildren(...words(segment));
    if (this.empty) this.empty.hidden = true;
    if (wasAtEnd) this.toEnd();
  }

  get isAtEnd() {
    return this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight < 80;
  }

  toEnd() {
    this.root.scrollTop = this.root.scrollHeight;
  }

  #newTurn(segment) {
    const turn = this.root.querySelector("template").content.firstElementChild.cloneNode(true);
    turn.dataset.segment = segment.id;
    turn.querySelector("[data-time]").textContent = formatClock(segment.start_ms);
    this.root.append(turn);
    return turn;
  }
}

function kindOf(speaker) {
  if (speaker === "unknown") return "unk";
  return speaker?.startsWith("doctor") ? "doc" : "pt";
}

// Words with a confidence each when they came along; otherwise the whole line is sure or not.
function words(segment) {
  const nodes = [];
  const committed = segment.final ? Infinity : (segment.committed ?? 0);
  const list = segment.words ?? segment.text.split(" ").map((text) => ({ text }));
  list.forEach((word, index) => {
    const isInterim = index >= committed;
    const isDoubtful = !isInterim && word.confidence !== undefined && word.confidence < DOUBTFUL_BELOW;
    if (nodes.length) nodes.push(" ");
    if (!isInterim && !isDoubtful) {
      nodes.push(word.text);
      return;
    }
    const span = document.createElement("span");
    span.className = isInterim ? "interim" : "lowc";
    if (isDoubtful) span.title = "Low confidence";
    span.textContent = word.text;
    nodes.push(span);
  });
  if (!segment.final) {
    const caret = document.createElement("span");
    caret.className = "caret";
    nodes.push(caret);
  }
  return nodes;
}
