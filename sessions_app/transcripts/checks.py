"""What of a transcript is worth a second look: doubtful words, unknown voices, places two passes heard differently. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sessions_app import queries
from sessions_app.transcripts import witnesses
from sessions_app.transcripts.segments import Segment

SLOWLY_FROM_MS = 1_500  # a place is played from a little before it, so that the ear is ready
LONGEST_QUOTE = 24
WHAT_DIFFERS = {
    witnesses.NUMBER: "a number",
    witnesses.DRUG: "a drug",
    witnesses.NEGATION: "a “no”",
    witnesses.NAME: "a name",
}
DOSE = re.compile(r"^\W*(?:mg|milligrams?|mcg|micrograms?|ml|units?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Option:
    """One of two readings: which pass heard it, with the words around, and what speaks for it."""

    which: str
    source: str
    before: str
    text: str
    after: str
    percent: int | None
    agrees_with: str = ""


@dataclass(frozen=True)
class Question:
    """An open place with two readings; words `first` up to `last` of a segment are the ones in question."""

    id: int
    segment: int
    first: int
    last: int
    about: str
    start_ms: int
    options: list[Option]

    @property
    def play_ms(self) -> int:
        return max(0, self.start_ms - SLOWLY_FROM_MS)

    @property
    def title(self) -> str:
        heard = " or ".join(option.text.strip(".,?!") or "nothing" for option in self.options)
        return f"{self.about.removeprefix('a ').capitalize()}: {heard}?"


@dataclass(frozen=True)
class Check:
    """One entry of the list of things to look at; `place` is the number of a doubtful word in its line.

    `is_put_in` when the engine put the word in for what it heard.
    """

    turn: int
    start_ms: int
    title: str
    hint: str
    icon: str
    place: int | None = None
    is_put_in: bool = False


def open_questions(
    readings: Iterable[Mapping[str, Any]], segments: Sequence[Segment], *, medications: str = ""
) -> list[Question]:
    """Return the places where two readings still stand against each other, in order.

    `medications` are the lines of the patient's list: a reading that is on it says so.
    """
    questions = []
    for reading in witnesses.readings_from(readings):
        place = witnesses.find_place(reading, segments) if reading.is_open else None
        if place is not None:
            questions.append(_question(reading, place, medications))
    return questions


def checks_of(segments: Iterable[Segment], questions: Iterable[Question]) -> list[Check]:
    """Return everything to look at: what the two passes heard differently first, then the rest in order."""
    found = [
        Check(question.segment, question.play_ms, question.title, "Two readings differ", "alert-triangle")
        for question in questions
    ]
    for segment in segments:
        if segment["speaker"] == "unknown":
            text = segment["text"]
            quote = text if len(text) < LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 2]}…"
            title = f"Who said “{quote}”?"
            found.append(Check(segment["id"], segment["start_ms"], title, "Voice not recognised", "user"))
        found += [_word_check(segment, place, word) for place, word in queries.doubtful_words(segment)]
    return found


def _word_check(segment: Segment, place: int, word: Mapping[str, Any]) -> Check:
    hint = f"Heard as “{word['heard']}”" if word.get("heard") else f"{round(word['confidence'] * 100)}% sure"
    return Check(segment["id"], word["start_ms"], f"“{word['text']}”", hint, "ear", place, bool(word.get("heard")))


def _question(reading: witnesses.Difference, place: witnesses.PlaceOfReading, medications: str) -> Question:
    is_dose = reading.kind == witnesses.NUMBER and bool(
        DOSE.match(reading.batch.after) or DOSE.search(reading.batch.text.partition(" ")[2])
    )
    return Question(
        id=reading.id,
        segment=place.segment["id"],
        first=place.first,
        last=place.last,
        about="a dose" if is_dose else WHAT_DIFFERS[reading.kind],
        start_ms=reading.start_ms,
        options=[
            _option("live", "While recording", reading.live, reading.kind, medications),
            _option("batch", "Second pass over the whole recording", reading.batch, reading.kind, medications),
        ],
    )


def _option(which: str, source: str, reading: witnesses.Reading, kind: str, medications: str) -> Option:
    return Option(
        which=which,
        source=source,
        before=reading.before,
        text=reading.text,
        after=reading.after,
        percent=None if reading.confidence is None else round(reading.confidence * 100),
        agrees_with=_on_the_list(reading.text, kind, medications),
    )


def _on_the_list(text: str, kind: str, medications: str) -> str:
    """Return the line of the medication list a number or a drug is on, or nothing."""
    if kind not in {witnesses.NUMBER, witnesses.DRUG}:
        return ""
    known = witnesses.terms_in(text)
    return next((line.strip() for line in medications.splitlines() if known & witnesses.terms_in(line)), "")
