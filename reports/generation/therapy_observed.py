"""What could be seen of the client in a counselling session, by their words: ratings, consent, subjects, feelings."""

import itertools
import re
from collections.abc import Iterator, Sequence

from .facts import Fact
from .rewrite import finish
from .textnorm import clean, numbers_in
from .therapy_named import FEELINGS
from .therapy_talk import Statement
from .therapy_terms import PERMISSION
from .therapy_topics import Topic, listed

_RATED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("importance", r"important|importance"),
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
_FELT = re.compile(
    r"\b(?:i|i've|i'm)(?: (?:am|was|have|had|do|did|just|really|always|still|also|would|get|got|been|become|start|started|"
    r"sometimes|usually|kind|of))* "
    r"(?:feel|feels|felt|feeling|am|was|get|got|been|be|cry|cried|blame|worry)\b|\b(?:makes?|made|making|leaves?|scares|worries|"
    r"overwhelms|frightens) me\b|"
    r"\bmy (?:fault|fear|anger|worry|anxiety|guilt|stress|shame)\b|\bi am\b",
    re.IGNORECASE,
)
_UNFELT = re.compile(r"\b(?:not|never|no|n't|nothing|without|used to|less)\b", re.IGNORECASE)
_BEFORE = re.compile(
    r"^(?:and )?it (?:was|used to be) (?:about |around )?(\d{1,3})\b(?! (?:in|at|on)\b)", re.IGNORECASE
)
_MOST_FEELINGS = 4
_MOST_SPOKEN = 3
_SURE = 0.98


def observed(statements: Sequence[Statement], topics: Sequence[Topic], topic: Topic | None) -> Iterator[Fact]:
    """Yield what the client rated, agreed to, named of their feelings and talked about; `topic` is what they may change."""
    yield from _ratings(statements)
    yield from _willing_to_talk(statements, topic)
    yield from _felt(statements)
    yield from _took_part(statements, topics)


def _ratings(statements: Sequence[Statement]) -> Iterator[Fact]:
    """Yield what the client put numbers on, together where the scale is one; what is rated again has its first and its last number."""
    found: dict[str, list[tuple[Statement, Statement, str]]] = {}
    for question, answer in _exchanges(statements):
        rated = next((name for name, pattern in _RATED if pattern.search(question.unit.text)), "")
        numbers = re.findall(r"\b\d{1,3}\b", answer.unit.text)
        if rated and len(numbers) == 1 and _asks_for_number(question, answer):
            found.setdefault(rated, []).append((question, answer, numbers[0]))
    rows: list[tuple[str, set[int], int, str]] = []
    for rated, ratings in found.items():
        (question, first, number), (last_question, last, later) = ratings[0], ratings[-1]
        scale = re.search(r"\b(?:0|1|zero|one) to (10|100|a hundred)\b", question.unit.text)
        top = scale.group(1).replace("a hundred", "100") if scale else ""
        change = f" and later at {later}" if last is not first and later != number else ""
        if last is first and (before := _rated_before(statements, first)):
            change = f" ({before} before)"
        evidence = {*_both(question, first), *_both(last_question, last)}
        is_told = bool(top) and top in numbers_in(clean(question.unit.text))
        rows.append((f"{rated} at {number}{change}", evidence, first.unit.index, top if is_told else ""))
    # A scale is explained once: what is rated after it is rated on it, too.
    tops = {top for *_, top in rows if top}
    groups = [rows] if len(tops) == 1 and rows[0][3] else [[row] for row in rows]
    for group in groups:
        ending = f" on a scale to {group[0][3]}" if group[0][3] else ""
        evidence = set[int]().union(*(cited for _, cited, *_ in group))
        text = finish(f"the client rated {listed([rating for rating, *_ in group])}{ending}")
        yield Fact(text, tuple(sorted(evidence)), _SURE, "rating", group[0][2])


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


def _took_part(statements: Sequence[Statement], topics: Sequence[Topic]) -> Iterator[Fact]:
    """Yield what the client talked about of their own, and that they agreed with what was reflected to them."""
    spoken: dict[str, list[int]] = {}
    for one in statements:
        if one.unit.role == "patient" and not one.unit.is_question:
            for topic in topics:
                if topic.pattern.search(one.unit.text):
                    spoken.setdefault(topic.name, []).append(one.unit.segment_id)
    names = sorted((name for name in spoken if len(set(spoken[name])) > 1), key=lambda name: -len(spoken[name]))[
        :_MOST_SPOKEN
    ]
    agreed = [pair for pair in _exchanges(statements) if pair[0].label == "reflection" and _agrees(pair[1])]
    cited = {segment for name in names for segment in spoken[name][:2]}
    parts = [f"talked about {listed(names)}"] if names else []
    if len(agreed) > 1:
        parts.append("agreed with the therapist's reflections")
        cited |= {segment for pair in agreed[:_MOST_SPOKEN] for segment in _both(*pair)}
    if parts:
        yield Fact(f"The client {' and '.join(parts)}.", tuple(sorted(cited)), 0.95, "observed", 0)


def _agrees(answer: Statement) -> bool:
    return answer.unit.says_yes and not answer.unit.says_no


def _felt(statements: Sequence[Statement]) -> Iterator[Fact]:
    """Yield the feelings the client named as their own."""
    found: dict[str, list[Statement]] = {}
    for one in statements:
        text = one.unit.text
        if one.unit.role != "patient" or one.unit.is_question or not (felt := _FELT.search(text)):
            continue
        for name, pattern in FEELINGS:
            if (match := pattern.search(text[felt.start() :])) and not _UNFELT.search(
                text[: felt.start() + match.start()]
            ):
                found.setdefault(name, []).append(one)
    if found:
        names = sorted(found, key=lambda name: -sum(one.keep for one in found[name]))[:_MOST_FEELINGS]
        cited = sorted({one.unit.segment_id for name in names for one in found[name][:2]})
        first = min(one.unit.index for name in names for one in found[name])
        yield Fact(f"The client expressed feelings of {listed(names)}.", tuple(cited), 0.9, "observed", first)


def _exchanges(statements: Sequence[Statement]) -> Iterator[tuple[Statement, Statement]]:
    """Yield each statement of the clinician that the client answers at once, with the answer."""
    for first, second in itertools.pairwise(statements):
        if first.unit.role == "doctor" and second.unit.role == "patient":
            yield first, second


def _both(first: Statement, second: Statement) -> tuple[int, ...]:
    return tuple(sorted({first.unit.segment_id, second.unit.segment_id}))
