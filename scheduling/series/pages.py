"""What the pages of a series show: each of its days with what can be done about it, and the visits it has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256

from django.utils import formats, timezone

from scheduling.models import Appointment, AppointmentSeries
from scheduling.series.plan import CANCELLED, HOLIDAY, Choice, Decision, Plan, PlannedDay, State

LOOKS = {
    State.FREE: ("ok", "check", "Free"),
    State.TAKEN: ("warn", "alert-triangle", "Taken"),
    State.CLOSED: ("warn", "alert-triangle", "Not offered"),
    State.HOLIDAY: ("warn", "calendar-event", "Holiday"),
    State.PAST: ("warn", "clock", "Over"),
    State.LEFT_OUT: ("", "ban", "Left out"),
    State.KEPT: ("info", "lock", "Stays"),
}
WHY = {CANCELLED: "Cancelled", HOLIDAY: "Holiday"}


@dataclass(frozen=True)
class DateRow:
    """One day of a plan. `options` are value, words and whether chosen; `number` counts the visits that are booked."""

    planned: PlannedDay
    shown_at: datetime
    kind: str
    icon: str
    word: str
    options: list[tuple[str, str, bool]] = field(default_factory=list)
    clock: str = ""
    number: int | None = None
    old_at: datetime | None = None
    is_moving: bool = False


@dataclass(frozen=True)
class DateList:
    """The days of a plan as a page shows them. `digest` tells whether what is booked is what somebody saw."""

    rows: list[DateRow]
    booked: int
    undecided: int
    left_out: int
    needs_reason: bool
    digest: str


def list_dates(
    plan: Plan,
    *,
    decisions: Mapping[date, Decision],
    typed: Mapping[str, str],
    standing: Iterable[Appointment] = (),
) -> DateList:
    """Lay out a plan; `typed` is the form's data, `standing` the visits there are before a change."""
    visits = {visit.pk: visit for visit in standing}
    rows: list[DateRow] = []
    number = 0
    for planned in plan.days:
        visit = visits.get(planned.visit) if planned.visit else None
        # A new series that begins with a visit there is already: nothing to choose about that one.
        is_first_visit = planned.visit is not None and visit is None
        number += planned.starts_at is not None
        kind, icon, word = _look(planned)
        shown_at = planned.starts_at or (visit.scheduled_at if visit and planned.state == State.KEPT else None)
        rows.append(
            DateRow(
                planned=planned,
                shown_at=shown_at or planned.wanted_at,
                kind=kind,
                icon=icon,
                word=word,
                options=[]
                if is_first_visit
                else _options(planned, decisions.get(planned.day), old_at=visit.scheduled_at if visit else None),
                clock=typed.get(f"at-{planned.day}", ""),
                number=number if planned.starts_at else None,
                old_at=visit.scheduled_at if visit else None,
                is_moving=bool(visit and planned.starts_at and planned.starts_at != visit.scheduled_at),
            )
        )
    told = "|".join(f"{day.day} {day.starts_at} {day.state} {day.why}" for day in plan.days)
    return DateList(
        rows=rows,
        booked=len(plan.booked),
        undecided=len(plan.undecided),
        left_out=sum(day.is_left_out for day in plan.days),
        needs_reason=plan.needs_reason,
        digest=sha256(told.encode()).hexdigest()[:24],
    )


def _look(planned: PlannedDay) -> tuple[str, str, str]:
    if planned.is_left_out:
        return LOOKS[State.LEFT_OUT]
    if planned.starts_at is not None and planned.is_overridden:
        return "info", "check", "All the same"
    if planned.starts_at is not None and planned.is_alone:
        return "info", "clock", "Other time"
    if planned.starts_at is not None and planned.is_moved:
        return "info", "calendar-event", "Other day"
    return LOOKS[planned.state]


def _options(planned: PlannedDay, decision: Decision | None, *, old_at: datetime | None) -> list[tuple[str, str, bool]]:
    """Return what can be chosen for a day; nothing for a day that was cancelled or keeps its own visit."""
    if planned.why == CANCELLED or (planned.state == State.KEPT and decision is None):
        return []
    chosen = decision.choice if decision else None
    rule_time = formats.time_format(timezone.localtime(planned.wanted_at), "G:i")
    as_planned = f"Book at {rule_time}"
    if old_at is not None:
        as_planned = "As it is" if old_at == planned.wanted_at else f"Move to {rule_time}"
    if planned.state == State.HOLIDAY and planned.is_left_out:
        as_planned = "Leave out: holiday"
    elif planned.needs_decision:
        as_planned = "Choose …"
    options = [("", as_planned, chosen is None)]
    clock = decision.clock if decision and decision.choice == Choice.TAKE else None
    if planned.alternative is not None:
        near = timezone.localtime(planned.alternative)
        options.append((f"take {near:%H:%M}", f"Take {formats.time_format(near, 'G:i')} instead", False))
    if clock is not None:
        # The time as it was typed is in the list again: the row now stands at it.
        taken = timezone.localtime(planned.starts_at) if planned.starts_at else None
        if taken is not None:
            options.append((f"take {taken:%H:%M}", f"Take {formats.time_format(taken, 'G:i')} instead", True))
    is_odd = planned.state in (State.CLOSED, State.HOLIDAY)
    if is_odd or chosen == Choice.BOOK:
        options.append((Choice.BOOK, f"Book at {rule_time} all the same", chosen == Choice.BOOK))
    options.append(("other", "Another time that day …", clock is not None and planned.starts_at is None))
    if old_at is not None and old_at != planned.wanted_at:
        options.append((Choice.STAY, "Keep the old time", chosen == Choice.STAY))
    options.append((Choice.SKIP, "Cancel this visit" if old_at else "Leave out", chosen == Choice.SKIP))
    return options


@dataclass(frozen=True)
class LeftOut:
    """A day of a series' rule without a visit."""

    day: date
    word: str


def list_left_out(series: AppointmentSeries) -> list[LeftOut]:
    """Return the days of a series that have no visit, in order, and why."""
    rows = sorted(series.exceptions, key=lambda row: row["day"])
    return [LeftOut(date.fromisoformat(row["day"]), WHY.get(row["why"], "Left out")) for row in rows]
