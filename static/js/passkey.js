// Passkeys: a browser makes a key pair (data-passkey-make) or answers with one (data-passkey-use), the form carries it.
import { postForm } from "./requests.js";

const NO_PASSKEYS = "This browser or address has no passkeys.";
const isSupported = Boolean(window.PublicKeyCredential && navigator.credentials);

const fromBase64 = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const toBase64 = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const known = (credentials = []) => credentials.map((one) => ({ ...one, id: fromBase64(one.id) }));

async function makeKey(options) {
  const { challenge, user, excludeCredentials } = options;
  const publicKey = {
    ...options,
    challenge: fromBase64(challenge),
    user: { ...user, id: fromBase64(user.id) },
    excludeCredentials: known(excludeCredentials),
  };
  const made = await navigator.credentials.create({ publicKey });
  return answerOf(made, { attestationObject: toBase64(made.response.attestationObject) });
}

async function useKey(options) {
  const publicKey = {
    ...options,
    challenge: fromBase64(options.challenge),
    allowCredentials: known(options.allowCredentials),
  };
  const used = await navigator.credentials.get({ publicKey });
  const { authenticatorData, signature, userHandle } = used.response;
  return answerOf(used, {
    authenticatorData: toBase64(authenticatorData),
    signature: toBase64(signature),
    userHandle: userHandle ? toBase64(userHandle) : null,
  });
}

function answerOf(credential, response) {
  const clientDataJSON = toBase64(credential.response.clientDataJSON);
  const { id, rawId, type } = credential;
  return JSON.stringify({ id, rawId: toBase64(rawId), type, response: { clientDataJSON, ...response } });
}

async function optionsFrom(box) {
  if (box.dataset.passkeyMake) return JSON.parse(box.dataset.passkeyMake);
  const answer = await postForm(box.dataset.passkeyUse);
  if (!answer.ok) throw new Error("no options");
  return answer.json();
}

function reasonOf(error) {
  if (error.name === "NotAllowedError") return "Nothing was confirmed. Try again, or use a code.";
  if (error.name === "InvalidStateError") return "This device holds a passkey of this account already.";
  if (error.name === "SecurityError") return NO_PASSKEYS;
  return "The passkey did not answer. Reload the page and try again.";
}

async function run(box) {
  const button = box.querySelector("button");
  const said = box.querySelector("[data-passkey-said]");
  button.disabled = true;
  said.textContent = "Confirm as your browser asks.";
  try {
    const options = await optionsFrom(box);
    const field = box.closest("form").querySelector("[data-passkey-answer]");
    field.value = await (box.dataset.passkeyMake ? makeKey(options) : useKey(options));
    said.textContent = "";
    box.closest("form").requestSubmit();
  } catch (error) {
    said.textContent = reasonOf(error);
  } finally {
    button.disabled = false;
  }
}

function show(root) {
  for (const box of root.querySelectorAll("[data-passkey-use],[data-passkey-make]")) {
    box.hidden = false;
    if (isSupported) continue;
    box.querySelector("button").disabled = true;
    box.querySelector("[data-passkey-said]").textContent = NO_PASSKEYS;
  }
}
show(document);
document.addEventListener("htmx:afterSettle", (event) => show(event.detail.elt));

document.addEventListener("click", (event) => {
  const box = event.target.closest("[data-passkey-use] button")?.closest("[data-passkey-use]");
  if (box) run(box);
});

// The form that makes a passkey is sent twice: the first time its key is made, the second time it carries it.
document.addEventListener(
  "submit",
  (event) => {
    const box = event.target.querySelector("[data-passkey-make]");
    const { name, passkey } = event.target.elements;
    // Without a name the server refuses: no key is made that nobody keeps.
    if (!box || passkey.value || !name.value.trim() || !isSupported) return;
    event.preventDefault();
    event.stopPropagation();
    run(box);
  },
  true,
);
