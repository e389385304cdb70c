"""Two short statements of the same person that follow each other, told in one sentence."""

import re
from collections.abc import Sequence
from dataclasses import replace

from .facts import Fact

_LONGEST_HALF = 9  # words
_SUBJECT = re.compile(
    r"^(The client|He|She|They) (?!(?:thinks?|feels?|says?|reports?|denies|said|thought)\b)(?=[a-z]+)"
)
_HAS_JOINT = re.compile(r"[,;:“]|\b(?:and|but|because|so|if|when|that|or)\b")
_NEGATED = re.compile(r"\b(?:not|never|no|cannot|nobody|nothing)\b|n't\b")


def joined(facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts with neighbours told as one: same subject, same kind, one after the other, both plain and short.

    A denied statement is never joined to one that is not: nobody shall read the `not` over both.
    """
    found: list[Fact] = []
    is_double = False
    for fact in facts:
        before = found[-1] if found and not is_double else None
        text = _together(before, fact) if before else ""
        is_double = bool(text)
        if before and text:
            evidence = tuple(sorted({*before.evidence, *fact.evidence}))
            found[-1] = replace(before, text=text, evidence=evidence, score=min(before.score, fact.score))
        else:
            found.append(fact)
    return found


def _together(first: Fact, second: Fact) -> str:
    if first.kind != second.kind or second.index - first.index > 1 or first.is_minor or second.is_minor:
        return ""
    if max(first.score, second.score) >= 1 or first.question != second.question:
        return ""
    subject, other = _SUBJECT.match(first.text), _SUBJECT.match(second.text)
    if subject is None or other is None or subject.group(1) != other.group(1):
        return ""
    texts = (first.text, second.text)
    if any(len(text.split()) > _LONGEST_HALF or _HAS_JOINT.search(text) for text in texts):
        return ""
    if _NEGATED.search(first.text) or _NEGATED.search(second.text):
        return ""
    return f"{first.text.rstrip('.')} and {second.text[other.end() :]}"
