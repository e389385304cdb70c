"""Cut a stream of words into utterances a person can read and a report can cite. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from sessions_app.stt.agreement import ends_sentence
from sessions_app.stt.base import Segment, Word

PAUSE_S = 0.8
# A comma is a fair place to cut a sentence that runs on longer than this.
LONG_S = 12.0
LONGEST_S = 20.0
# "Okay." or "No." joins its neighbour of the same speaker instead of standing alone.
SHORT_WORDS = 3
NEIGHBOUR_S = 1.0


def phrases(words: Sequence[Word], *, pause_s: float = PAUSE_S) -> list[list[Word]]:
    """Split words at sentence ends and at pauses, and never let a phrase run beyond 20 s."""
    found: list[list[Word]] = []
    current: list[Word] = []
    for word, following in pairwise([*words, None]):
        if word is None:
            break
        current.append(word)
        if following is None or _ends(current, following, pause_s):
            found.append(current)
            current = []
    return found


def utterances(spoken: Iterable[tuple[str, Sequence[Word]]], *, first_id: int = 1) -> list[Segment]:
    """Join short phrases of one speaker and number the result from `first_id`.

    `spoken` holds (speaker, words) in the order of time.
    """
    joined: list[tuple[str, list[Word]]] = []
    for speaker, words in spoken:
        if not words:
            continue
        if joined and _belongs(joined[-1], speaker, words):
            joined[-1][1].extend(words)
        else:
            joined.append((speaker, list(words)))
    return [
        Segment.of_words(number, words, speaker=speaker)
        for number, (speaker, words) in enumerate(joined, start=first_id)
    ]


def _ends(current: list[Word], following: Word, pause_s: float) -> bool:
    last = current[-1]
    length = last.end - current[0].start
    return (
        ends_sentence(last)
        or following.start - last.end >= pause_s
        or (length >= LONG_S and last.text.endswith((",", ";", ":")))
        or length >= LONGEST_S
    )


def _belongs(before: tuple[str, list[Word]], speaker: str, words: Sequence[Word]) -> bool:
    last_speaker, last_words = before
    near = words[0].start - last_words[-1].end < NEIGHBOUR_S
    short = len(words) <= SHORT_WORDS or len(last_words) <= SHORT_WORDS
    fits = words[-1].end - last_words[0].start <= LONG_S
    return speaker == last_speaker and near and short and fits
