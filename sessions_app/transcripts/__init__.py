"""The words of a session: read, checked, corrected, and every change of them."""
