"""Compare what was heard with what was said, the way speech recognisers are compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

_FILLER = re.compile(r"\b(um+|uh+|hmm+|mm+|huh|oh+|ah+)\b")
_OKAY = re.compile(r"\bok\b")


@dataclass(frozen=True)
class WordErrors:
    """Counts of wrong words against `words` words said."""

    substitutions: int
    deletions: int
    insertions: int
    words: int

    @property
    def rate(self) -> float:
        """Return the word error rate, 0 to 1 and more."""
        return (self.substitutions + self.deletions + self.insertions) / max(1, self.words)

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.words + other.words,
        )


def plain(text: str) -> str:
    """Return the text in Whisper's English normal form, without fillers: numbers in digits, no punctuation."""
    return " ".join(_OKAY.sub("okay", _FILLER.sub(" ", _normalizer()(text))).split())


def word_errors(said: str, heard: str) -> WordErrors:
    import jiwer

    found = jiwer.process_words(plain(said), plain(heard) or " ")
    return WordErrors(
        substitutions=found.substitutions,
        deletions=found.deletions,
        insertions=found.insertions,
        words=found.hits + found.substitutions + found.deletions,
    )


@cache
def _normalizer() -> Any:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()
