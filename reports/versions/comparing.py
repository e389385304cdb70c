"""Two versions of a session's reports side by side: which line became which, and how its words changed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from reports.content import Section, Sentence, walk
from sessions_app.transcripts import wording

_ALIKE = 0.5  # share of words that two lines have in common to count as one line


@dataclass(frozen=True)
class Pair:
    """A line on the left, on the right, or both; `parts` are its words with what went and came when it stands in both."""

    left: str = ""
    right: str = ""
    parts: list[wording.Part] = field(default_factory=list)
    moved_from: str = ""

    @property
    def is_same(self) -> bool:
        return bool(self.left) and self.left == self.right

    @property
    def is_changed(self) -> bool:
        return bool(self.left and self.right) and self.left != self.right

    @property
    def is_gone(self) -> bool:
        return not self.right

    @property
    def is_new(self) -> bool:
        return not self.left


@dataclass(frozen=True)
class Block:
    """One heading of either version with its lines."""

    title: str
    pairs: list[Pair]


@dataclass(frozen=True)
class _Line:
    section: str
    title: str
    sentence: Sentence


def compare(left: Sequence[Section], right: Sequence[Section]) -> list[Block]:
    """Return the headings of the right version, then those only the left has; every line of both is in exactly one pair."""
    old, new = _lines(left), _lines(right)
    partner = _partners(old, new)
    taken = set(partner.values())
    blocks: list[Block] = []
    shown: set[str] = set()
    for section in walk(right):
        pairs: list[Pair] = []
        mine = [place for place, line in enumerate(new) if line.section == section["id"]]
        gone = [place for place, line in enumerate(old) if line.section == section["id"] and place not in taken]
        for place in mine:
            match = partner.get(place)
            while gone and match is not None and gone[0] < match and old[match].section == section["id"]:
                pairs.append(Pair(left=old[gone.pop(0)].sentence["text"]))
            pairs.append(_pair(old[match] if match is not None else None, new[place]))
        pairs += [Pair(left=old[place].sentence["text"]) for place in gone]
        shown.add(section["id"])
        if pairs:
            blocks.append(Block(section["title"], pairs))
    for section in walk(left):
        gone = [place for place, line in enumerate(old) if line.section == section["id"] and place not in taken]
        if section["id"] not in shown and gone:
            blocks.append(Block(section["title"], [Pair(left=old[place].sentence["text"]) for place in gone]))
    return blocks


def _lines(sections: Sequence[Section]) -> list[_Line]:
    return [
        _Line(section["id"], section["title"], sentence)
        for section in walk(sections)
        for sentence in section["sentences"]
    ]


def _partners(old: Sequence[_Line], new: Sequence[_Line]) -> dict[int, int]:
    """Return which old line each new one was: by its words, else by its id, else the most alike."""
    partner: dict[int, int] = {}
    free = set(range(len(old)))

    def take(place: int, match: int) -> None:
        partner[place] = match
        free.discard(match)

    for place, line in enumerate(new):
        same = [at for at in sorted(free) if old[at].sentence["text"] == line.sentence["text"]]
        if same:
            take(place, next((at for at in same if old[at].section == line.section), same[0]))
    for place, line in enumerate(new):
        if place in partner:
            continue
        named = [at for at in sorted(free) if old[at].sentence["id"] == line.sentence["id"]]
        if named and _likeness(old[named[0]], line) > _ALIKE / 2:
            take(place, named[0])
            continue
        best = max(free, key=lambda at: _likeness(old[at], line), default=None)
        if best is not None and _likeness(old[best], line) >= _ALIKE:
            take(place, best)
    return partner


def _likeness(one: _Line, other: _Line) -> float:
    words = one.sentence["text"].lower().split(), other.sentence["text"].lower().split()
    return SequenceMatcher(None, *words, autojunk=False).ratio()


def _pair(old: _Line | None, new: _Line) -> Pair:
    if old is None:
        return Pair(right=new.sentence["text"])
    return Pair(
        left=old.sentence["text"],
        right=new.sentence["text"],
        parts=wording.compare(old.sentence["text"], new.sentence["text"]),
        moved_from=old.title if old.title != new.title else "",
    )
