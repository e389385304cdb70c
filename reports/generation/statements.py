"""Statements a speaker makes over two segments: `Sometimes I want to die,` - `but I would never do it.`"""

import re
from dataclasses import replace
from functools import lru_cache

from .base import TranscriptSegment
from .lexicon import HARM_TO_OTHERS, SELF_HARM
from .orders import is_order
from .sentences import is_punctuated, split_sentences

_PAUSE_MS = 2000
_MOST_WORDS = 45  # of a sentence put together
_GOES_ON = re.compile(r"(?:but|and|because|so|which|although|though)\b", re.IGNORECASE)
# After a full stop, "And" and "So" mostly begin something new; what turns or explains the sentence before never does.
_TURNS = re.compile(r"(?:but|because|which|although|though)\b", re.IGNORECASE)
_ENDED = re.compile(r"[.?!…][\"'”’]?\s*$")
_ASKED = re.compile(r"\?[\"'”’]?\s*$")


def continues(before: TranscriptSegment, after: TranscriptSegment, *, has_marks: bool = True) -> bool:
    """Tell whether a segment goes on with the statement of the one before it: the same speaker, at once, no question asked.

    `has_marks` says that the speech engine gave end marks, so that a missing one tells something.
    """
    if before.speaker != after.speaker or not before.text.strip() or not after.text.strip():
        return False
    if _ASKED.search(before.text) or after.start_ms - before.end_ms > _PAUSE_MS:
        return False
    is_open = has_marks and not _ENDED.search(before.text)
    if not is_open and not _GOES_ON.match(after.text.strip()):
        return False
    return not (is_order(before.text) or is_order(after.text))


def turns_back(sentence: str) -> bool:
    """Tell whether a sentence takes back, limits or explains the one before it: `But I would never do it.`"""
    return bool(_TURNS.match(sentence))


@lru_cache(maxsize=2)
def whole_statements(
    segments: tuple[TranscriptSegment, ...],
) -> tuple[tuple[TranscriptSegment, ...], dict[int, tuple[int, ...]]]:
    """Return the segments with what goes on in the next one put to its beginning, and for each such segment all it is made of.

    Only the first sentence of the next segment moves; a segment of which nothing is left is gone.
    """
    has_marks = is_punctuated([segment.text for segment in segments])
    kept: list[TranscriptSegment] = []
    made_of: dict[int, tuple[int, ...]] = {}
    before: TranscriptSegment | None = None
    for segment in segments:
        own = segment
        if before is not None and kept and continues(before, segment, has_marks=has_marks):
            first, *rest = split_sentences(segment.text, use_model=False) or [""]
            whole = _put_together(kept[-1].text, first, has_marks=has_marks)
            if whole:
                begun = kept[-1]
                made_of[begun.id] = (*made_of.get(begun.id, (begun.id,)), segment.id)
                kept[-1] = replace(begun, text=whole)
                own = replace(segment, text=" ".join(rest))
        before = segment
        if own is segment or own.text:
            kept.append(_with_harm_whole(own))
    is_same = len(kept) == len(segments) and all(one is two for one, two in zip(kept, segments, strict=True))
    return (segments if is_same else tuple(kept)), made_of


def _put_together(before: str, after: str, *, has_marks: bool) -> str:
    """Return a text with its last sentence going on as `after` says; empty when that makes no sentence to be read."""
    last = (split_sentences(before, use_model=False) or [""])[-1]
    if not after or len(f"{last} {after}".split()) > _MOST_WORDS:
        return ""
    is_ended = _ENDED.search(last) or not has_marks
    if is_ended and not turns_back(after) and not _is_of_harm(last):
        return ""
    return f"{before.rstrip()} {after}" if not _ENDED.search(last) else _with_turn(before, after)


def _with_turn(before: str, after: str) -> str:
    return f"{before.rstrip(' .!…')}, {after[:1].lower()}{after[1:]}"


def _with_harm_whole(segment: TranscriptSegment) -> TranscriptSegment:
    """Return a segment in which a sentence about harm and the one that turns it stand as one."""
    if not _is_of_harm(segment.text):
        return segment
    joined: list[str] = []
    for sentence in split_sentences(segment.text, use_model=False):
        if joined and turns_back(sentence) and _is_of_harm(joined[-1]) and not _ASKED.search(joined[-1]):
            joined[-1] = _with_turn(joined[-1], sentence)
        else:
            joined.append(sentence)
    text = " ".join(joined)
    return replace(segment, text=text) if text != " ".join(segment.text.split()) else segment


def _is_of_harm(text: str) -> bool:
    return bool(SELF_HARM.search(text) or HARM_TO_OTHERS.search(text))
