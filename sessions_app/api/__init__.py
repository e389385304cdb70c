"""Sessions, their recordings, and what was said in them, for programs."""
