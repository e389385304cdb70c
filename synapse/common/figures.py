"""Whole numbers that people and programs write into addresses, forms and files."""

LONGEST = 9  # digits; Python itself refuses to read some thousands of them


def read_whole_number(text: str) -> int | None:
    """Return the number a text of digits says; None for anything else, and for more than nine of them.

    `isdigit` is true of "²" as well, of which `int` makes an error.
    """
    return int(text) if text.isdecimal() and len(text) <= LONGEST else None
