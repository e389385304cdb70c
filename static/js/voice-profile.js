// The voice profile's page: record about 20 seconds in memory, send them once, forget them.
import { Microphone, MicrophoneRefused } from "./microphone.js";
import { csrfToken } from "./requests.js";

const SAMPLES_PER_SECOND = 16000;
const REFUSED = {
  denied: "The browser may not use the microphone. Allow it beside the address, then record again.",
  missing: "No microphone was found. Connect one, then record again.",
  busy: "The microphone cannot be opened. Close other programs that use it, then record again.",
  insecure: "The browser gives the microphone only to a secure (https) address.",
};

const form = document.querySelector("[data-voice-form]");
const part = (name) => form.querySelector(`[data-voice-${name}]`);
const longest = Number(form.dataset.voiceSeconds) * SAMPLES_PER_SECOND;
let microphone = null;
let chunks = [];
let samples = 0;

part("record").addEventListener("click", record);
part("stop").addEventListener("click", finish);

async function record() {
  if (!form.elements.agreed.checked) {
    say("Tick the box to agree first. Without it nothing is recorded.");
    form.elements.agreed.focus();
    return;
  }
  chunks = [];
  samples = 0;
  part("clock").textContent = "0 s";
  microphone = new Microphone(JSON.parse(form.dataset.microphone));
  microphone.addEventListener("chunk", take);
  microphone.addEventListener("lost", () => end("The microphone is gone. Connect it, then record again."));
  try {
    await microphone.open();
  } catch (error) {
    end(error instanceof MicrophoneRefused ? REFUSED[error.kind] : REFUSED.busy);
    return;
  }
  show({ isRecording: true });
  say("Recording. Read the text aloud.");
}

function take(event) {
  const { pcm, levels } = event.detail;
  chunks.push(pcm);
  samples += pcm.byteLength / 2;
  part("clock").textContent = `${Math.floor(samples / SAMPLES_PER_SECOND)} s`;
  part("level").style.width = `${Math.min(100, Math.round(Math.sqrt(Math.max(0, ...levels)) * 200))}%`;
  if (samples >= longest) finish();
}

async function finish() {
  if (!microphone?.isOpen) return;
  await microphone.close();
  show({ isRecording: false });
  part("record").disabled = true;
  say("Listening to the recording…");
  const body = new FormData(form);
  body.set("sound", new Blob(chunks), "sound");
  chunks = [];
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-CSRFToken": csrfToken() } });
    const told = await answer.json();
    if (answer.ok) location.assign(told.next);
    else end(told.message);
  } catch {
    end("The server does not answer, and nothing was kept. Record again.");
  }
}

function end(message) {
  chunks = [];
  microphone = null;
  show({ isRecording: false });
  part("record").disabled = false;
  say(message);
}

function show({ isRecording }) {
  part("record").hidden = isRecording;
  part("stop").hidden = !isRecording;
  if (isRecording) part("stop").focus();
  else part("level").style.width = "0";
}

function say(message) {
  part("status").textContent = message;
}
