"""When doctors work and when they are taken, for many of them at once and without a patient in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from scheduling.availability.rules import DAY, Span, Stretch, day_of, work_of
from scheduling.availability.slots import load_diaries
from scheduling.calendar import opening
from scheduling.models import Holiday, TimeOff, WorkingHours
from synapse.accounts.models import User
from synapse.accounts.roles import Permission


@dataclass(frozen=True)
class Availability:
    """What is known of one doctor's time in a window. `time_off` is None for who may not read it."""

    zone: ZoneInfo
    working_hours: Sequence[WorkingHours]
    working_times: Sequence[Stretch]
    closed_days: Sequence[Holiday]
    busy: Sequence[Span]
    time_off: Sequence[TimeOff] | None


def availability_of(doctors: Iterable[User], window: Span, *, by: User) -> dict[UUID, Availability]:
    """Return when each doctor works and is taken in a window. Takes as many queries for one as for many.

    `busy` joins visits, times held for the waiting list and time off, so that nobody's visit can be told from it.
    """
    everybody = list(doctors)
    diaries = load_diaries(everybody, window, at=window.start)
    hours: dict[UUID, list[WorkingHours]] = {doctor.pk: [] for doctor in everybody}
    for row in WorkingHours.objects.filter(doctor__in=list(hours)).order_by("valid_from", "weekday", "starts"):
        hours[row.doctor_id].append(row)
    first, last = (window.start - DAY).date(), (window.end + DAY).date()
    closed = list(opening.closed_days(first, last))
    entries = list(readable_time_off(by).filter(starts_at__lt=window.end, ends_at__gt=window.start))
    found = {}
    for doctor in everybody:
        diary = diaries[doctor.pk]
        days = range((day_of(window.end, diary.zone) - day_of(window.start, diary.zone)).days + 1)
        work = [each for number in days for each in work_of(diary, day_of(window.start, diary.zone) + number * DAY)]
        taken = [*(Span(visit.start, visit.end) for visit in diary.visits), *diary.off, *diary.holds]
        is_readable = by.may(Permission.MANAGE_ALL_APPOINTMENTS) or by.pk == doctor.pk
        found[doctor.pk] = Availability(
            zone=diary.zone,
            working_hours=hours[doctor.pk],
            working_times=[
                Stretch(max(each.start, window.start), min(each.end, window.end), each.room)
                for each in work
                if window.meets(Span(each.start, each.end))
            ],
            closed_days=closed,
            busy=_joined(window, taken),
            time_off=[row for row in entries if row.doctor_id in (None, doctor.pk)] if is_readable else None,
        )
    return found


def readable_time_off(user: User) -> QuerySet[TimeOff]:
    """Return the time off a person may read: everybody's at the desk, to a doctor the own and what holds for all."""
    rows = TimeOff.objects.order_by("starts_at", "pk")
    if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
        return rows
    return rows.filter(Q(doctor=None) | Q(doctor=user)) if user.may(Permission.VIEW_CALENDAR) else rows.none()


def _joined(window: Span, spans: Iterable[Span]) -> list[Span]:
    """Return the parts of spans in a window as few that do not touch."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span.meets(window)):
        start, end = max(start, window.start), min(end, window.end)
        if joined and start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(end, joined[-1].end))
        else:
            joined.append(Span(start, end))
    return joined
