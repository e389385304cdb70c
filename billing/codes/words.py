"""Words as a code search compares them. Pure: migrations use it as well."""

import re
import unicodedata

LONGEST = 440
# Written with two letters in German as often as with none; both find the word.
SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "ł": "l"})


def fold(text: str) -> str:
    """Return words in small plain letters and digits, one space between them."""
    if text.isascii():  # most of a list of 75,000
        return " ".join(re.findall(r"[a-z0-9]+", text.lower()))
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[a-z0-9]+", plain.translate(SPELT_OUT)))


def search_words(code: str, words: str) -> str:
    """Return what a search looks into: the code and its words, each after a space, umlauts in both spellings."""
    plain = fold(words).split()
    spelt = []
    if not words.isascii():
        spelt = [word for word in fold(words.casefold().translate(SPELT_OUT)).split() if word not in plain]
    return f" {fold(code.replace('.', ''))} {' '.join([*plain, *spelt])}"[:LONGEST]
