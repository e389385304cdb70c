"""Undo and redo of a draft's changes, across reloads: read from its log of corrections, written as further entries.

The log is only added to. One step is what one request changed: entries that follow each other with the same `step`
and time. An entry with `before` alone took a line away, one with `after` alone put it there, one with both changed it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from reports import content
from reports.content import Section
from reports.models import Report
from reports.services.evidence import bind_again
from reports.services.store import change_draft, require_section
from synapse.accounts.models import User
from synapse.common.errors import Conflict

Entry = dict[str, Any]
Step = list[Entry]

UNDO, REDO = "undo", "redo"
STYLE = "style"  # what a learned rule changed: not the doctor's edit, undone on its own
BARRIER = "converted"  # what stands before it belongs to another report
# Verbs that leave the words and the place of a line alone.
_JUDGING = frozenset({"confirm", "restore", STYLE})


class NothingToUndo(Conflict):
    """There is no change to take back, or none to make again."""

    code = "nothing_to_undo"


class CannotUndo(Conflict):
    """The line a step changed was changed since by something that is not in the way of undo."""

    code = "cannot_undo"

    def __init__(self) -> None:
        super().__init__("This cannot be taken back any more: the line was changed since. Change the line itself.")


def undo(report: Report, *, by: User, at: datetime) -> Report:
    """Take the last change back. Raises NotAllowed, Conflict, NothingToUndo and CannotUndo."""

    def change(draft: Report) -> None:
        done, _ = stacks(draft.manual_corrections)
        if not done:
            raise NothingToUndo("There is nothing to undo.")
        _go(draft, done[-1], UNDO, by=by, at=at)

    return change_draft(report, change, verb="undo", by=by, at=at)


def redo(report: Report, *, by: User, at: datetime) -> Report:
    """Make the change that was last taken back again. Raises as `undo`."""

    def change(draft: Report) -> None:
        _, undone = stacks(draft.manual_corrections)
        if not undone:
            raise NothingToUndo("There is nothing to redo.")
        _go(draft, undone[-1], REDO, by=by, at=at)

    return change_draft(report, change, verb="redo", by=by, at=at)


def stacks(corrections: Iterable[Entry]) -> tuple[list[Step], list[Step]]:
    """Return the steps in effect and those taken back, each in the order in which undo and redo come to them (last)."""
    done: list[Step] = []
    undone: list[Step] = []
    for step in _steps(corrections):
        verb = step[0]["verb"]
        if verb == UNDO:
            undone.append(done.pop())
        elif verb == REDO:
            done.append(undone.pop())
        elif verb == BARRIER:
            done, undone = [], []
        elif verb != STYLE:
            done.append(step)
            undone = []
    return done, undone


def in_effect(corrections: Sequence[Entry]) -> list[Entry]:
    """Return the entries that were not taken back, those made before a conversion and by style rules too."""
    before: list[Entry] = []
    done: list[Step] = []
    undone: list[Step] = []
    for step in _steps(corrections):
        verb = step[0]["verb"]
        if verb == UNDO:
            undone.append(done.pop())
        elif verb == REDO:
            done.append(undone.pop())
        elif verb == BARRIER:
            before += [entry for known in done for entry in known]
            done, undone = [], []
        else:
            done.append(step)
            if verb != STYLE:
                undone = []
    return before + [entry for step in done for entry in step]


def touched_ids(corrections: Sequence[Entry]) -> set[str]:
    """Return the ids of the lines whose words or place a doctor changed."""
    return {entry["sentence"] for entry in in_effect(corrections) if entry["verb"] not in _JUDGING}


def sections_of(step: Step) -> list[str]:
    """Return the sections a step is about."""
    ids = [section for entry in step for section in (entry["section"], entry.get("from_section")) if section]
    return list(dict.fromkeys(ids))


def revert(draft: Report, step: Step) -> None:
    """Take a step back in place. Raises CannotUndo."""
    for entry in reversed(step):
        _put(draft, entry, wanted=entry["before"], found=entry["after"], index=_index_before(entry))
        if entry.get("finding"):
            draft.unassigned = [*draft.unassigned, entry["finding"]]


def replay(draft: Report, step: Step) -> None:
    """Make a step again in place. Raises CannotUndo."""
    for entry in step:
        _put(draft, entry, wanted=entry["after"], found=entry["before"], index=entry["index"])
        if entry.get("finding"):
            draft.unassigned = [known for known in draft.unassigned if known != entry["finding"]]


def _go(draft: Report, step: Step, way: str, *, by: User, at: datetime) -> None:
    move: Callable[[Report, Step], None] = revert if way == UNDO else replay
    move(draft, step)
    draft.manual_corrections = [
        *draft.manual_corrections,
        {
            "sentence": step[-1]["sentence"],
            "section": step[-1]["section"],
            "index": None,
            "verb": way,
            "before": None,
            "after": None,
            "by": str(by.pk),
            "at": at.isoformat(),
            "step": draft.revision + 1,
        },
    ]


def _put(draft: Report, entry: Entry, *, wanted: Any, found: Any, index: int | None) -> None:
    """Bring one line to what is wanted of it; `found` is what the step left there."""
    place = content.find_sentence(draft.structured_data, entry["sentence"])
    if (place is None) != (found is None):
        raise CannotUndo
    target = _target(draft, entry, wanted_is_after=wanted is entry["after"])
    if place is not None:
        place.section["sentences"].pop(place.index)
        index = place.index if target is place.section and not entry.get("from_section") else index
    if wanted is not None:
        at = len(target["sentences"]) if index is None else min(index, len(target["sentences"]))
        target["sentences"].insert(at, bind_again(draft, wanted))


def _target(draft: Report, entry: Entry, *, wanted_is_after: bool) -> Section:
    section_id = entry["section"] if wanted_is_after else entry.get("from_section") or entry["section"]
    return require_section(draft.structured_data, section_id)


def _index_before(entry: Entry) -> int | None:
    index: int | None = entry.get("from_index", entry["index"])
    return index


def _steps(corrections: Iterable[Entry]) -> list[Step]:
    return [list(entries) for _, entries in groupby(corrections, key=_step_key)]


def _step_key(entry: Entry) -> tuple[Any, ...]:
    return entry.get("step"), entry["at"], entry["verb"] in (UNDO, REDO, BARRIER, STYLE), entry["by"]
