// The private context: a pad like the notes, saved on its own.
import { NotesPad } from "./notes-pad.js";

for (const root of document.querySelectorAll("[data-private-context]")) new NotesPad(root);
