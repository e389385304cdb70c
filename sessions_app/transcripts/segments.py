"""Segments of a transcript as plain data: what follows from them, and how one is corrected, merged and split. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from sessions_app.stt import base
from synapse.common.errors import DomainError

Segment = dict[str, Any]
Word = dict[str, Any]

SPEAKERS = ("doctor", "patient", "unknown", "doctor_2", "patient_2", "patient_3", "patient_4", "patient_5", "other")
LONGEST_TEXT = 4_000
MINIMUM_WORDS = 5  # fewer is a cough, a door and a guess, not a consultation to report on
SURE = 1.0  # the confidence of a word that somebody typed or listened to


class NotCorrectable(DomainError):
    """A correction names a segment that is not there, an unknown speaker, or no text."""

    code = "invalid_correction"


def as_stored(heard: base.Segment, place: Callable[[float], int]) -> Segment:
    """Return what an engine heard as it is kept, without an id; `place` maps its seconds to ms on the recording clock."""
    return {
        "start_ms": place(heard.start),
        "end_ms": place(heard.end),
        "speaker": heard.speaker,
        "voice": heard.voice,
        "text": heard.text,
        "confidence": round(heard.confidence, 3),
        "words": [
            {
                "text": word.text,
                "start_ms": place(word.start),
                "end_ms": place(word.end),
                "confidence": round(word.confidence, 3),
            }
            | word.origin
            for word in heard.words
        ],
    }


def text_of(segments: Sequence[Segment]) -> str:
    return "\n".join(segment["text"] for segment in segments)


def count_words(segments: Sequence[Segment]) -> int:
    return sum(len(segment["text"].split()) for segment in segments)


def speakers_of(segments: Sequence[Segment]) -> dict[str, int]:
    """Return how long each speaker spoke, in ms."""
    spoken: dict[str, int] = {}
    for segment in segments:
        spoken[segment["speaker"]] = spoken.get(segment["speaker"], 0) + segment["end_ms"] - segment["start_ms"]
    return spoken


def words_of(segment: Segment) -> list[Word]:
    """Return the words of a segment, or none when they do not make up its text."""
    words = segment.get("words") or []
    return words if [word["text"] for word in words] == segment["text"].split() else []


def voice_of(segment: Segment) -> tuple[str, Any]:
    """Return whose voice a segment is: its speaker, and the number the engine gave the voice, if any."""
    return segment["speaker"], segment.get("voice")


def says_the_same(one: Segment, other: Segment) -> bool:
    """Whether two states of a segment have the same words by the same speaker."""
    return bool(one["text"] == other["text"] and one["speaker"] == other["speaker"])


def corrected(segment: Segment, *, text: Any = None, speaker: Any = None) -> Segment:
    """Return a segment with another text or speaker; what was first heard stays with it. Raises NotCorrectable."""
    new = dict(segment)
    if text is not None:
        text = _clean(text)
        if text != segment["text"]:
            first = segment.get("original_text") or segment["text"]
            new["original_text"] = None if text == first else first
            new["words"] = align_words(
                segment.get("words") or [], text, start_ms=segment["start_ms"], end_ms=segment["end_ms"]
            )
            new["text"] = text
    if speaker is not None:
        if speaker not in SPEAKERS:
            raise NotCorrectable("Choose one of the listed speakers.")
        if speaker != segment["speaker"]:
            first = segment.get("original_speaker") or segment["speaker"]
            new["original_speaker"] = None if speaker == first else first
            new["speaker"] = speaker
    return new


def merged(first: Segment, second: Segment) -> Segment:
    """Return two neighbours as one, under the first one's id and speaker. Raises NotCorrectable."""
    text = _clean(f"{first['text']} {second['text']}")
    originals = [segment.get("original_text") or segment["text"] for segment in (first, second)]
    was_corrected = any(segment.get("original_text") for segment in (first, second))
    words = [word for segment in (first, second) for word in words_of(segment)]
    return {
        **first,
        "end_ms": max(first["end_ms"], second["end_ms"]),
        "text": text,
        "original_text": " ".join(originals) if was_corrected else None,
        "confidence": _mean_confidence(words, first.get("confidence")),
        "words": words,
    }


