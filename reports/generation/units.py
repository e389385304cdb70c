"""Cut a transcript into units: one statement each, with its speaker's role and the question it answers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from .base import TranscriptSegment
from .sentences import is_punctuated, split_sentences
from .textnorm import clean
from .words import word_list

Role = Literal["doctor", "patient", "companion"]

YES = re.compile(
    r"^(?:(?:oh|um|uh|well),? )*(yes|yeah|yep|yup|correct|right|i do|i am|i have|i did|i was|that's right|"
    r"that's correct|"
    r"absolutely|sure|mm-?hmm|mhm|uh-huh|definitely|of course|exactly|a (?:little )?bit(?! (?:better|worse|more|less|of|down|low)\b))\b",
    re.IGNORECASE,
)
NO = re.compile(
    r"^(?:(?:oh|um|uh|well),? )*(no|nope|nah|not really|not at all|none|never|i do ?n't|i have ?n't|"
    r"i did ?n't|i'm not|i am not|"
    r"negative|denies|not that)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:(?:and|so|but|now|or|then|okay|alright|all right|right|well|great|good),? )*(do|does|did|are|is|was|were|have|has|had|"
    r"any|can|could|would|will|"
    r"what|when|where|how|who|"
    r"why|which|tell me)\b",
    re.IGNORECASE,
)
_TAG_QUESTION = re.compile(r",? (right|correct|is that (right|correct)|okay|yeah|huh)\s*\?$", re.IGNORECASE)
# "Let us raise the dose, okay?" asks nothing: it is a statement with a nod at its end.
_NODDING_TAG = re.compile(r"(?<![ ,])[ ,]+(?:okay|ok|alright|all right|you know|yeah)\s*,?\s*\?[\"']?$", re.IGNORECASE)
_VOCATIVE = re.compile(
    r"^(?:(?:so|and|well|okay|hi|hello|now|all right|alright),? )*[A-Za-z]+, (?=(?:i|it|you|we|let|how|"
    r"what|so|your|have|has|did|do) ?\b)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"^(?:who|which|because|such as|whose) (?!(?:is|are|do|does|did|was|were) (?:you|your)\b)", re.IGNORECASE
)
_NOT_A_NAME = frozenset(
    word_list(
        "so and but now then well yes no yeah okay also actually again lastly finally first second third next "
        "plus sure right today unfortunately fortunately honestly basically however because though still "
        "otherwise sometimes usually maybe perhaps anyway great good perfect alright here there this that it he "
        "she they we you i oh um uh hmm yesterday tomorrow tonight once overall obviously clearly"
    )
)
_CLEARLY_ASKING = (
    0.025  # per word, see _with_true_speakers; every swapped visit of ACI-Bench train is beyond it, no other is
)
# The whole words `you`, `your` and `i`, `my`. They begin with their letters, which are found much faster than a border of a word.
_YOU = re.compile(r"you(?<!\wyou)r?\b")
_I = re.compile(r"i(?<!\wi)\b|my(?<!\wmy)\b")
_DOCTOR_PREFIXES = ("doc", "ther", "clin", "prac", "prov", "psych", "couns")


@dataclass(slots=True)
class Unit:
    """One statement or question. `position` runs from 0 at the start of the session to 1 at its end."""

    segment_id: int
    role: Role
    text: str
    raw: str
    is_question: bool
    question: str = ""
    question_id: int | None = None
    position: float = 0.0
    index: int = 0
    is_turn_start: bool = True
    named_in: int | None = None  # the segment that names what this one only means

    @property
    def says_yes(self) -> bool:
        return _says_yes(self.raw)

    @property
    def says_no(self) -> bool:
        return _says_no(self.raw)


@lru_cache(maxsize=4096)
def _says_yes(raw: str) -> bool:
    return bool(YES.match(raw))


@lru_cache(maxsize=4096)
def _says_no(raw: str) -> bool:
    return bool(NO.match(raw))


def role_of(speaker: str, text: str = "") -> Role:
    """Return who is speaking: the first patient label is the patient, the others accompany; unknown is judged by the words."""
    label = speaker.lower()
    if label.startswith(_DOCTOR_PREFIXES):
        return "doctor"
    if label == "other" or re.match(r"patient_\d", label):
        return "companion"
    if label.startswith(("pat", "cli")):
        return "patient"
    first = len(re.findall(r"\b(i|my|me)\b", text, re.IGNORECASE))
    second = len(re.findall(r"\b(you|your)\b", text, re.IGNORECASE)) + 2 * text.count("?")
    return "doctor" if second > first else "patient"


@lru_cache(maxsize=2)
def units_of(segments: tuple[TranscriptSegment, ...]) -> tuple[Unit, ...]:
    """Return the units of a session; kept for the next step on the same session, which must not change them."""
    return tuple(make_units(segments))


def make_units(segments: Iterable[TranscriptSegment], *, threshold: float = -1.0) -> list[Unit]:
    """Return the units of a transcript in order; a patient's unit carries the doctor's last question."""
    segments = _with_true_speakers(list(segments))
    use_model = not is_punctuated([segment.text for segment in segments])
    units: list[Unit] = []
    question, question_id = "", None
    for segment in segments:
        role = role_of(segment.speaker, segment.text)
        for number, (text, raw, is_question) in enumerate(_pieces(segment.text, threshold, use_model)):
            unit = Unit(segment.id, role, text, raw, is_question, is_turn_start=number == 0)
            if role != "doctor" and question:
                unit.question, unit.question_id = question, question_id
            if text.strip(" ?.,!") or (unit.question and (unit.says_yes or unit.says_no)):
                units.append(unit)
            if role == "doctor":
                if is_question:
                    question, question_id = _TAG_QUESTION.sub("?", text), segment.id
                elif len(text.split()) > 5:
                    question, question_id = "", None
        if role != "doctor" and len(segment.text.split()) > 3:
            question, question_id = "", None
    for index, unit in enumerate(units):
        unit.index = index
        unit.position = index / max(1, len(units) - 1)
    return units


@lru_cache(maxsize=2048)
def _pieces(said: str, threshold: float, use_model: bool) -> tuple[tuple[str, str, bool], ...]:
    """Return text, raw words and whether it asks of each statement in an utterance.

    Kept, since a session is read as it was said, without what was taken back, and with its statements put together: most
    utterances are the same in all three.
    """
    found = []
    for piece in _with_clauses_joined(split_sentences(said, threshold=threshold, use_model=use_model)):
        text, raw = clean(piece), " ".join(piece.split())
        is_question = _is_question(raw, text)
        found.append((_without_vocative(text), raw.lower(), is_question))
    return tuple(found)


def _with_clauses_joined(pieces: list[str]) -> list[str]:
    """Return the sentences of an utterance with those that are only a clause (`Because it hurts.`) joined to the one before."""
    joined: list[str] = []
    for piece in pieces:
        if (
            joined
            and _CLAUSE.match(piece)
            and not piece.rstrip().endswith("?")
            and not joined[-1].rstrip().endswith("?")
        ):
            joined[-1] = f"{joined[-1].rstrip(' .,')} {piece[0].lower()}{piece[1:]}"
        else:
            joined.append(piece)
    return joined


def _is_question(raw: str, text: str) -> bool:
    if _QUESTION.match(text):
        return True
    return raw.rstrip(" \"'").endswith("?") and not _NODDING_TAG.search(raw.rstrip())


def _without_vocative(text: str) -> str:
    match = _VOCATIVE.match(text)
    if not match or match.group(0).split()[-1].strip(",").lower() in _NOT_A_NAME:
        return text
    return text[match.end() :]


def _with_true_speakers(segments: list[TranscriptSegment]) -> list[TranscriptSegment]:
    """Return the segments with doctor and patient exchanged when the labels are clearly the wrong way round.

    The one who asks and says `you` is the clinician, the one who says `I` the patient; speaker detection sometimes swaps them.
    """
    leaning = {
        role: _asking([segment.text for segment in segments if segment.speaker.lower() == role])
        for role in ("doctor", "patient")
    }
    if leaning["patient"] < _CLEARLY_ASKING or leaning["doctor"] > -_CLEARLY_ASKING:
        return segments
    other = {"doctor": "patient", "patient": "doctor"}
    return [replace(segment, speaker=other.get(segment.speaker.lower(), segment.speaker)) for segment in segments]


def _asking(texts: list[str]) -> float:
    """Return how much more a speaker addresses the other than speaks of themself, per word."""
    text = " ".join(texts).lower()
    second = len(_YOU.findall(text)) + 2 * text.count("?")
    return (second - len(_I.findall(text))) / max(1, len(text.split()))
