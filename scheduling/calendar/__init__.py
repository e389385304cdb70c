"""The calendar's pages: days and weeks, what is drawn on them, and whether they are still up to date."""
