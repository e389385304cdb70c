"""The public bench: synthetic sessions written for the purpose, each a trap, and what a report of it may and must say.

`loading` reads the sessions, `scoring` holds a report against its session's expectations; both know no database.
"""
