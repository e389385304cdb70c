"""Two records of one person: noticed, shown as one, and taken apart again."""
