"""Find speech that no word covers: Whisper sometimes leaves out a sentence between two others. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sessions_app.stt.base import Word
from sessions_app.stt.voice import Region

# A word's voice begins before and ends after the times the aligner gives it.
WORD_MARGIN_S = 0.15
# Pieces of speech with less than this between them, and no word, were left out together.
JOINED_WITHIN_S = 0.5
# Less speech than this is a breath, a cough or the end of a word.
SHORTEST_S = 1.0
_SLIVER_S = 0.1


def missed_speech(regions: Sequence[Region], words: Sequence[Word]) -> list[Region]:
    """Return the stretches in which a voice is heard for a second or more and no word was read, in order of time."""
    covered = sorted((word.start - WORD_MARGIN_S, word.end + WORD_MARGIN_S) for word in words)
    joined: list[list[Region]] = []
    for region in regions:
        for piece in _outside(region, covered):
            before = joined[-1][-1].end if joined else None
            if (
                before is not None
                and piece.start - before < JOINED_WITHIN_S
                and not _any_between(covered, before, piece.start)
            ):
                joined[-1].append(piece)
            else:
                joined.append([piece])
    return [
        Region(pieces[0].start, pieces[-1].end)
        for pieces in joined
        if sum(piece.end - piece.start for piece in pieces) >= SHORTEST_S
    ]


def _outside(region: Region, covered: Sequence[tuple[float, float]]) -> list[Region]:
    pieces, start = [], region.start
    for first, last in covered:
        if last <= start or first >= region.end:
            continue
        pieces.append(Region(start, first))
        start = max(start, last)
    pieces.append(Region(start, region.end))
    return [piece for piece in pieces if piece.end - piece.start >= _SLIVER_S]


def _any_between(covered: Sequence[tuple[float, float]], start: float, end: float) -> bool:
    return any(first < end and last > start for first, last in covered)
