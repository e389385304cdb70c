"""What a calendar shades: when nobody works, closed days, and the times taken by something that is no visit."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from scheduling.availability.rules import DAY, Span, day_of, work_of
from scheduling.availability.slots import load_diaries
from scheduling.models import Holiday, SlotOffer, TimeOff, WorkingHours
from synapse.accounts.models import User


def working_times(doctors: Sequence[User], start: datetime, end: datetime) -> list[tuple[UUID, datetime, datetime]]:
    """Return doctor, begin and end of every stretch in which one of them sees patients around [start, end)."""
    times = []
    for doctor, diary in load_diaries(doctors, Span(start, end), at=start).items():
        # The reader may sit in another zone than the doctor: the days of the doctor's, one more on each side.
        day, last = day_of(start, diary.zone) - DAY, day_of(end, diary.zone) + DAY
        while day <= last:
            times += [(doctor, stretch.start, stretch.end) for stretch in work_of(diary, day)]
            day += DAY
    return times


def has_hours(day: date, doctors: Collection[UUID]) -> bool:
    """Tell whether one of these doctors set hours for a day."""
    hours = WorkingHours.objects.filter(doctor__in=doctors, kind=WorkingHours.Kind.WORK, weekday=day.weekday())
    return hours.filter(Q(valid_until=None) | Q(valid_until__gte=day), valid_from__lte=day).exists()


def closed_days(first: date, last: date) -> QuerySet[Holiday]:
    """Return the holidays from first to last on which nobody works."""
    return Holiday.objects.filter(day__gte=first, day__lte=last, is_closed=True)


def time_off(start: datetime, end: datetime, doctors: Collection[UUID]) -> QuerySet[TimeOff]:
    """Return what is no visit but takes the time of one of these doctors, or of everybody, in [start, end)."""
    taken = TimeOff.objects.filter(starts_at__lt=end, ends_at__gt=start)
    return taken.filter(Q(doctor=None) | Q(doctor__in=list(doctors))).order_by("starts_at", "pk")


def held_offers(start: datetime, end: datetime, doctors: Collection[UUID], *, at: datetime) -> QuerySet[SlotOffer]:
    """Return the free times that are held for somebody of the waiting list."""
    held = SlotOffer.objects.filter(status=SlotOffer.Status.HELD, held_until__gt=at, doctor__in=list(doctors))
    return held.filter(starts_at__lt=end, ends_at__gt=start).order_by("starts_at")
