"""Find where a new reading goes on behind words that were settled before. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sessions_app.stt.agreement import bare
from sessions_app.stt.base import Word

# Two readings of the same word put its end this near to each other.
SAME_WORD_S = 0.5
# A reading that begins this much before the end of the settled words repeats some of them.
TOUCH_S = 0.05
# An error of a tenth of a second outweighs one more word in common, so that "very very" stays two words.
WORDS_PER_SECOND = 10.0


def repeated(told: Sequence[Word], settled: Sequence[Word]) -> int:
    """Return how many of the first words told are settled already; 0 when the reading begins behind them.

    The place is found by the words in common and their times; where no word is in common, by time alone.
    """
    if not told or not settled or told[0].start >= settled[-1].end - TOUCH_S:
        return 0
    best: tuple[float, int] | None = None
    for count in range(1, len(told) + 1):
        common = _common_end(_texts(told[:count]), _texts(settled))
        distance = abs(told[count - 1].end - settled[-1].end)
        if common and distance <= SAME_WORD_S:
            best = max(best or (float("-inf"), 0), (common - WORDS_PER_SECOND * distance, count))
    if best is not None:
        return best[1]
    return sum(1 for word in told if word.middle <= settled[-1].end)


def repeated_texts(texts: Sequence[str], settled: Sequence[str]) -> int:
    """Return how many of the first words of a text without times were settled before."""
    counts = range(1, min(len(texts), len(settled)) + 1)
    common, count = max(((_common_end(texts[:count], settled), count) for count in counts), default=(0, 0))
    return count if common else 0


def is_same(one: Word, other: Word) -> bool:
    return bare(one.text) == bare(other.text) and abs(one.end - other.end) <= SAME_WORD_S


def _common_end(told: Sequence[str], settled: Sequence[str]) -> int:
    common = 0
    for one, other in zip(reversed(told), reversed(settled), strict=False):
        if bare(one) != bare(other):
            break
        common += 1
    return common


def _texts(words: Sequence[Word]) -> list[str]:
    return [word.text for word in words]
