"""Turns the other only nodded into, put together again: `we sold the-`, `Okay.`, `-the boat in May.`"""

import re
from dataclasses import replace

from .base import TranscriptSegment

_BREAKS_OFF = re.compile(r"(?:-+|[—–])$")
_GOES_ON = re.compile(r"^(?:-+|[—–])\s*(?=\w)")
# Each nod is taken once: read in two ways, as "mhm" and "mm-mm" can be, twenty of them take seconds and forty for ever.
_NOD = re.compile(
    r"^(?>(?:m+-?h?m+|uh-huh|okay|ok|yeah|yes|right|sure|all right|i see|oh|hm+|um|uh)\b[ ,.!-]*)+$", re.IGNORECASE
)


def whole_turns(
    segments: tuple[TranscriptSegment, ...],
) -> tuple[tuple[TranscriptSegment, ...], dict[int, tuple[int, ...]]]:
    """Return the segments with a turn that goes on after a nod as one, and for each such turn the segments it is made of.

    Only a turn that breaks off with a dash and goes on with one, or is taken up again in small letters, is put together.
    """
    kept: list[TranscriptSegment] = []
    made_of: dict[int, tuple[int, ...]] = {}
    for segment in segments:
        place = _begun_at(kept, segment)
        if place is None:
            kept.append(segment)
            continue
        begun = kept[place]
        text = f"{_BREAKS_OFF.sub('', begun.text.rstrip())} {_GOES_ON.sub('', segment.text.lstrip())}"
        made_of[begun.id] = (*made_of.get(begun.id, (begun.id,)), segment.id)
        kept[place] = replace(begun, text=text)
        del kept[place + 1 :]
    return tuple(kept), made_of


def _begun_at(kept: list[TranscriptSegment], segment: TranscriptSegment) -> int | None:
    """Return the place of the turn a segment goes on with: the last but one, with nothing but a nod between."""
    if len(kept) < 2 or kept[-2].speaker != segment.speaker or not _NOD.match(kept[-1].text.strip()):
        return None
    if not _BREAKS_OFF.search(kept[-2].text.rstrip()):
        return None
    goes_on = _GOES_ON.match(segment.text.lstrip()) or segment.text.lstrip()[:1].islower()
    return len(kept) - 2 if goes_on else None
