// A private note: saved as it is typed, as the note pad of a session is.
import { NotesPad } from "./notes-pad.js";

for (const root of document.querySelectorAll("[data-notes]")) new NotesPad(root);