def split(segment: Segment, place: int, *, new_id: int) -> tuple[Segment, Segment]:
    """Cut a segment before its word number `place`: the first part keeps the id. Raises NotCorrectable."""
    texts = segment["text"].split()
    if not 0 < place < len(texts):
        raise NotCorrectable("Put the cursor between two words of the line to split it.")
    words = words_of(segment)
    cut_ms = words[place]["start_ms"] if words else _share(segment, place / len(texts))
    ends_ms = min(words[place - 1]["end_ms"], cut_ms) if words else cut_ms
    first_original, second_original = _split_original(segment, place)
    first = {
        **segment,
        "end_ms": max(segment["start_ms"], ends_ms),
        "text": " ".join(texts[:place]),
        "original_text": first_original,
        "words": words[:place],
        "confidence": _mean_confidence(words[:place], segment.get("confidence")),
    }
    second = {
        **segment,
        "id": new_id,
        "start_ms": cut_ms,
        "text": " ".join(texts[place:]),
        "original_text": second_original,
        "words": words[place:],
        "confidence": _mean_confidence(words[place:], segment.get("confidence")),
    }
    return first, second


def confirmed(segment: Segment, place: int | None = None) -> Segment:
    """Return a segment whose word number `place`, or every word, was listened to and is right."""
    words = segment.get("words") or []
    if place is not None and not 0 <= place < len(words):
        raise NotCorrectable("This word is not in the line any more. Reload the page.")
    return {
        **segment,
        "words": [_sure(word) if place in (None, number) else word for number, word in enumerate(words)],
    }


def pattern_for(wanted: str, *, whole_words: bool, match_case: bool) -> re.Pattern[str]:
    """Return what finds a text that a person searches for. Raises NotCorrectable when there is none."""
    wanted = " ".join(wanted.split())
    if not wanted:
        raise NotCorrectable("Type what to search for.")
    source = re.escape(wanted)
    if whole_words:
        source = rf"(?<!\w){source}(?!\w)"
    return re.compile(source, 0 if match_case else re.IGNORECASE)


def align_words(words: Sequence[Mapping[str, Any]], text: str, *, start_ms: int, end_ms: int) -> list[Word]:
    """Return the words of a corrected text: those that stayed keep their times, typed ones share the time between.

    A word the doctor typed or left as it is in a corrected line counts as sure (confidence 1 when typed).
    """
    new = text.split()
    matcher = SequenceMatcher(
        None, [str(word["text"]).lower() for word in words], [word.lower() for word in new], False
    )
    aligned: list[Word] = []
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            pairs = zip(words[old_from:old_to], new[new_from:new_to], strict=True)
            aligned += [{**old, "text": typed} for old, typed in pairs]
        elif new_to > new_from:
            begins = (
                words[old_from]["start_ms"] if old_from < old_to else (aligned[-1]["end_ms"] if aligned else start_ms)
            )
            following = words[old_to]["start_ms"] if old_to < len(words) else end_ms
            ends = max(begins, words[old_to - 1]["end_ms"] if old_from < old_to else following)
            step = (ends - begins) / (new_to - new_from)
            aligned += [
                {
                    "text": typed,
                    "start_ms": round(begins + step * place),
                    "end_ms": round(begins + step * (place + 1)),
                    "confidence": SURE,
                }
                for place, typed in enumerate(new[new_from:new_to])
            ]
    return aligned


def _clean(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise NotCorrectable("A line cannot be empty. Write what was said.")
    cleaned = " ".join(text.split())
    if len(cleaned) > LONGEST_TEXT:
        raise NotCorrectable(f"A line holds at most {LONGEST_TEXT} characters.")
    return cleaned


def _sure(word: Word) -> Word:
    return {name: value for name, value in word.items() if name != "heard"} | {"confidence": SURE}


def _share(segment: Segment, part: float) -> int:
    start_ms, end_ms = int(segment["start_ms"]), int(segment["end_ms"])
    return round(start_ms + (end_ms - start_ms) * part)


def _mean_confidence(words: Sequence[Word], otherwise: float | None) -> float | None:
    known = [word["confidence"] for word in words if word.get("confidence") is not None]
    return round(sum(known) / len(known), 3) if known else otherwise


def _split_original(segment: Segment, place: int) -> tuple[str | None, str | None]:
    """Cut what was first heard where the corrected text is cut; None for a part that was not corrected."""
    if not segment.get("original_text"):
        return None, None
    before, now = segment["original_text"].split(), segment["text"].split()
    cut = len(before)
    matcher = SequenceMatcher(None, [word.lower() for word in before], [word.lower() for word in now], False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if new_from <= place <= new_to:
            cut = old_from + place - new_from if tag == "equal" else old_from if place == new_from else old_to
            break
    parts = (" ".join(before[:cut]), " ".join(before[cut:]))
    texts = (" ".join(now[:place]), " ".join(now[place:]))
    first, second = (part if part and part != text else None for part, text in zip(parts, texts, strict=True))
    return first, second
