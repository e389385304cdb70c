"""What a counselling session shows, as far as the words carry it: ratings, ambivalence, reasons, readiness, insight."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .base import TranscriptSegment
from .facts import Fact
from .grammar import Person
from .lexicon import DIAGNOSES
from .rewrite import finish, is_readable, rewrite
from .textnorm import clean, numbers_in
from .therapy_client import can_stand, confirmed, spoken_plainly
from .therapy_prose import stands_alone
from .therapy_quotes import quote_of, telling_quote
from .therapy_talk import Statement
from .therapy_terms import PERMISSION, REASONS
from .therapy_topics import Topic, listed

_RATED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("the importance of it", r"important|importance"),
        ("confidence", r"confiden|sure are you|how sure"),
        ("readiness", r"\bready|readiness"),
        ("willingness", r"willing"),
        ("the likelihood of doing it", r"likely"),
        ("motivation", r"motivat"),
        ("disturbance", r"disturb|upset"),
        ("anxiety", r"anxious|anxiety"),
        ("fear", r"fear|scared"),
        ("anger", r"anger|angry"),
        ("the urge", r"urge|craving"),
        ("mood", r"mood"),
        ("energy", r"energy"),
        ("stress", r"stress"),
        ("belief in the thought", r"\bbelieve\b"),
        ("pain", r"\bpain"),
    )
)
_SCALE = re.compile(r"\bscale\b|\b[01] to 10", re.IGNORECASE)
_HOW_MUCH = re.compile(r"\bhow (?:strong|much|upset|anxious|true|high|bad)\b|\bwhat is the\b|\bnow\b", re.IGNORECASE)
_REALIZING = re.compile(
    r"\b(?:did ?n[o']t (?:know|realize|think)|never (?:thought|knew|realized)|had ?n[o']t (?:thought|noticed|realized)|makes? sense|"
    r"i (?:guess|see|realize) (?:that|it|i)|that's (?:true|a good)|good (?:point|idea)|helps|helpful|surpris\w+)\b",
    re.IGNORECASE,
)
# What speaks for a change or against it has to say so, whatever the model takes it for.
_TOWARDS = re.compile(
    r"\b(?:want|need|have to|ha[sv]e got to|should|would like|would love|hope|wish|worr\w+|scared|afraid|do ?n[o']t want|so (?:that )?i|"
    r"for (?:my|him|her|them)|because|better|healthy|health|lose|promised|stop|quit|cut down|change|can ?not go on|tired of)\b",
    re.IGNORECASE,
)
_AGAINST = re.compile(
    r"\b(?:hard|difficult|only|like|love|enjoy\w*|help\w*|relax\w*|trouble|scar\w+|afraid|comfort|need|miss|tired|time|reward|"
    r"stress\w*|never)\b|\bnot (?:ready|going to|sure|interested|that bad|worried|(?:really |such )?(?:a )?(?:big )?(?:problem|deal))\b|"
    r"(?:n't|\bnot) (?:really )?(?:want to (?:quit|stop|give|change|cut|lose)|stop|quit|give|imagine|see|have (?:time|a problem)|"
    r"think (?:i|it|that)|know (?:how|if|what))\b",
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
_BEFORE = re.compile(
    r"^(?:and )?it (?:was|used to be) (?:about |around )?(\d{1,3})\b(?! (?:in|at|on)\b)", re.IGNORECASE
)
_SAYING = re.compile(r"^The (?:patient|client) (?:denies|reports)\b")
_MOST_REASONS = 3
_SHORTEST_RESPONSE = 5  # words
_SHORTEST_SUMMARY = 7
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
        *_ratings(statements),
        *_willing_to_talk(statements, topic),
        *_weighed_up(statements, said, topic),
        *_motivated_by(statements),
        *_shown_by(statements, said, "strength", _ACHIEVED, "strengths:", person),
        *_shown_by(statements, said, "goal", _WISHED, "goal:", person),
        *_recognized(statements, said),
        *_of_clinician(statements, person),
    ]
    if topic:
        found += _shown_by(statements, said, "motive", _TOWARDS, "motivation to change:", person)
        found += _shown_by(statements, said, "doubt", _AGAINST, "barriers to change:", person)
    if not any(fact.kind in ("readiness", "insight", "assessment") for fact in found):
        found += _summarized(statements, person)
    return found


def _summarized(statements: Sequence[Statement], person: Person) -> Iterator[Fact]:
    """Yield the fullest reflection that the client agreed to, for a session with nothing else to assess it by."""
    reflections = [fact for fact in confirmed(statements, person) if len(fact.text.split()) >= _SHORTEST_SUMMARY]
    if reflections:
        fullest = max(reflections, key=lambda fact: fact.score)
        clause = fullest.text[0].lower() + fullest.text[1:]
        text = finish(f"the therapist reflected, and the client agreed, that {clause}")
        yield replace(fullest, text=text, kind="assessment", score=_SURE, from_doctor=True)


def _ratings(statements: Sequence[Statement]) -> Iterator[Fact]:
    """Yield each thing the client put a number on; one rated again is told with its first and its last number."""
    found: dict[str, list[tuple[Statement, Statement, str]]] = {}
    for question, answer in _exchanges(statements):
        rated = next((name for name, pattern in _RATED if pattern.search(question.unit.text)), "")
        numbers = re.findall(r"\b\d{1,3}\b", answer.unit.text)
        if rated and len(numbers) == 1 and _asks_for_number(question, answer):
            found.setdefault(rated, []).append((question, answer, numbers[0]))
    for rated, ratings in found.items():
        (question, first, number), (last_question, last, later) = ratings[0], ratings[-1]
        scale = re.search(r"\b(?:0|1|zero|one) to (10|100|a hundred)\b", question.unit.text)
        top = scale.group(1).replace("a hundred", "100") if scale else ""
        ending = f" on a scale to {top}" if top and top in numbers_in(clean(question.unit.text)) else ""
        evidence = tuple(sorted({*_both(question, first), *_both(last_question, last)}))
        change = f" and later at {later}" if last is not first and later != number else ""
        if last is first and (before := _rated_before(statements, first)):
            ending += f" ({before} before)"
        yield Fact(
            f"The client rated {rated} at {number}{change}{ending}.", evidence, _SURE, "rating", first.unit.index
        )


def _rated_before(statements: Sequence[Statement], answer: Statement) -> str:
    """Return the number that the rest of an answer compares with: `About 40. It was 90 before.`"""
    for later in statements:
        if later.unit.segment_id == answer.unit.segment_id and later.unit.index > answer.unit.index:
            match = _BEFORE.match(later.unit.text)
            return match.group(1) if match else ""
    return ""


def _asks_for_number(question: Statement, answer: Statement) -> bool:
    if question.label == "scaling" or _SCALE.search(question.unit.text):
        return True
    return bool(re.match(r"\d", answer.unit.text)) and bool(_HOW_MUCH.search(question.unit.text))


def _willing_to_talk(statements: Sequence[Statement], topic: Topic | None) -> Iterator[Fact]:
    for question, answer in _exchanges(statements):
        if topic and PERMISSION.search(question.unit.raw) and answer.unit.says_yes:
            evidence = tuple(sorted({*_both(question, answer), *topic.evidence[:2]}))
            yield Fact(f"The client agreed to talk about {topic.name}.", evidence, 0.8, "observed", answer.unit.index)
            return


def _weighed_up(statements: Sequence[Statement], said: dict[int, str], topic: Topic | None) -> Iterator[Fact]:
    doubts, motives = _best(statements, "doubt", _AGAINST), _best(statements, "motive", _TOWARDS)
    about = topic.name if topic else "change"
    against, doubt = next(
        ((quote, one) for one in doubts if (quote := telling_quote(one.unit, said, least=0))), ("", None)
    )
    towards, motive = next(
        ((quote, one) for one in motives if (quote := telling_quote(one.unit, said, least=0))), ("", None)
    )
    if doubt and motive:
        evidence = tuple(
            sorted({doubt.unit.segment_id, motive.unit.segment_id, *(topic.evidence[:1] if topic else ())})
        )
        yield Fact(
            f"The client appears ambivalent regarding {about}: “{against}”; however, “{towards}”.",
            evidence, _SURE, "readiness", motive.unit.index,
        )  # fmt: skip


def _motivated_by(statements: Sequence[Statement]) -> Iterator[Fact]:
    """Yield what the reasons for a change have to do with, by the words of the client."""
    found: dict[str, list[Statement]] = {}
    for one in _best(statements, "motive", _TOWARDS):
        for name, pattern in REASONS:
            if pattern.search(one.unit.text):
                found.setdefault(name, []).append(one)
    if found:
        names = sorted(found, key=lambda name: -len(found[name]))[:_MOST_REASONS]
        cited = sorted({one.unit.segment_id for name in names for one in found[name][:2]})
        first = min(one.unit.index for name in names for one in found[name])
        yield Fact(f"The client gave as reasons for change: {listed(names)}.", tuple(cited), 0.9, "readiness", first)


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


def _exchanges(statements: Sequence[Statement]) -> Iterator[tuple[Statement, Statement]]:
    """Yield each statement of the clinician that the client answers at once, with the answer."""
    for first, second in itertools.pairwise(statements):
        if first.unit.role == "doctor" and second.unit.role == "patient":
            yield first, second


def _best(statements: Sequence[Statement], label: str, cue: re.Pattern[str] | None = None) -> list[Statement]:
    """Return the statements of a label, the surest first; with a cue only those that have it."""
    found = [one for one in statements if one.label == label and (cue is None or cue.search(one.unit.raw))]
    return sorted(found, key=lambda one: -one.keep)


def _both(first: Statement, second: Statement) -> tuple[int, ...]:
    return tuple(sorted({first.unit.segment_id, second.unit.segment_id}))
