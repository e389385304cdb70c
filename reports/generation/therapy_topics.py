"""What a counselling session is about, by the words both use."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .therapy_talk import Statement
from .therapy_terms import ANY_SUBJECT, SAFETY, SUBJECTS

_LEAST = 3  # turns that name a topic
_MOST_CITED = 4


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject of the session and the segments it is first named in. A habit is what a person may decide to change."""

    name: str
    evidence: tuple[int, ...]
    mentions: int
    is_habit: bool
    pattern: re.Pattern[str]


def topics_of(statements: Sequence[Statement]) -> list[Topic]:
    """Return the subjects of a session, the one spoken of most first; safety comes first, then habits, then what goes with them."""
    found: list[Topic] = []
    spoken = [statement.unit for statement in statements if ANY_SUBJECT.search(statement.unit.text)]
    for name, pattern, is_habit in SUBJECTS:
        naming = [unit.segment_id for unit in spoken if pattern.search(unit.text)]
        if len(set(naming)) >= _LEAST:
            found.append(Topic(name, tuple(dict.fromkeys(naming))[:_MOST_CITED], len(naming), is_habit, pattern))
    return sorted(found, key=lambda topic: (topic.name not in SAFETY, not topic.is_habit, -topic.mentions))


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
