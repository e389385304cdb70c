"""Set when a doctor works."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from scheduling import permissions
from scheduling.changes import calendar_changed
from scheduling.models import Room, WorkingHours
from scheduling.series.recurrence import WEEKDAYS
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import DomainError

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Line:
    """Working hours or a break on one weekday (0 is Monday)."""

    weekday: int
    starts: time
    ends: time
    is_break: bool = False
    room: Room | None = None


class BadHours(DomainError):
    """The hours contradict themselves; `field` says what does."""

    code = "bad_hours"

    def __init__(self, message: str, *, field: str = "working_hours") -> None:
        super().__init__(message)
        self.field = field


def set_week(
    doctor: User,
    lines: Sequence[Line],
    *,
    valid_from: date,
    valid_until: date | None = None,
    by: User,
    at: datetime,
) -> None:
    """Let a doctor's week be these lines from one day on, to another one or until further notice.

    What was said for other days stays; what was said for days after `valid_until` counts again from the day after it.
    Visits that stand outside the new hours stay where they are. Raises NotAllowed and BadHours.
    """
    permissions.check_can_plan(by, doctor)
    _check(lines, valid_from, valid_until)
    with audit.unit_of_work():
        for row in doctor.working_hours.select_for_update():
            _make_room_for(row, valid_from, valid_until)
        WorkingHours.objects.bulk_create(
            WorkingHours(
                doctor=doctor,
                weekday=line.weekday,
                starts=line.starts,
                ends=line.ends,
                kind=WorkingHours.Kind.BREAK if line.is_break else WorkingHours.Kind.WORK,
                room=None if line.is_break else line.room,
                valid_from=valid_from,
                valid_until=valid_until,
            )
            for line in lines
        )
        audit.record(
            Action.UPDATE, by=by, target=doctor, detail={"verb": "set_hours", "valid_from": valid_from.isoformat()}
        )
        calendar_changed()


def clear_hours(doctor: User, *, by: User, at: datetime) -> None:
    """Forget a doctor's hours: the clinic's opening hours count again, and bookings are not restricted."""
    permissions.check_can_plan(by, doctor)
    with audit.unit_of_work():
        doctor.working_hours.all().delete()
        audit.record(Action.UPDATE, by=by, target=doctor, detail={"verb": "clear_hours"})
        calendar_changed()


def _check(lines: Sequence[Line], valid_from: date, valid_until: date | None) -> None:
    if valid_until is not None and valid_until < valid_from:
        raise BadHours("The last day lies before the first one.", field="valid_until")
    if not any(not line.is_break for line in lines):
        raise BadHours("Enter the hours of one day at least. For days away, enter time off.")
    for weekday, name in enumerate(WEEKDAYS):
        for is_break in (False, True):
            day = sorted(
                (line.starts, line.ends) for line in lines if line.weekday == weekday and line.is_break is is_break
            )
            if any(starts >= ends for starts, ends in day):
                raise BadHours(f"{name}: the end lies before the beginning.")
            if any(later[0] < earlier[1] for earlier, later in pairwise(day)):
                raise BadHours(f"{name}: two of the times overlap.")


def _make_room_for(row: WorkingHours, valid_from: date, valid_until: date | None) -> None:
    """Cut what a row says about the days that are said anew."""
    if (row.valid_until is not None and row.valid_until < valid_from) or (
        valid_until is not None and row.valid_from > valid_until
    ):
        return
    goes_on = valid_until is not None and (row.valid_until is None or row.valid_until > valid_until)
    if goes_on and valid_until is not None:
        WorkingHours.objects.create(
            doctor=row.doctor,
            weekday=row.weekday,
            starts=row.starts,
            ends=row.ends,
            kind=row.kind,
            room=row.room,
            valid_from=valid_until + A_DAY,
            valid_until=row.valid_until,
        )
    if row.valid_from < valid_from:
        row.valid_until = valid_from - A_DAY
        row.save(update_fields=["valid_until", "updated_at"])
    else:
        row.delete()
