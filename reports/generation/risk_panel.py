"""Every statement about suicide, self-harm, violence, abuse or substances: quoted and timed, never scored."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Any

from .base import TranscriptSegment
from .risk_lexicon import RISK_KINDS, patterns
from .risk_reading import Mention, conversation_of
from .substance_talk import is_about_soft_drink

_NEAR = 3  # statements looked back at


def find_risk_statements(segments: tuple[TranscriptSegment, ...]) -> list[dict[str, Any]]:
    """Return every risk statement in the order of the session, as `content.RiskStatement` without a disposition."""
    return deepcopy(list(_found(segments)))


@lru_cache(maxsize=4)
def _found(segments: tuple[TranscriptSegment, ...]) -> tuple[dict[str, Any], ...]:
    conversation = conversation_of(segments)
    found: list[tuple[str, Mention]] = []
    for kind in RISK_KINDS:
        mentions = conversation.mentions(patterns()[kind], is_literal=True)
        if kind == "substance":
            mentions = [mention for mention in mentions if not is_about_soft_drink(mention, conversation)]
        found.extend((kind, mention) for mention in _joined(mentions, kind))
    abused = {mention.sentence for kind, mention in found if kind == "abuse"}
    found = [(kind, mention) for kind, mention in found if kind != "violence" or mention.sentence not in abused]
    found.sort(key=lambda entry: (entry[1].place, RISK_KINDS.index(entry[0])))
    by_id = {segment.id: segment for segment in segments}
    return tuple(
        _statement(f"r{number}", kind, mention, by_id) for number, (kind, mention) in enumerate(found, start=1)
    )


def carried_over(new: Sequence[dict[str, Any]], old: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the new statements with the dispositions of the old ones that stand at the same place and read the same.

    The place is the segment, or in a newer transcript the time. Where the reading changed the clinician decides again.
    """
    settled = [statement for statement in old if statement["disposition"]]
    kept = []
    for statement in new:
        before = next((one for one in settled if _is_same(statement, one)), None)
        if before is not None:
            statement = {**statement, **{name: before[name] for name in ("disposition", "by", "at")}}
        kept.append(statement)
    return kept


def _joined(mentions: Sequence[Mention], kind: str) -> list[Mention]:
    """Return the mentions with those left out that another one already quotes: an answer that repeats its question."""
    kept: list[Mention] = []
    for mention in mentions:
        if not any(_holds(earlier, mention, kind) for earlier in kept[-_NEAR:]):
            kept.append(mention)
    return kept


def _holds(earlier: Mention, mention: Mention, kind: str) -> bool:
    """Tell whether an earlier statement quotes this one already and reads the same.

    "Do you drink?" - "No, I stopped in May." is one statement; a past attempt told in a denial stands on its own.
    """
    agrees = earlier.polarity == mention.polarity or (kind == "substance" and mention.time == "past")
    return agrees and earlier.subject == mention.subject and set(mention.evidence) <= set(earlier.evidence)


def _statement(
    statement_id: str, kind: str, mention: Mention, segments: dict[int, TranscriptSegment]
) -> dict[str, Any]:
    return {
        "id": statement_id,
        "kind": kind,
        "polarity": mention.polarity,
        "subject": mention.subject,
        "time": mention.time,
        "is_unsure": mention.is_unsure,
        "evidence": [_place(segments[key]) for key in mention.evidence],
        "disposition": "",
        "by": "",
        "at": "",
    }


def _place(segment: TranscriptSegment) -> dict[str, Any]:
    return {
        "segment": segment.id,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "speaker": segment.speaker,
        "quote": segment.text,
    }


def _is_same(new: dict[str, Any], old: dict[str, Any]) -> bool:
    names = ("kind", "polarity", "subject", "time")
    if any(new[name] != old[name] for name in names):
        return False
    first, before = new["evidence"][0], old["evidence"][0]
    if first["segment"] == before["segment"] and first["quote"] == before["quote"]:
        return True
    overlap = min(first["end_ms"], before["end_ms"]) - max(first["start_ms"], before["start_ms"])
    shorter = min(first["end_ms"] - first["start_ms"], before["end_ms"] - before["start_ms"])
    return bool(overlap > 0 and overlap * 2 > shorter)
