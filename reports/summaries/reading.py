"""How hard a text is to read: the Flesch-Kincaid grade level.

Grade = 0.39 × words per sentence + 11.8 × syllables per word − 15.59 (Kincaid, Fishburne, Rogers and Chissom,
"Derivation of new readability formulas for Navy enlisted personnel", 1975). The grade is the school year in the United
States that reads the text with ease; patient information aims at 6 to 8. Syllables are counted by a rule of thumb.
"""

import re
from dataclasses import dataclass

EASY_GRADE = 8.0
LONG_WORD_SYLLABLES = 4
MOST_NAMED_WORDS = 3
FEWEST_WORDS = 6

_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|\d+(?:[.,]\d+)*")
_VOWELS = re.compile(r"[aeiouy]+")
_TWO_VOWELS = re.compile(r"(?<![tscgq])i[aeo]|(?<![qg])ua")  # said as two: di-et, situ-ation


@dataclass(frozen=True)
class Reading:
    """The grade of a text and the words that make it hard."""

    grade: float
    long_words: list[str]
    words: int = 0

    @property
    def is_hard(self) -> bool:
        """Tell whether it is too hard for patient information; the formula says nothing about a handful of words."""
        return self.grade > EASY_GRADE and self.words >= FEWEST_WORDS


def read_text(text: str) -> Reading:
    """Return the grade of a text; empty text has grade 0."""
    words = _WORD.findall(text)
    if not words:
        return Reading(0.0, [])
    sentences = max(1, len(_SENTENCE_END.findall(text)))
    counts = [count_syllables(word) for word in words]
    grade = 0.39 * len(words) / sentences + 11.8 * sum(counts) / len(words) - 15.59
    long_words = [word for word, count in zip(words, counts, strict=True) if count >= LONG_WORD_SYLLABLES]
    return Reading(max(0.0, round(grade, 1)), list(dict.fromkeys(long_words))[:MOST_NAMED_WORDS], len(words))


def count_syllables(word: str) -> int:
    """Count the syllables of an English word, at least one; a number counts as one word said in two syllables."""
    if word[0].isdigit():
        return 2
    letters = re.sub(r"[^a-z]", "", word.lower())
    groups = len(_VOWELS.findall(letters)) + len(_TWO_VOWELS.findall(letters))
    is_silent = re.search(r"[^aeiouyl]e$|[^aeiouy]es$|[^aeioutdy]ed$", letters)
    if is_silent and groups > 1 and not re.search(r"(?:[csxz]|sh|ch|g)es$", letters):
        groups -= 1
    return max(1, groups)
