"""Lists of words, written as the lines of words they are."""


def word_list(text: str) -> list[str]:
    """Return the words of a text that are separated by blanks."""
    return text.split()
