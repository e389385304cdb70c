"""Take a clinician's other calendar in as busy times; its words are never stored."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from scheduling import permissions, queries
from scheduling.changes import calendar_changed
from scheduling.models import Appointment, AppointmentQuerySet, BusyCalendar, TimeOff
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import DomainError

MOST_BYTES = 2 * 1024 * 1024
READ_SECONDS = 20
AHEAD = timedelta(days=365)

REFUSALS = {
    "no_calendar": "This is not a calendar file. Export your calendar as .ics and choose that file.",
    "too_many": "This calendar has too many entries. Export the coming year only.",
    "too_often": "This calendar repeats an entry within hours, which cannot be taken in. Remove that entry first.",
    "too_slow": "This calendar takes too long to read. Export the coming year only.",
    "too_big": "This file is larger than 2 MB. Export the coming year only.",
}


class BadCalendar(DomainError):
    """The file cannot be taken in."""

    def __init__(self, code: str) -> None:
        super().__init__(REFUSALS[code], code=code)


def take_in(
    doctor: User, content: bytes, *, label: str, by: User, at: datetime, calendar: BusyCalendar | None = None
) -> BusyCalendar:
    """Store the busy times of a calendar file for a year ahead; with `calendar` they replace what it had before.

    Raises NotAllowed and BadCalendar.
    """
    permissions.check_can_book(by, doctor)
    times = _read(doctor, content, at=at)
    with audit.unit_of_work():
        if calendar is None:
            calendar = BusyCalendar(doctor=doctor, read_at=at)
        calendar.label, calendar.read_at, calendar.entry_count = label, at, len(times)
        calendar.save()
        calendar.entries.all().delete()
        TimeOff.objects.bulk_create(
            TimeOff(
                doctor=doctor,
                kind=TimeOff.Kind.IMPORTED,
                starts_at=start,
                ends_at=end,
                calendar=calendar,
                created_by=by,
            )
            for start, end in times
        )
        audit.record(Action.UPDATE, by=by, target=calendar, detail={"verb": "take_in", "entries": len(times)})
        calendar_changed()
    return calendar


def remove(calendar: BusyCalendar, *, by: User, at: datetime) -> None:
    """Forget a calendar and all its busy times."""
    permissions.check_can_book(by, calendar.doctor)
    with audit.unit_of_work():
        audit.record(Action.DELETE, by=by, target=calendar, detail={"entries": calendar.entry_count})
        calendar.delete()
        calendar_changed()


def clashing_visits(calendars: Sequence[BusyCalendar], *, user: User, at: datetime) -> AppointmentQuerySet:
    """Return the coming visits that stand at times these calendars call busy, the soonest first."""
    busy = TimeOff.objects.filter(
        calendar__in=calendars,
        doctor=OuterRef("doctor"),
        starts_at__lt=OuterRef("ends_at"),
        ends_at__gt=OuterRef("scheduled_at"),
    )
    visits = Appointment.objects.visible_to(user).open().filter(Exists(busy), scheduled_at__gt=at)
    return visits.select_related("patient").order_by("scheduled_at")


def _read(doctor: User, content: bytes, *, at: datetime) -> list[tuple[datetime, datetime]]:
    """Read a file in a process of its own, which the system ends when it takes too much."""
    if len(content) > MOST_BYTES:
        raise BadCalendar("too_big")
    today = ClinicSettings.load().date_of(at)
    command = [
        sys.executable,
        "-m",
        "scheduling.feeds.ics_reading",
        queries.timezone_name_of(doctor),
        today.isoformat(),
        (today + AHEAD).isoformat(),
    ]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=READ_SECONDS, cwd=settings.BASE_DIR, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadCalendar("too_slow") from None
    if done.returncode < 0:
        raise BadCalendar("too_slow")
    if done.returncode:
        raise BadCalendar("no_calendar")
    answer = json.loads(done.stdout)
    if isinstance(answer, dict):
        raise BadCalendar(answer["error"])
    return [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in answer]
