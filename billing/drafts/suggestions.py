"""Codes, modifiers and diagnoses offered for a draft, each with what speaks for it. Pure; nothing is applied by itself.

Interactive complexity (90785) is never offered: whether it applies is no fact of the recording.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from billing.codes.times import (
    ADD_ON_OF,
    CRISIS,
    CRISIS_MORE,
    EVALUATION_CODES,
    LEAST_MINUTES,
    codes_of,
    crisis_units,
    minutes_in_words,
)
from billing.models import Bill
from billing.money import MAXIMUM_MODIFIERS, Line

IN_PERSON, VIDEO_AT_HOME, VIDEO_ELSEWHERE = "11", "10", "02"
VIDEO_MODIFIERS = ("95", "GT")
FAMILY_WITH_PATIENT, FAMILY_WITHOUT_PATIENT = "90847", "90846"
# A point, or the chapter of mental disorders: "B12" in a report is a vitamin.
_ICD_10 = re.compile(r"(?<![\w.])([A-TV-Z][0-9][0-9A-Z]\.[0-9A-Z]{1,4}|F[0-9]{2})(?![\w]|\.[0-9])")


@dataclass(frozen=True)
class Diagnosis:
    """A code and where it stands, such as "Assessment, report signed 14 Oct". Nothing else of the report."""

    code: str
    place: str


@dataclass(frozen=True)
class Evidence:
    """What is known of the visit behind a bill. `other_voices` counts who was heard besides clinician and patient."""

    bill_type: str
    minutes: int | None
    is_video: bool = False
    other_voices: int = 0
    diagnoses: tuple[Diagnosis, ...] = ()
    video_modifier: str = VIDEO_MODIFIERS[0]


@dataclass(frozen=True)
class Draft:
    """What stands on the bill so far."""

    lines: Sequence[Line]
    place_of_service: str = ""
    diagnosis_codes: Sequence[str] = ()


@dataclass(frozen=True)
class Suggestion:
    """One thing to add, and why. Exactly one of modifier, code, place and diagnosis is set.

    `replaces` is the code of the line that `code` takes the place of; `units` are those of a new line.
    """

    title: str
    reason: str
    modifier: str = ""
    code: str = ""
    units: int = 1
    replaces: str = ""
    place: str = ""
    diagnosis: str = ""

    @property
    def key(self) -> str:
        """A name that stays as long as the same thing is offered."""
        parts = (self.modifier, self.replaces, self.code, self.place, self.diagnosis)
        kinds = ("modifier", "instead-of", "code", "place", "diagnosis")
        return "-".join(f"{kind}-{part}" for kind, part in zip(kinds, parts, strict=True) if part)


def suggest(evidence: Evidence, draft: Draft) -> list[Suggestion]:
    """Return what may be added to a draft, the likeliest first."""
    return [
        *_of_crisis(evidence, draft),
        *_of_medical_visit(draft),
        *_of_video(evidence, draft),
        *_of_family(evidence, draft),
        *_of_diagnoses(evidence, draft),
    ]


def place_for(*, is_video: bool) -> str:
    """Return the place of service a draft begins with: the office, or the patient's home by video."""
    return VIDEO_AT_HOME if is_video else IN_PERSON


def find_codes(texts: Iterable[str]) -> list[str]:
    """Return the ICD-10 codes written in texts, each once, in their order."""
    return list(dict.fromkeys(code for text in texts for code in _ICD_10.findall(text)))


