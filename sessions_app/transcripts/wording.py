"""Two wordings of the same words, side by side: what went, what came, what stayed. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of words that stayed (neither), went (`is_gone`) or came (`is_new`)."""

    text: str
    is_gone: bool = False
    is_new: bool = False


def compare(before: str, after: str) -> list[Part]:
    """Return both wordings as one list of parts, what went before what came in its place."""
    old, new = before.split(), after.split()
    parts: list[Part] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, False).get_opcodes():
        if tag == "equal":
            parts.append(Part(" ".join(old[old_from:old_to])))
            continue
        if old_to > old_from:
            parts.append(Part(" ".join(old[old_from:old_to]), is_gone=True))
        if new_to > new_from:
            parts.append(Part(" ".join(new[new_from:new_to]), is_new=True))
    return parts


def around_changes(parts: Iterable[Part], *, context: int = 3) -> list[Part]:
    """Return the parts with long unchanged stretches cut to `context` words beside a change."""
    short: list[Part] = []
    known = list(parts)
    for place, part in enumerate(known):
        words = part.text.split()
        if part.is_gone or part.is_new or len(words) <= 2 * context + 1:
            short.append(part)
            continue
        head = [] if place == 0 else words[:context]
        tail = [] if place == len(known) - 1 else words[-context:]
        short.append(Part(" ".join([*head, "…", *tail])))
    return short
