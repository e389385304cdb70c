// Upload a file in parts. After a cut it goes on where the server stands; after a reload, when the same file is chosen.
import { PartUpload, Refused } from "./part-upload.js";
import { Sha256 } from "./sha256.js";

const HEAD_BYTES = 64 * 1024;
const GUESS_MS = 3000; // a pace measured over less is noise
const KEEP_OPEN = "Keep this page open until the file is here.";
const TROUBLES = {
  "": KEEP_OPEN,
  lost: "The server does not answer. The upload goes on by itself as soon as it does.",
  locked: "This screen is locked. The upload goes on by itself when you open it.",
  signed_out: "You are signed out. Sign in again in another tab; the upload goes on by itself.",
};

function timeLeft(milliseconds) {
  if (milliseconds < 60_000) return "less than a minute left";
  return `about ${Math.ceil(milliseconds / 60_000)} min left`;
}

class FileUpload {
  constructor(root, file) {
    this.root = root;
    this.file = file;
    this.partBytes = Number(root.dataset.partBytes);
    this.link = new PartUpload();
    this.link.addEventListener("trouble", () => this.paintTrouble());
    this.sum = new Sha256();
    this.summed = 0;
    this.offset = 0;
    this.isPaused = false;
    this.announced = 0;
  }

  part(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  async run() {
    this.part("drop").hidden = true;
    this.part("problem").hidden = true;
    this.part("sending").hidden = false;
    try {
      const head = new Sha256().update(await this.bytes(0, HEAD_BYTES)).hex();
      const values = { source: "upload", total_bytes: this.file.size, head_sha256: head };
      this.offset = await this.link.open(this.root.dataset.openUrl, values);
      this.beginPace();
      this.paint();
      while (this.offset < this.file.size) await this.sendNext();
      await this.sumUpTo(this.file.size);
      const answer = await this.link.finish(this.sum.hex());
      this.isDone = true;
      location.assign(answer.next);
    } catch (error) {
      this.fail(error);
    }
  }

  async sendNext() {
    if (this.isPaused) await new Promise((resolve) => (this.goOn = resolve));
    await this.sumUpTo(this.offset);
    const bytes = await this.bytes(this.offset, this.offset + this.partBytes);
    const expected = this.offset + bytes.length;
    this.offset = await this.link.send(this.offset, bytes);
    if (this.offset === expected) {
      this.sum.update(bytes);
      this.summed = expected;
    }
    this.paint();
  }

  // What the server had before, or got from another window, is summed from the file itself.
  async sumUpTo(place) {
    while (this.summed < place) {
      const end = Math.min(place, this.summed + this.partBytes);
      this.sum.update(await this.bytes(this.summed, end));
      this.summed = end;
    }
  }

  async bytes(from, to) {
    try {
      return new Uint8Array(await this.file.slice(from, to).arrayBuffer());
    } catch {
      throw new Refused({ code: "changed", message: "The file was moved or changed. Choose it again." });
    }
  }

  pauseOrGoOn() {
    this.isPaused = !this.isPaused;
    this.part("pause").textContent = this.isPaused ? "Go on" : "Pause";
    this.say(this.isPaused ? "Paused" : "Going on");
    this.beginPace();
    this.paint();
    this.goOn?.();
  }

  beginPace() {
    this.paceFrom = this.offset;
    this.paceAt = Date.now();
  }

  paint() {
    const percent = Math.floor((100 * this.offset) / this.file.size);
    this.part("percent").textContent = `${percent}% uploaded`;
    this.part("bar").setAttribute("aria-valuenow", String(percent));
    this.part("bar").querySelector("rect").setAttribute("width", String(percent));
    this.part("left").textContent = this.isPaused ? "Paused" : this.left();
    if (percent >= this.announced + 10) {
      this.announced = percent;
      this.say(`${percent}% uploaded`);
    }
  }

  left() {
    const [sent, taken] = [this.offset - this.paceFrom, Date.now() - this.paceAt];
    if (!sent || taken < GUESS_MS) return "";
    return timeLeft((taken * (this.file.size - this.offset)) / sent);
  }

  paintTrouble() {
    this.part("trouble").textContent = TROUBLES[this.link.trouble];
    if (this.link.trouble) this.say(TROUBLES[this.link.trouble]);
    this.beginPace();
  }

  fail(error) {
    this.isDone = true;
    const message = error instanceof Refused ? error.message : "The upload ended. Choose the file again to go on.";
    this.part("sending").hidden = true;
    this.part("drop").hidden = false;
    this.part("problem-text").textContent = message;
    this.part("problem").hidden = false;
    this.part("choose").focus();
  }

  say(text) {
    this.part("announce").textContent = text;
  }
}

let running = null;

function begin(root, file) {
  if (!file || (running && !running.isDone)) return;
  for (const note of document.querySelectorAll('[data-arriving="upload"]')) note.hidden = true;
  running = new FileUpload(root, file);
  running.run();
}

document.addEventListener("click", (event) => {
  const root = event.target.closest("[data-upload]");
  if (event.target.closest("[data-choose]")) root.querySelector("[data-file]").click();
  if (event.target.closest("[data-pause]") && root) running?.pauseOrGoOn();
});
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-file]")) return;
  begin(event.target.closest("[data-upload]"), event.target.files[0]);
  event.target.value = "";
});
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    // Beside the place too: the browser would leave this page for the file.
    event.preventDefault();
    const place = event.target.closest?.("[data-drop]");
    document.querySelector("[data-drop]")?.classList.toggle("is-over", Boolean(place) && kind === "dragover");
    if (kind === "drop" && place) begin(place.closest("[data-upload]"), event.dataTransfer.files[0]);
  });
}
addEventListener("beforeunload", (event) => {
  if (running && !running.isDone) event.preventDefault();
});
