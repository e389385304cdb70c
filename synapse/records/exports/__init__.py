"""Everything about one patient as a file, and the way back in."""
