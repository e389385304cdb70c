"""The counts behind the numbers: aggregates over plain columns, so nothing is deciphered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, F, FloatField, Func, IntegerField, Q, Sum, Value, When

from scheduling.availability.rules import Diary, Span, work_of
from scheduling.availability.slots import load_diaries
from scheduling.calendar.layout import day_bounds
from scheduling.models import Appointment, AppointmentQuerySet, FreedSlot
from synapse.accounts.models import ClinicSettings, User
from synapse.dashboard.numbers import Bucket, Period, Tally, tally_of

Status = Appointment.Status
STANDING = [Status.SCHEDULED, Status.CONFIRMED, Status.COMPLETED, Status.NO_SHOW]


class DaysBetween(Func):
    """Days from the second moment to the first, as a number the database works out: thousands of moments cost time."""

    arity = 2
    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template, joiner = "(julianday(%(expressions)s))", ") - julianday("
        return super().as_sql(compiler, connection, template=template, arg_joiner=joiner, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(EXTRACT(EPOCH FROM (%(expressions)s))::float / 86400)"
        return super().as_sql(compiler, connection, template=template, arg_joiner=" - ", **context)


@dataclass(frozen=True)
class Counted:
    """One clinician in a period and in the one before."""

    doctor: User
    now: Tally
    before: Tally


def count_visits(doctors: Iterable[User], period: Period, *, zone: ZoneInfo, at: datetime) -> list[Counted]:
    """Count each clinician's visits, by the time they were planned for; days are those of `zone`."""
    people = list(doctors)
    before = period.before
    start, middle, end = (day_bounds(day, zone)[0] for day in (before.first, period.first, period.after.first))
    visits = Appointment.objects.filter(doctor__in=people, scheduled_at__gte=start, scheduled_at__lt=end)
    is_now = Case(When(scheduled_at__gte=middle, then=1), default=0, output_field=IntegerField())
    found: dict[tuple[UUID, int], Tally] = {}
    notice = timedelta(hours=ClinicSettings.load().cancel_notice_hours)
    counts = _counts(notice)
    rows = visits.annotate(is_now=is_now).values("doctor_id", "is_now").annotate(**counts).order_by()
    for doctor_id, which, *numbers in rows.values_list("doctor_id", "is_now", *counts):
        found[doctor_id, which] = tally_of(zip(counts, numbers, strict=True))
    leads = _lead_days(visits, middle)
    slots = _freed_slots(people, start, middle, end)
    diaries = load_diaries(people, Span(start, end), at=at, with_visits=False)
    return [
        Counted(
            doctor,
            *(
                replace(
                    found.get((doctor.pk, which), Tally()),
                    **slots.get((doctor.pk, which), {}),
                    lead_days=tuple(leads.get((doctor.pk, which), ())),
                    available_minutes=available_minutes(diaries[doctor.pk], span.each_day),
                )
                for which, span in ((1, period), (0, before))
            ),
        )
        for doctor in people
    ]


def _counts(notice: timedelta) -> dict[str, Count | Sum]:
    held, missed = Q(status=Status.COMPLETED), Q(status=Status.NO_SHOW)
    cancelled = Q(status=Status.CANCELLED)
    reminded, confirmed = Q(reminder_sent=True), Q(confirmed_at__isnull=False)
    late = Q(cancelled_at__gt=F("scheduled_at") - notice)
    wanted = {
        "planned": ~Q(status=Status.RESCHEDULED),
        "held": held,
        "no_show": missed,
        "cancelled": cancelled,
        "cancelled_late": cancelled & late,
        "moved": Q(status=Status.RESCHEDULED),
        "walk_ins": held & Q(is_walk_in=True),
        "new_patients": held & Q(appointment_type=Appointment.Type.NEW_PATIENT),
        "follow_ups": held & Q(appointment_type=Appointment.Type.FOLLOWUP),
        "reminded_held": held & reminded,
        "reminded_no_show": missed & reminded,
        "confirmed_held": held & confirmed,
        "confirmed_no_show": missed & confirmed,
    }
    return {
        **{name: Count("pk", filter=condition) for name, condition in wanted.items()},
        "booked_minutes": Sum("duration_minutes", filter=Q(status__in=STANDING)),
        "held_minutes": Sum("duration_minutes", filter=held),
    }


