// Entry of the calendar. Everything here has a link that works without it.
import "./calendar-board.js";
import "./calendar-drag.js";
import "./calendar-keys.js";
import "./calendar-live.js";
import "./calendar-window.js";
