"""The calendar without a grid: a month of days with their first visits, and a list of the coming days."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from scheduling import queries
from scheduling.calendar import opening
from scheduling.calendar.boards import Asked, Taken, Visit, describe, see, visits_by_day
from scheduling.calendar.layout import day_bounds, month_weeks

SHOWN_PER_DAY = 3
AGENDA_DAYS = 7


@dataclass(frozen=True)
class Day:
    """One day with what is shown of it; `more` visits are counted only."""

    day: date
    is_today: bool
    is_outside: bool = False
    is_closed: bool = False
    visits: list[Visit] = field(default_factory=list)
    more: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.visits) + self.more


def month_days(asked: Asked, day: date) -> list[list[Day]]:
    """Return the weeks of a day's month. Every visit is counted, but only those shown have their names read."""
    weeks = month_weeks(day)
    first, last = weeks[0][0], weeks[-1][-1]
    start, end = day_bounds(first, asked.zone)[0], day_bounds(last, asked.zone)[1]
    visits = queries.list_calendar_visits(asked.user, start, end, doctors=asked.doctor_ids, rooms=asked.chosen_rooms)
    counts: Counter[date] = Counter()
    chosen: list[UUID] = []
    for pk, scheduled_at in visits.select_related(None).values_list("pk", "scheduled_at"):
        each = scheduled_at.astimezone(asked.zone).date()
        counts[each] += 1
        if counts[each] <= SHOWN_PER_DAY:
            chosen.append(pk)
    shown: dict[date, list[Visit]] = {}
    for visit in see(asked, visits.filter(pk__in=chosen)):
        shown.setdefault(visit.appointment.scheduled_at.astimezone(asked.zone).date(), []).append(visit)
    notes = _notes(asked, first, last)
    closed = {holiday.day for holiday in opening.closed_days(first, last)}
    return [
        [
            Day(
                day=each,
                is_today=each == asked.today,
                is_outside=each.month != day.month,
                is_closed=each in closed,
                visits=shown.get(each, []),
                more=counts[each] - len(shown.get(each, [])),
                notes=notes.get(each, []),
            )
            for each in week
        ]
        for week in weeks
    ]


def agenda_days(asked: Asked, first: date, last: date) -> list[Day]:
    """Return the days from first to last, each with all its visits."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    by_day = visits_by_day(asked, days[0], days[-1])
    notes = _notes(asked, days[0], days[-1])
    return [
        Day(day=day, is_today=day == asked.today, visits=by_day.get(day, []), notes=notes.get(day, [])) for day in days
    ]


def _notes(asked: Asked, first: date, last: date) -> dict[date, list[str]]:
    """Return what else happens on each day: holidays, absences and meetings."""
    notes: dict[date, list[str]] = {}
    for holiday in opening.closed_days(first, last):
        notes.setdefault(holiday.day, []).append(holiday.name)
    start, end = day_bounds(first, asked.zone)[0], day_bounds(last, asked.zone)[1]
    for entry in opening.time_off(start, end, asked.doctor_ids):
        taken = describe(asked, entry)
        begun = max(entry.starts_at, start).astimezone(asked.zone)
        ended = min(entry.ends_at, end).astimezone(asked.zone)
        each = begun.date()
        while _begins(each, asked) < ended:
            notes.setdefault(each, []).append(_in_words(taken, entry.starts_at, entry.ends_at, each, asked))
            each += timedelta(days=1)
    return notes


def _begins(day: date, asked: Asked) -> datetime:
    return day_bounds(day, asked.zone)[0]


def _in_words(taken: Taken, starts_at: datetime, ends_at: datetime, day: date, asked: Asked) -> str:
    start, end = day_bounds(day, asked.zone)
    if starts_at <= start and ends_at >= end:
        return taken.title
    begun, ended = starts_at.astimezone(asked.zone), ends_at.astimezone(asked.zone)
    if starts_at <= start:
        return f"{taken.title} until {ended:%-H:%M}"
    return (
        f"{taken.title} from {begun:%-H:%M}" if ends_at >= end else f"{taken.title}, {begun:%-H:%M} to {ended:%-H:%M}"
    )
