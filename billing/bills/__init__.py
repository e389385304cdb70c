"""One bill: its page and its lines."""