def _of_video(evidence: Evidence, draft: Draft) -> Iterator[Suggestion]:
    if not evidence.is_video:
        return
    coded = [line for line in draft.lines if line.cpt_code]
    bare = [line for line in coded if not set(VIDEO_MODIFIERS) & set(line.modifiers)]
    if any(len(line.modifiers) < MAXIMUM_MODIFIERS for line in bare):
        other = next(modifier for modifier in VIDEO_MODIFIERS if modifier != evidence.video_modifier)
        usual = "what your clinic uses" if evidence.video_modifier != VIDEO_MODIFIERS[0] else "real-time video"
        yield Suggestion(
            f"Modifier {evidence.video_modifier}",
            f"The session was by video: {evidence.video_modifier} says so ({usual}).",
            modifier=evidence.video_modifier,
        )
        yield Suggestion(
            f"Modifier {other} instead", f"Some payers ask for {other} for sessions by video.", modifier=other
        )
    if draft.place_of_service not in (VIDEO_AT_HOME, VIDEO_ELSEWHERE):
        yield Suggestion(
            f"Place of service {VIDEO_AT_HOME}",
            "The session was by video: 10 when the patient was at home.",
            place=VIDEO_AT_HOME,
        )
    if draft.place_of_service != VIDEO_ELSEWHERE:
        yield Suggestion(
            f"Place of service {VIDEO_ELSEWHERE}",
            "The session was by video: 02 when the patient was not at home.",
            place=VIDEO_ELSEWHERE,
        )


def _of_crisis(evidence: Evidence, draft: Draft) -> Iterator[Suggestion]:
    minutes = evidence.minutes or 0
    if evidence.bill_type != Bill.Type.EMERGENCY or minutes < LEAST_MINUTES[CRISIS]:
        return
    codes = codes_of(draft.lines)
    if CRISIS not in codes:
        yield Suggestion(
            f"{CRISIS}, crisis session",
            f"{minutes_in_words(minutes)} of an emergency: {CRISIS} is 30 to 74. Only when it was a crisis.",
            code=CRISIS,
            replaces=codes[0] if len(codes) == 1 else "",
        )
    units = crisis_units(minutes)
    if units and CRISIS_MORE not in codes:
        yield Suggestion(
            f"{CRISIS_MORE}, {units} × 30 minutes more",
            f"{minutes_in_words(minutes)}: {CRISIS} ends at 74, {CRISIS_MORE} is each half hour from 75 on.",
            code=CRISIS_MORE,
            units=units,
        )


def _of_medical_visit(draft: Draft) -> Iterator[Suggestion]:
    """Offer psychotherapy as the add-on when a medical visit is billed beside it."""
    codes = codes_of(draft.lines)
    medical = [code for code in codes if code in EVALUATION_CODES]
    for code in codes if medical else []:
        if code in ADD_ON_OF:
            yield Suggestion(
                f"{ADD_ON_OF[code]} instead of {code}",
                f"{medical[0]} is billed too: psychotherapy in the same visit is its add-on {ADD_ON_OF[code]}.",
                code=ADD_ON_OF[code],
                replaces=code,
            )


def _of_family(evidence: Evidence, draft: Draft) -> Iterator[Suggestion]:
    minutes = evidence.minutes or 0
    codes = codes_of(draft.lines)
    if not evidence.other_voices or minutes < LEAST_MINUTES[FAMILY_WITH_PATIENT]:
        return
    if {FAMILY_WITH_PATIENT, FAMILY_WITHOUT_PATIENT} & set(codes):
        return
    heard = "Somebody else was heard" if evidence.other_voices == 1 else f"{evidence.other_voices} others were heard"
    for code, who in (
        (FAMILY_WITH_PATIENT, "with the patient there"),
        (FAMILY_WITHOUT_PATIENT, "without the patient"),
    ):
        yield Suggestion(
            f"{code}, family session {who}",
            f"{heard} in the recording, {minutes_in_words(minutes)}: {code} from 26, if it was a family session.",
            code=code,
            replaces=codes[0] if len(codes) == 1 else "",
        )


def _of_diagnoses(evidence: Evidence, draft: Draft) -> Iterator[Suggestion]:
    for diagnosis in evidence.diagnoses:
        if diagnosis.code not in draft.diagnosis_codes:
            yield Suggestion(
                f"Diagnosis {diagnosis.code}", f"It stands in: {diagnosis.place}.", diagnosis=diagnosis.code
            )
