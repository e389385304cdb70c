"""What the editor's buttons do to the rows of a template that is not saved yet: add, remove, move, nest. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reports.templating.entries import MEDICATION_COLUMNS, MENTAL_STATUS, RISK
from reports.templating.forms import NEW_ROW
from reports.templating.outline import guess_topics
from reports.templating.structure import MAXIMUM_PLACES

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """The rows after a step, which of them is chosen, and what happened in words for those who do not see it."""

    rows: list[Row]
    chosen: int
    said: str = ""


def take_step(step: str, rows: list[Row], chosen: int) -> Step:
    """Return what a step makes of the rows; one that makes no sense changes nothing.

    `add`, `add_part-2`, `remove-2`, `duplicate-2`, `up-2`, `down-2`, `move-2-5` (before row 5), `indent-2`, `outdent-2`,
    `topics-2` (choose them by hand), `usual_mental-2`, `usual_risk-2`, `usual_medication-2` (the usual items).
    """
    rows = [dict(row, depth=int(row["depth"] == 1 or row["depth"] == "1")) for row in rows]
    if rows:
        rows[0]["depth"] = 0
    verb, _, numbers = step.partition("-")
    places = [int(number) for number in numbers.split("-") if number.isdecimal() and len(number) < 4]
    if verb == "add" and len(rows) < MAXIMUM_PLACES:
        return Step([*rows, dict(NEW_ROW)], len(rows), "Section added at the end")
    if places and places[0] < len(rows):
        place = places[0]
        if verb == "move" and len(places) == 2:
            return _moved(rows, place, min(places[1], len(rows)))
        if verb in _VERBS:
            return _VERBS[verb](rows, place)
    return Step(rows, min(chosen, max(0, len(rows) - 1)))


def _end_of(rows: list[Row], place: int) -> int:
    """Return where the parts of the section at a place end; a part ends after itself."""
    end = place + 1
    while rows[place]["depth"] == 0 and end < len(rows) and rows[end]["depth"] == 1:
        end += 1
    return end


def _section_of(rows: list[Row], place: int) -> int:
    """Return the place of the section a row belongs to, itself for a section."""
    while rows[place]["depth"] == 1:
        place -= 1
    return place


def _moved(rows: list[Row], place: int, before: int) -> Step:
    """Take a section with its parts, or a part alone, and put it before another row."""
    end = _end_of(rows, place)
    if rows[place]["depth"] == 0:
        while before < len(rows) and rows[before]["depth"] == 1:
            before += 1
    else:
        before = max(1, before)
    if place <= before <= end:
        return Step(rows, place)
    taken = rows[place:end]
    rest = rows[:place] + rows[end:]
    target = before - len(taken) if before > place else before
    moved = _fitted([*rest[:target], *taken, *rest[target:]])
    return Step(moved, target, f"{_name(taken[0])} moved to {_where(moved, target)}")


def _move_up(rows: list[Row], place: int) -> Step:
    if place == 0 or (rows[place]["depth"] == 1 and place == 1):
        return Step(rows, place)
    return _moved(rows, place, _section_of(rows, place - 1) if rows[place]["depth"] == 0 else place - 1)


def _move_down(rows: list[Row], place: int) -> Step:
    end = _end_of(rows, place)
    if end >= len(rows):
        return Step(rows, place)
    return _moved(rows, place, _end_of(rows, end) if rows[place]["depth"] == 0 else end + 1)


def _remove(rows: list[Row], place: int) -> Step:
    end = _end_of(rows, place)
    if end - place == len(rows):
        return Step(rows, place, "A template needs at least one section")
    rest = rows[:place] + rows[end:]
    return Step(rest, min(place, len(rest) - 1), f"{_name(rows[place])} removed")


def _duplicate(rows: list[Row], place: int) -> Step:
    end = _end_of(rows, place)
    if len(rows) + end - place > MAXIMUM_PLACES:
        return Step(rows, place)
    copies = [dict(row, id="") for row in rows[place:end]]
    copies[0]["title"] = f"{copies[0]['title']} (copy)"[:120]
    return Step([*rows[:end], *copies, *rows[end:]], end, f"{_name(rows[place])} copied")


def _add_part(rows: list[Row], place: int) -> Step:
    end = _end_of(rows, _section_of(rows, place))
    if len(rows) >= MAXIMUM_PLACES:
        return Step(rows, place)
    added = _fitted([*rows[:end], dict(NEW_ROW, depth=1), *rows[end:]])
    return Step(added, end, f"Part added to {_name(rows[_section_of(rows, place)])}")


def _indent(rows: list[Row], place: int) -> Step:
    """Make a section without parts a part of the section above it."""
    if place == 0 or rows[place]["depth"] == 1 or _end_of(rows, place) > place + 1:
        return Step(rows, place)
    kind = "text" if rows[place]["type"] == "structured" else rows[place]["type"]
    rows[place] = dict(rows[place], depth=1, type=kind)
    return Step(_fitted(rows), place, f"{_name(rows[place])} is a part now")


def _outdent(rows: list[Row], place: int) -> Step:
    """Make a part a section of its own, after the one it was in."""
    if rows[place]["depth"] == 0:
        return Step(rows, place)
    end = _end_of(rows, _section_of(rows, place))
    part = dict(rows[place], depth=0)
    rest = [*rows[:place], *rows[place + 1 : end], part, *rows[end:]]
    return Step(rest, end - 1, f"{_name(part)} is a section now")


def _choose_topics(rows: list[Row], place: int) -> Step:
    rows[place] = dict(rows[place], topics=guess_topics(rows[place]["title"]))
    return Step(rows, place, "What belongs here is chosen below")


def _fill(column: str, kind: str, usual: dict[str, str]) -> Callable[[list[Row], int], Step]:
    def fill(rows: list[Row], place: int) -> Step:
        kept = [line for line in str(rows[place][column]).splitlines() if line.strip()]
        lines = list(dict.fromkeys([*kept, *usual.values()]))
        rows[place] = dict(rows[place], type=kind) | {column: "\n".join(lines)}
        return Step(rows, place, f"{len(lines)} {column}")

    return fill


_VERBS: dict[str, Callable[[list[Row], int], Step]] = {
    "up": _move_up,
    "down": _move_down,
    "remove": _remove,
    "duplicate": _duplicate,
    "add_part": _add_part,
    "indent": _indent,
    "outdent": _outdent,
    "topics": _choose_topics,
    "usual_mental": _fill("items", "checklist", MENTAL_STATUS),
    "usual_risk": _fill("items", "checklist", RISK),
    "usual_medication": _fill("columns", "table", MEDICATION_COLUMNS),
}


def _fitted(rows: list[Row]) -> list[Row]:
    """Return the rows with every section that has parts written in its parts."""
    for place, row in enumerate(rows[:-1]):
        if row["depth"] == 0 and rows[place + 1]["depth"] == 1:
            rows[place] = dict(row, type="structured")
    return rows


def _name(row: Row) -> str:
    return str(row["title"]).strip() or "The section"


def _where(rows: list[Row], place: int) -> str:
    if rows[place]["depth"] == 1:
        section = _section_of(rows, place)
        return f"place {place - section} in {_name(rows[section])}"
    sections = [number for number, row in enumerate(rows) if row["depth"] == 0]
    return f"place {sections.index(place) + 1} of {len(sections)}"
