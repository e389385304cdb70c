"""What differs between two contents of a template, section by section, and taking such changes over. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from reports.templating.structure import Section, parse_structure
from reports.templating.words import PLAIN, settings_of
from sessions_app.transcripts.wording import Part, compare

GENERAL_LABELS = {"name": "Template name", "description": "What it is for", "ai_prompt": "In every section"}

LIST_LABELS = {"What belongs here", "Items", "Columns"}


class Kind(StrEnum):
    """What happened to a section."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Line:
    """One setting before and after, as words that stayed, went and came."""

    label: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class SectionChange:
    """What happened to one top-level section; `moved_from` and `moved_to` count from 1 and are 0 when it stayed."""

    section_id: str
    title: str
    kind: Kind
    lines: list[Line] = field(default_factory=list)
    moved_from: int = 0
    moved_to: int = 0

    @property
    def is_added(self) -> bool:
        return self.kind is Kind.ADDED

    @property
    def is_removed(self) -> bool:
        return self.kind is Kind.REMOVED

    @property
    def is_changed(self) -> bool:
        return self.kind is Kind.CHANGED

    @property
    def is_renamed(self) -> bool:
        return self.is_changed and any(line.label == "Heading" for line in self.lines)

    @property
    def is_up(self) -> bool:
        return self.moved_to < self.moved_from


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences of two contents, in the order of the later one, what went at its old place."""

    general: list[Line]
    sections: list[SectionChange]

    @property
    def count(self) -> int:
        return len(self.general) + len(self.sections)


def compare_contents(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """Compare name, description, instruction and structure of two contents. Raises StructureError."""
    general = [
        Line(label, compare(before[name], after[name]))
        for name, label in GENERAL_LABELS.items()
        if before[name] != after[name]
    ]
    return Comparison(general, compare_sections(before["structure"], after["structure"]))


def compare_sections(before: Any, after: Any) -> list[SectionChange]:
    """Return what happened to the sections of a structure. Raises StructureError."""
    old, new = parse_structure(before), parse_structure(after)
    old_places = {section.id: place for place, section in enumerate(old)}
    new_places = {section.id: place for place, section in enumerate(new)}
    moved = _moved([section.id for section in new if section.id in old_places], old_places)
    changes: list[tuple[float, SectionChange]] = []
    for place, section in enumerate(new):
        if section.id not in old_places:
            added = SectionChange(section.id, section.title, Kind.ADDED, list(_whole(section, is_new=True)))
            changes.append((place, added))
            continue
        earlier = old_places[section.id]
        lines = list(_differences(old[earlier], section))
        if lines or section.id in moved:
            kind = Kind.CHANGED if lines else Kind.MOVED
            places = (earlier + 1, place + 1) if section.id in moved else (0, 0)
            changes.append((place, SectionChange(section.id, section.title, kind, lines, *places)))
    for place, section in enumerate(old):
        if section.id not in new_places:
            gone = SectionChange(section.id, section.title, Kind.REMOVED, list(_whole(section, is_new=False)))
            changes.append((place - 0.5, gone))
    return [change for _, change in sorted(changes, key=lambda pair: pair[0])]


def take_over(mine: dict[str, Any], theirs: dict[str, Any], chosen: Collection[str], base: Any) -> dict[str, Any]:
    """Return my structure with the chosen sections' changes from `base` to `theirs` made in it too.

    A chosen section becomes theirs as a whole, parts included. Raises StructureError.
    """
    changes = [change for change in compare_sections(base, theirs) if change.section_id in chosen]
    sections = [dict(section) for section in mine["sections"]]
    offered = {section["id"]: section for section in theirs["sections"]}
    order = [section["id"] for section in theirs["sections"]]
    for change in changes:
        place = _place_of(sections, change.section_id)
        own = sections.pop(place) if place is not None else None
        if change.is_removed:
            continue
        section = own if own is not None and change.kind is Kind.MOVED else offered[change.section_id]
        if place is None or change.moved_to:
            place = _place_after(sections, order, change.section_id)
        sections.insert(place, section)
    return {"sections": sections}


def _moved(new_order: list[str], old_places: Mapping[str, int]) -> set[str]:
    """Return the sections that left their order: all but the longest run that kept it.

    Of two that changed places the one that went up has moved.
    """
    tails: list[int] = []
    chains: list[list[str]] = []
    for section_id in new_order:
        length = bisect_left(tails, old_places[section_id])
        chain = [*(chains[length - 1] if length else []), section_id]
        tails[length : length + 1] = [old_places[section_id]]
        chains[length : length + 1] = [chain]
    kept = set(chains[-1]) if chains else set()
    return set(new_order) - kept


def _differences(before: Section, after: Section, label: str = "") -> Iterator[Line]:
    old, new = settings_of(before), settings_of(after)
    for name, value in new.items():
        if old[name] != value:
            parts = _compare_lists(old[name], value) if name in LIST_LABELS else compare(old[name], value)
            yield Line(f"{label}{name}", parts)
    known = {part.id: part for part in before.subsections}
    present = {part.id for part in after.subsections}
    for part in after.subsections:
        heading = f"{part.title}: "
        if part.id in known:
            yield from _differences(known[part.id], part, heading)
        else:
            yield from _whole(part, is_new=True, label="Part added")
    for part in before.subsections:
        if part.id not in present:
            yield from _whole(part, is_new=False, label="Part left out")
    kept = [part for part in after.subsections if part.id in known]
    if [part.id for part in kept] != [part.id for part in before.subsections if part.id in present]:
        yield Line("Order of the parts", [Part(", ".join(part.title for part in kept), is_new=True)])


def _compare_lists(before: str, after: str) -> list[Part]:
    """Compare words that are separated by commas, each as one."""
    old, new = before.split(", ") if before else [], after.split(", ") if after else []
    parts: list[Part] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, False).get_opcodes():
        if tag == "equal":
            parts.append(Part(", ".join(new[new_from:new_to])))
            continue
        parts += [Part(", ".join(old[old_from:old_to]), is_gone=True)] if old_to > old_from else []
        parts += [Part(", ".join(new[new_from:new_to]), is_new=True)] if new_to > new_from else []
    return parts


def _whole(section: Section, *, is_new: bool, label: str = "") -> Iterator[Line]:
    """Yield all that is set for a section that came or went."""
    if label:
        yield Line(label, [Part(section.title, is_gone=not is_new, is_new=is_new)])
    for name, value in settings_of(section).items():
        if name != "Heading" and value != PLAIN[name]:
            prefix = f"{section.title}: " if label else ""
            yield Line(f"{prefix}{name}", [Part(value, is_gone=not is_new, is_new=is_new)])
    for part in section.subsections:
        yield from _whole(part, is_new=is_new, label="Part")


def _place_of(sections: list[dict[str, Any]], section_id: str) -> int | None:
    return next((place for place, section in enumerate(sections) if section["id"] == section_id), None)


def _place_after(sections: list[dict[str, Any]], order: list[str], section_id: str) -> int:
    """Return where a section goes: after the nearest one that stands before it in `order` and is here."""
    for earlier in reversed(order[: order.index(section_id)]):
        place = _place_of(sections, earlier)
        if place is not None:
            return place + 1
    return 0
