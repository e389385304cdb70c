"""What a note of a counselling session holds: what the client told, what was done, what it shows, what was agreed."""

import re
from collections.abc import Iterable
from dataclasses import replace

from .base import TranscriptSegment
from .facts import Fact, with_all_cited
from .grammar import CLIENT, UNNAMED, Person
from .textnorm import content_words
from .therapy_client import reported, told
from .therapy_impression import impressions
from .therapy_joining import joined
from .therapy_prose import weighed
from .therapy_stance import advised, raised, stances
from .therapy_talk import is_counselling, statements_of
from .therapy_topics import Topic, listed, topics_of
from .therapy_turns import whole_turns
from .therapy_work import agreed_steps, work_done

# Words of the note and of its later parts: so many, and so many more for each word of the session, but no more than the last.
# What the client told has the words that are left.
_BUDGETS = {"note": (170, 0.1, 260), "shown": (60, 0.03, 100), "planned": (60, 0.03, 100)}
# Notes of therapy leave the article out: `Client reports`, `Therapist explained`.
_ARTICLE = re.compile(r"^The (client|therapist)\b")
_FRAMED = re.compile(r"^(?:Strengths|Goal|Motivation to change|Barriers to change):")
_NEAR = 3  # statements
_STANDS_FOR = re.compile(
    r"^(?:They|It (?!(?:is|was|gets?|feels?) (?:\w+ )?(?:hard\w*|difficult|easier|easy|better|worse)\b))\b"
)
_STANDS_FOR_ANYBODY = re.compile(rf"{_STANDS_FOR.pattern}|^(?:He|She)\b")  # where the client is no `he` or `she`
_SURE = 0.98
_TOPIC_WEIGHT = 1.3
_DUPLICATE_FROM = 0.6
_MINOR_FACTOR = 2.5  # a detailed section may be so much longer


def therapy_facts(segments: tuple[TranscriptSegment, ...], person: Person) -> list[Fact] | None:
    """Return the facts of a counselling session in the order of the note, or None when the session is none."""
    if not is_counselling(segments):
        return None
    person = CLIENT if person is UNNAMED else person
    segments, made_of = whole_turns(segments)
    statements = statements_of(segments)
    words = sum(len(statement.unit.text.split()) for statement in statements)
    topics = topics_of(statements)
    focus = _focus(topics[:3])
    stood = list(stances(statements, person))
    found = [*impressions(statements, topics, segments, person), *(fact for fact in stood if fact.kind != "hpi")]
    shown = _within(found, _budget("shown", words))
    done = [
        *work_done(statements, topics, person),
        *raised(statements, person),
        *advised(statements, person),
        *agreed_steps(statements, person),
    ]
    planned = _within(done, _budget("planned", words))
    said = {segment.id: segment.text for segment in segments if segment.id not in made_of}
    told_later = _told_in(shown, planned)
    concerned = [fact for fact in stood if fact.kind == "hpi"]
    told_later |= {fact.index for fact in concerned}
    own = [fact for fact in told(statements, said, person) if fact.index not in told_later]
    candidates = [_nearer_the_topic(fact, topics[:2]) for fact in (*own, *concerned)]
    history = _within(candidates, _budget("note", words) - _length_of([*focus, *shown, *planned]))
    history = _named_first(history, person)
    facts = [*focus, *reported(joined(history), statements, person), *shown, *planned]
    return [replace(fact, text=_in_therapy_words(fact.text)) for fact in with_all_cited(facts, made_of)]


def _told_in(shown: Iterable[Fact], planned: Iterable[Fact]) -> set[int]:
    """Return the places of what the later parts of the note tell in full: the history need not tell it as well."""
    reflected = {fact.index for fact in shown if not fact.is_minor and fact.kind in ("assessment", "insight")}
    framed = {fact.index for fact in shown if not fact.is_minor and _FRAMED.match(fact.text)}
    return reflected | framed | {fact.index for fact in planned if fact.kind == "plan" and not fact.is_minor}


def _in_therapy_words(text: str) -> str:
    text = text.replace("accompanying person", "other participant")
    return _ARTICLE.sub(lambda match: match.group(1).capitalize(), text)


def _nearer_the_topic(fact: Fact, topics: list[Topic]) -> Fact:
    """Return a fact that names what the session is about with a better place in the note."""
    if fact.score < 1 and any(topic.pattern.search(fact.text) for topic in topics):
        return replace(fact, score=weighed(fact.score, _TOPIC_WEIGHT))
    return fact


def _named_first(history: list[Fact], person: Person) -> list[Fact]:
    """Return the history without sentences whose first word stands for somebody or something that no sentence near it names."""
    kept: list[Fact] = []
    pointing = _STANDS_FOR_ANYBODY if person.is_noun else _STANDS_FOR
    for fact in history:
        is_near = bool(kept) and fact.index - kept[-1].index <= _NEAR and not kept[-1].is_minor
        if fact.score >= 1 or fact.is_about_patient or is_near or not pointing.match(fact.text):
            kept.append(fact)
    return kept


def _focus(topics: list[Topic]) -> list[Fact]:
    if not topics:
        return []
    evidence = tuple(sorted({segment for topic in topics for segment in topic.evidence}))
    text = f"The client presents for a session regarding {listed([topic.name for topic in topics])}."
    return [Fact(text, evidence, _SURE, "focus", 0)]


def _budget(part: str, words: int) -> float:
    least, each, most = _BUDGETS[part]
    return min(most, least + each * words)


def _length_of(facts: Iterable[Fact]) -> int:
    return sum(len(fact.text.split()) for fact in facts if not fact.is_minor)


def _within(facts: Iterable[Fact], budget: float) -> list[Fact]:
    """Return the likeliest facts that fit a number of words, in the order of the session; what is over it is minor."""
    chosen: list[Fact] = []
    known: list[set[str]] = []
    used = 0
    for fact in sorted(facts, key=lambda fact: -fact.score):
        own = set(content_words(fact.text))
        if not own or any(len(own & other) / len(own) >= _DUPLICATE_FROM for other in known):
            continue
        length = len(fact.text.split())
        is_minor = used + length > budget and fact.score < 1
        if used + length > _MINOR_FACTOR * budget and fact.score < 1:
            break
        if not is_minor:
            used += length
        chosen.append(replace(fact, is_minor=is_minor, score=min(fact.score, 0.99)))
        known.append(own)
    return sorted(chosen, key=lambda fact: fact.index)