def _lead_days(visits: AppointmentQuerySet, middle: datetime) -> dict[tuple[UUID, int], list[float]]:
    """Return how many days before its time each visit was booked; what was entered afterwards has none."""
    booked = visits.filter(is_walk_in=False, created_at__lt=F("scheduled_at")).exclude(status=Status.RESCHEDULED)
    leads: dict[tuple[UUID, int], list[float]] = {}
    days = DaysBetween(F("scheduled_at"), F("created_at"))
    which = Case(When(scheduled_at__gte=middle, then=1), default=0, output_field=IntegerField())
    for doctor, is_now, lead in booked.annotate(lead=days, is_now=which).values_list("doctor_id", "is_now", "lead"):
        leads.setdefault((doctor, is_now), []).append(round(lead, 4))
    return leads


def _freed_slots(
    doctors: Iterable[User], start: datetime, middle: datetime, end: datetime
) -> dict[tuple[UUID, int], dict[str, int]]:
    """Count the times that came free and those the waiting list filled, as its own page does, clinician by clinician."""
    slots = FreedSlot.objects.filter(doctor__in=list(doctors), created_at__gte=start, created_at__lt=end).exclude(
        status=FreedSlot.Status.UNDONE
    )
    is_now = Case(When(created_at__gte=middle, then=1), default=0, output_field=IntegerField())
    counts = {"freed": Count("pk"), "filled": Count("filled_at")}
    rows = slots.annotate(is_now=is_now).values("doctor_id", "is_now").annotate(**counts).order_by()
    return {
        (doctor, which): {"freed": freed, "filled": filled}
        for doctor, which, freed, filled in rows.values_list("doctor_id", "is_now", *counts)
    }


def available_minutes(diary: Diary, days: Iterable[date]) -> int | None:
    """Return the minutes a clinician works on these days: hours less breaks, holidays and time off.

    None when no working hours were set by any of them: the clinic's opening hours say nothing about a person.
    """
    counted = [day for day in days if diary.has_hours_on(day)]
    if not counted:
        return None
    off = _merged(diary.off)
    seconds = 0.0
    for day in counted:
        for stretch in work_of(diary, day):
            seconds += (stretch.end - stretch.start).total_seconds()
            seconds -= sum(_shared_seconds(stretch.start, stretch.end, span) for span in off)
    return round(seconds / 60)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return times off without overlaps: a clinic's meeting within somebody's leave takes nothing twice."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _shared_seconds(start: datetime, end: datetime, span: Span) -> float:
    return max(0.0, (min(end, span.end) - max(start, span.start)).total_seconds())


@dataclass(frozen=True)
class BucketCount:
    """The visits of one column of the chart."""

    bucket: Bucket
    held: int
    to_come: int
    no_show: int
    cancelled: int


def count_by_bucket(doctors: Iterable[User], buckets: Sequence[Bucket], *, zone: ZoneInfo) -> list[BucketCount]:
    """Count the visits of several clinicians by the columns of the chart, in one query."""
    starts = [day_bounds(bucket.first, zone)[0] for bucket in buckets]
    end = day_bounds(buckets[-1].last, zone)[1]
    # Whole days of the wall clock, by comparing moments: a date function would run once a row.
    cases = [When(scheduled_at__lt=upper, then=Value(number)) for number, upper in enumerate(starts[1:])]
    place = Case(*cases, default=Value(len(buckets) - 1), output_field=IntegerField())
    visits = Appointment.objects.filter(doctor__in=list(doctors), scheduled_at__gte=starts[0], scheduled_at__lt=end)
    found = {
        (row["place"], row["status"]): row["number"]
        for row in visits.annotate(place=place).values("place", "status").annotate(number=Count("pk")).order_by()
    }

    def total(number: int, *statuses: str) -> int:
        return sum(found.get((number, status), 0) for status in statuses)

    return [
        BucketCount(
            bucket,
            held=total(number, Status.COMPLETED),
            to_come=total(number, Status.SCHEDULED, Status.CONFIRMED),
            no_show=total(number, Status.NO_SHOW),
            cancelled=total(number, Status.CANCELLED),
        )
        for number, bucket in enumerate(buckets)
    ]
