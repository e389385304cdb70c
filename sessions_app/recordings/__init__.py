"""A session's sound: its stream and key, its gaps, the kept file, hearing it, how long it is kept and its end."""
