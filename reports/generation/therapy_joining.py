"""Short statements of the same person that follow each other, told in one sentence as a clinician writes them."""

import re
from collections.abc import Sequence
from dataclasses import replace

from .facts import Fact

_LONGEST_PART = 10  # words
_LONGEST = 24
_MOST = 3  # statements
_NEAR = 2  # statements between the first and the next
_SUBJECT = re.compile(
    r"^(The client|He|She|They) (?!(?:thinks?|feels? (?:like|that|as)|says?|reports?|denies|said|thought)\b)(?=[a-z]+)"
)
_REPORTED = re.compile(r"^The client (?:reports|says) that (?P<subject>he|she) ")
_HAS_JOINT = re.compile(r"[,;:“]|\b(?:and|but|because|so|if|when|that|or)\b")
_NEGATED = re.compile(r"\b(?:not|never|no|cannot|nobody|nothing)\b|n't\b")


def joined(facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts with neighbours told as one: same subject, same kind, near each other, plain and short.

    What is denied comes last in its sentence, and nothing is joined to it: nobody shall read the `not` over both.
    """
    found: list[Fact] = []
    group: list[Fact] = []
    for fact in facts:
        if group and _goes_with(group, fact):
            group.append(fact)
            continue
        found += _told(group)
        group = [fact]
    return [*found, *_told(group)]


def _goes_with(group: Sequence[Fact], fact: Fact) -> bool:
    last = group[-1]
    subject, other = _subject_of(last), _SUBJECT.match(fact.text)
    return (
        len(group) < _MOST
        and subject is not None
        and other is not None
        and subject == other.group(1)
        and last.kind == fact.kind
        and fact.index - last.index <= _NEAR
        and last.question == fact.question
        and not (last.is_minor or fact.is_minor or max(last.score, fact.score) >= 1)
        and not _NEGATED.search(last.text)
        and all(_is_plain(one.text) for one in (last, fact))
        and sum(len(one.text.split()) for one in (*group, fact)) <= _LONGEST
    )


def _subject_of(fact: Fact) -> str | None:
    if match := _REPORTED.match(fact.text):
        return match.group("subject").capitalize()
    match = _SUBJECT.match(fact.text)
    return match.group(1) if match else None


def _is_plain(text: str) -> bool:
    told = _REPORTED.sub("", text)
    return len(told.split()) <= _LONGEST_PART and not _HAS_JOINT.search(told)


def _told(group: Sequence[Fact]) -> list[Fact]:
    if len(group) < 2:
        return list(group)
    first, *others = group
    parts = [first.text.rstrip("."), *(_SUBJECT.sub("", one.text).rstrip(".") for one in others)]
    text = f"{', '.join(parts[:-1])} and {parts[-1]}."
    evidence = tuple(sorted({segment for one in group for segment in one.evidence}))
    return [replace(first, text=text, evidence=evidence, score=min(one.score for one in group))]
