"""A draft under the doctor's hands: lines, quotes, sections, what is decided about risk."""
