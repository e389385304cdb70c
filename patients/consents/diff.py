"""What changed between two wordings, word by word. Pure."""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

_WORD = re.compile(r"\s+|[^\s]+")


class Part(NamedTuple):
    """A stretch of words that stayed (`same`), went (`gone`) or came (`new`)."""

    kind: str
    text: str


def compare(before: str, after: str) -> list[Part]:
    """Return the stretches in reading order; what went stands before what came in its place."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    parts: list[Part] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            parts.append(Part("same", "".join(old[a:b])))
            continue
        if a < b:
            parts.append(Part("gone", "".join(old[a:b])))
        if c < d:
            parts.append(Part("new", "".join(new[c:d])))
    return parts
