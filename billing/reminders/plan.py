"""When which reminder of a bill is due: dates and stages alone, nothing of a database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Stage:
    """One of the letters, sent from so many days after the due date on."""

    number: int
    days_late: int


@dataclass(frozen=True)
class Chased:
    """What the plan of one bill follows from.

    `reached` is the last stage that went out, 0 before the first. `heard_on` is when its patient was last reminded of
    any bill or paid a part of this one: nobody is written to again within the gap.
    """

    due_on: date
    reached: int = 0
    heard_on: date | None = None


@dataclass(frozen=True)
class Planned:
    """The next letter and the first day it may go out."""

    stage: Stage
    on: date

    def is_due(self, today: date) -> bool:
        return self.on <= today


def plan(bill: Chased, stages: Sequence[Stage], *, gap_days: int) -> Planned | None:
    """Return the next letter of a bill, or None after the last one.

    Stages follow each other, however late a bill is when the first one goes out; a gap of at least a day lies between
    any two.
    """
    following = next_stage(bill.reached, stages)
    if following is None:
        return None
    on = bill.due_on + timedelta(days=max(1, following.days_late))
    if bill.heard_on is not None:
        on = max(on, free_from(bill.heard_on, gap_days=gap_days))
    return Planned(following, on)


def next_stage(reached: int, stages: Sequence[Stage]) -> Stage | None:
    """Return the first stage after the one that was reached."""
    later = [stage for stage in stages if stage.number > reached]
    return min(later, key=lambda stage: stage.number, default=None)


def free_from(heard_on: date, *, gap_days: int) -> date:
    """Return the first day on which somebody who heard from the clinic may be reminded again."""
    return heard_on + timedelta(days=max(1, gap_days))
