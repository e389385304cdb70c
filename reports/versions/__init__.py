"""A session's reports side by side: what changed between two of them."""
