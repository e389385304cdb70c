"""What a counselling session shows, as far as the words carry it: ratings, ambivalence, reasons, readiness, insight."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .base import TranscriptSegment
from .facts import Fact
from .grammar import Person
from .lexicon import DIAGNOSES
from .rewrite import finish, is_readable, rewrite
from .therapy_change import AGAINST, TOWARDS, motivated_by, weighed_up
from .therapy_client import can_stand, spoken_plainly
from .therapy_observed import observed
from .therapy_prose import stands_alone
from .therapy_quotes import quote_of, telling_quote
from .therapy_reflecting import reflected
from .therapy_talk import Statement
from .therapy_topics import Topic

_REALIZING = re.compile(
    r"\b(?:did ?n[o']t (?:know|realize|think)|never (?:thought|knew|realized)|had ?n[o']t (?:thought|noticed|realized)|makes? sense|"
    r"i (?:guess|see|realize) (?:that|it|i)|that's (?:true|a good)|good (?:point|idea)|helps|helpful|surpris\w+)\b",
    re.IGNORECASE,
)
_ACHIEVED = re.compile(
    r"\b(?:stopp\w+|manag\w+|proud|sober|clean|on my own|did it|kept|went back|already|cut down|helped me|works for|gym|meetings?|"
    r"down to|every day|first time|stayed|held|gave up|quit)\b",
    re.IGNORECASE,
)
_WISHED = re.compile(r"\b(?:want|wanna|would like|would love|hope|wish|goal|need)\b|'d like\b", re.IGNORECASE)
# What the clinician holds it to be, whatever the model takes the words for.
_DIAGNOSIS = re.compile(
    r"^(?:(?:so|and|well|now|okay)[ ,]+)*(?:(?:i (?:would )?(?:think|believe|say)|my (?:impression|diagnosis|view) is)(?: that)? )?"
    r"(?:(?:this|it|that|what you describe|these symptoms)\b[^.?]*\b(?:is|are|be|looks? like|fits?|meets?)|you (?:have|meet)|"
    r"my (?:impression|diagnosis) is)\b[^.?]*\b"
    rf"(?:episode|disorder|syndrome|criteria|{'|'.join(sorted(DIAGNOSES))})\b",
    re.IGNORECASE,
)
_SAYING = re.compile(r"^The (?:patient|client) (?:denies|reports)\b")
_SHORTEST_RESPONSE = 5  # words
_SURE = 0.98


def impressions(
    statements: Sequence[Statement],
    topics: Sequence[Topic],
    segments: tuple[TranscriptSegment, ...],
    person: Person,
) -> list[Fact]:
    """Return what was rated, agreed to, weighed up and recognized, each with the words it rests on."""
    said = {segment.id: segment.text for segment in segments}
    topic = next((topic for topic in topics if topic.is_habit), None)
    found = [
        *observed(statements, topics, topic),
        *weighed_up(statements, said, topic, person),
        *motivated_by(statements, topic),
        *_shown_by(statements, said, "strength", _ACHIEVED, "strengths:", person),
        *_shown_by(statements, said, "goal", _WISHED, "goal:", person),
        *_recognized(statements, said),
        *_of_clinician(statements, person),
    ]
    if topic:
        found += _shown_by(statements, said, "motive", TOWARDS, "motivation to change:", person)
        found += _shown_by(statements, said, "doubt", AGAINST, "barriers to change:", person)
    found += reflected(statements, person)
    return found


def _shown_by(
    statements: Sequence[Statement],
    said: dict[int, str],
    label: str,
    cue: re.Pattern[str],
    frame: str,
    person: Person,
) -> Iterator[Fact]:
    """Yield the surest statement of a label under what it shows: the client's own words where they can be read alone."""
    for one in _best(statements, label, cue):
        evidence, score, index = (one.unit.segment_id,), 0.6 + one.keep / 4, one.unit.index
        if quote := telling_quote(one.unit, said):
            yield Fact(f"{frame[0].upper()}{frame[1:]} “{quote}”.", evidence, score, "readiness", index)
            return
        unit = replace(one.unit, text=spoken_plainly(one.unit.text))
        for sentence in rewrite(unit, "hpi", person):
            if is_readable(sentence, by_doctor=False) and can_stand(sentence) and not _SAYING.match(sentence):
                yield Fact(finish(f"{frame} {sentence[0].lower()}{sentence[1:]}"), evidence, score, "readiness", index)
                return


def _recognized(statements: Sequence[Statement], said: dict[int, str]) -> Iterator[Fact]:
    for one in _best(statements, "response"):
        quote = quote_of(one.unit, said)
        if len(quote.split()) >= _SHORTEST_RESPONSE and _REALIZING.search(one.unit.raw):
            yield Fact(f"The client responded: “{quote}”.", (one.unit.segment_id,), one.keep, "insight", one.unit.index)


def _of_clinician(statements: Sequence[Statement], person: Person) -> Iterator[Fact]:
    for statement in statements:
        if statement.unit.role != "doctor" or statement.unit.is_question:
            continue
        is_diagnosis = statement.label != "education" and bool(_DIAGNOSIS.match(statement.unit.text))
        if is_diagnosis or statement.label in ("impression", "observation"):
            kind = "exam" if statement.label == "observation" and not is_diagnosis else "assessment"
            for sentence in rewrite(statement.unit, kind, person):
                if is_readable(sentence, by_doctor=True) and stands_alone(sentence):
                    score = _SURE if is_diagnosis else statement.keep
                    yield Fact(sentence, (statement.unit.segment_id,), score, kind, statement.unit.index, True)


def _best(statements: Sequence[Statement], label: str, cue: re.Pattern[str] | None = None) -> list[Statement]:
    """Return the statements of a label, the surest first; with a cue only those that have it."""
    found = [one for one in statements if one.label == label and (cue is None or cue.search(one.unit.raw))]
    return sorted(found, key=lambda one: -one.keep)
