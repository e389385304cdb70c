"""What the clinician reflected, told as theirs: a reflection the client did not deny is still no statement of the client."""

import re
from collections.abc import Iterator, Sequence

from .facts import Fact
from .grammar import Person, you_to_third
from .rewrite import finish, is_readable, strip_lead
from .therapy_client import REFLECTION_LEAD, SOUNDING, can_stand, confirmed
from .therapy_prose import agreeing, plain_speech
from .therapy_talk import Statement

# "A place where nobody needs you" is a name and no statement; "she is a strong reason" does not say who.
_NAMED_ONLY = re.compile(
    r"^(?:he|she|they|that|this|these|those|there)\b|"
    r"^(?:a|an|the|some(?:thing|one|body|where)) (?:\w+ ){0,4}?(?:where|who|that|which)\b",
    re.IGNORECASE,
)
_SHORTEST = 6  # words
_LONGEST = 22
_MOST_AGREED, _MOST = 2, 2
_IN_ONE, _LONGEST_PAIR = 2, 28  # reflections in a sentence, and their words
_SURE = 0.98


def reflected(statements: Sequence[Statement], person: Person) -> list[Fact]:
    """Return the fullest reflections the client agreed to, and the fullest of the others."""
    agreed = [fact for fact in confirmed(statements, person) if len(fact.text.split()) >= _SHORTEST]
    agreed = sorted(agreed, key=lambda fact: -fact.score)[:_MOST_AGREED]
    taken = {fact.index for fact in agreed}
    others = sorted(_others(statements, person, taken), key=lambda fact: -fact.score)[:_MOST]
    return [
        *_told(agreed, "the therapist reflected, and the client agreed,"),
        *_told(others, "the therapist reflected"),
    ]


def _told(reflections: Sequence[Fact], frame: str) -> Iterator[Fact]:
    """Yield reflections in the order of the session, two in a sentence where they are short."""
    pair: list[Fact] = []
    for one in sorted(reflections, key=lambda fact: fact.index):
        if pair and (len(pair) == _IN_ONE or sum(len(fact.text.split()) for fact in (*pair, one)) > _LONGEST_PAIR):
            yield _sentence(pair, frame)
            pair = []
        pair.append(one)
    if pair:
        yield _sentence(pair, frame)


def _sentence(pair: Sequence[Fact], frame: str) -> Fact:
    clauses = [f"that {one.text[0].lower()}{one.text[1:].rstrip('.')}" for one in pair]
    evidence = tuple(sorted({segment for one in pair for segment in one.evidence}))
    return Fact(finish(f"{frame} {', and '.join(clauses)}"), evidence, _SURE, "assessment", pair[0].index, True)


def _others(statements: Sequence[Statement], person: Person, taken: set[int]) -> Iterator[Fact]:
    for index, statement in enumerate(statements[:-1]):
        unit, answer = statement.unit, statements[index + 1].unit
        if unit.role != "doctor" or statement.label != "reflection" or unit.is_question or unit.index in taken:
            continue
        if answer.role == "patient" and answer.says_no:
            continue
        base = strip_lead(SOUNDING.sub("", REFLECTION_LEAD.sub("", plain_speech(unit.text)))).rstrip("?. ")
        if not _SHORTEST <= len(base.split()) <= _LONGEST or re.search(
            r"\b(?:i|me|my|we|us|our)\b", base, re.IGNORECASE
        ):
            continue
        if _NAMED_ONLY.match(base):
            continue
        sentence = agreeing(finish(you_to_third(base, person)))
        if can_stand(sentence) and is_readable(sentence, by_doctor=False):
            yield Fact(sentence, (unit.segment_id,), statement.keep, "assessment", unit.index, True)
