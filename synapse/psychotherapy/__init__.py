"""Psychotherapy notes in the sense of 45 CFR 164.501: the author's alone, and nothing below this package can import it."""
