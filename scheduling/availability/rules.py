"""When a doctor can see somebody. Pure: no database, no clock.

Hours and breaks are of the wall clock, so a day of the clock change is as long as its working hours say; visits, time
off and held times are moments. A pause (buffer) lies after a visit and is kept free of other visits only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

STEP = timedelta(minutes=15)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class Why(StrEnum):
    """What stands against a time."""

    HOURS = "hours"
    BREAK = "break"
    HOLIDAY = "holiday"
    TIME_OFF = "time_off"
    BUFFER = "buffer"
    HELD = "held"


REFUSALS = {
    Why.HOURS: "This is outside the doctor’s working hours.",
    Why.BREAK: "The doctor has a break at this time.",
    Why.HOLIDAY: "The clinic is closed that day: {name}.",
    Why.TIME_OFF: "The doctor takes no visits at this time.",
    Why.BUFFER: "This leaves no pause between this visit and the one beside it.",
    Why.HELD: "This time is held for a patient of the waiting list.",
}


class Span(NamedTuple):
    """A time from its first moment up to, not including, its last."""

    start: datetime
    end: datetime

    def meets(self, other: "Span") -> bool:
        return self.start < other.end and self.end > other.start


class Stretch(NamedTuple):
    """A time in which a doctor sees patients, and the room they usually do it in."""

    start: datetime
    end: datetime
    room: UUID | None = None


@dataclass(frozen=True)
class Hours:
    """Working hours, or a break, on one weekday (0 is Monday) while they are valid; both days are included."""

    weekday: int
    starts: time
    ends: time
    valid_from: date
    valid_until: date | None = None
    is_break: bool = False
    room: UUID | None = None

    def count_on(self, day: date) -> bool:
        return (
            self.weekday == day.weekday()
            and self.valid_from <= day
            and (self.valid_until is None or day <= self.valid_until)
        )


@dataclass(frozen=True)
class Booked:
    """A visit that stands, with the pause after it."""

    start: datetime
    end: datetime
    buffer: timedelta = timedelta(0)


@dataclass(frozen=True)
class Opening:
    """When the clinic is open, for doctors who named no hours; whole hours of the clinic's wall clock, up to 24."""

    first_hour: int
    last_hour: int
    zone: ZoneInfo


@dataclass(frozen=True)
class Diary:
    """What is known of one doctor's time. `closed_days` are days of the doctor's zone with their names."""

    zone: ZoneInfo
    opening: Opening
    hours: Sequence[Hours] = ()
    closed_days: Mapping[date, str] = field(default_factory=dict)
    off: Sequence[Span] = ()
    visits: Sequence[Booked] = ()
    holds: Sequence[Span] = ()

    def has_hours_on(self, day: date) -> bool:
        """Tell whether the doctor said by this day when they work; from then on a day without hours is a day off."""
        return any(not row.is_break and row.valid_from <= day for row in self.hours)


@dataclass(frozen=True)
class Obstacle:
    """Why a time is not offered; `name` is the holiday's."""

    why: Why
    name: str = ""


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def work_of(diary: Diary, day: date) -> list[Stretch]:
    """Return when the doctor sees patients on a day: hours without breaks, nothing on a closed day, in order."""
    if day in diary.closed_days:
        return []
    return [
        Stretch(free.start, free.end, stretch.room)
        for stretch in _hours_of(diary, day)
        for free in _without(Span(stretch.start, stretch.end), _breaks_of(diary, day))
    ]


def free_starts(
    diary: Diary, window: Span, *, length: timedelta, buffer: timedelta = timedelta(0)
) -> Iterator[tuple[datetime, UUID | None]]:
    """Yield when a visit of this length may begin, in order, with the doctor's usual room at that time.

    Both the visit and its stretch of work lie in the window; beginnings stand a quarter of an hour apart from the
    beginning of the work.
    """
    cuts = sorted([*diary.off, *_kept_clear(diary, buffer), window_before(window), window_after(window)])
    day, last = day_of(window.start, diary.zone), day_of(window.end, diary.zone)
    while day <= last:
        for stretch in work_of(diary, day):
            for gap in _without(Span(stretch.start, stretch.end), cuts):
                steps = -((stretch.start - gap.start) // STEP)
                start = stretch.start + steps * STEP
                while start + length <= gap.end:
                    yield start, stretch.room
                    start += STEP
        day += DAY


def obstacle(diary: Diary, span: Span, *, buffer: timedelta = timedelta(0)) -> Obstacle | None:
    """Return what stands against a visit at this time besides other visits, or None."""
    day = day_of(span.start, diary.zone)
    if day in diary.closed_days:
        return Obstacle(Why.HOLIDAY, diary.closed_days[day])
    if any(span.meets(off) for off in diary.off):
        return Obstacle(Why.TIME_OFF)
    if any(span.meets(pause) for pause in _breaks_of(diary, day)):
        return Obstacle(Why.BREAK)
    if diary.has_hours_on(day) and not _is_inside(span, _hours_of(diary, day)):
        return Obstacle(Why.HOURS)
    if any(span.meets(hold) for hold in diary.holds):
        return Obstacle(Why.HELD)
    with_pause = Span(span.start, span.end + buffer)
    if any(with_pause.meets(Span(visit.start, visit.end + visit.buffer)) for visit in diary.visits):
        return Obstacle(Why.BUFFER)
    return None


def wall_moment(day: date, clock: time, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    """Return the moment of a wall clock, in UTC.

    A time the clocks skip is the moment they jump over it; of a repeated one a beginning is the first, an end the last.
    """
    return _wall_moment(datetime.combine(day, clock), zone, is_end=is_end)


def window_before(window: Span) -> Span:
    return Span(datetime.min.replace(tzinfo=UTC), window.start)


def window_after(window: Span) -> Span:
    return Span(window.end, datetime.max.replace(tzinfo=UTC))


def _wall_moment(wall: datetime, zone: ZoneInfo, *, is_end: bool) -> datetime:
    while True:
        moment = wall.replace(tzinfo=zone, fold=int(is_end)).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
            return moment
        wall += MINUTE


def _hours_of(diary: Diary, day: date) -> list[Stretch]:
    if not diary.has_hours_on(day):
        midnight, opening = datetime.combine(day, time.min), diary.opening
        start = _wall_moment(midnight + timedelta(hours=opening.first_hour), opening.zone, is_end=False)
        end = _wall_moment(midnight + timedelta(hours=opening.last_hour), opening.zone, is_end=True)
        return [Stretch(start, end)]
    return sorted(
        Stretch(*_span_of(row, day, diary.zone), row.room)
        for row in diary.hours
        if not row.is_break and row.count_on(day)
    )


def _breaks_of(diary: Diary, day: date) -> list[Span]:
    return sorted(_span_of(row, day, diary.zone) for row in diary.hours if row.is_break and row.count_on(day))


def _span_of(row: Hours, day: date, zone: ZoneInfo) -> Span:
    return Span(wall_moment(day, row.starts, zone), wall_moment(day, row.ends, zone, is_end=True))


def _kept_clear(diary: Diary, buffer: timedelta) -> Iterator[Span]:
    """Yield what a new visit with this pause after it must not touch."""
    for visit in diary.visits:
        yield Span(visit.start - buffer, visit.end + visit.buffer)
    for hold in diary.holds:
        yield Span(hold.start - buffer, hold.end)


def _without(span: Span, cuts: Iterable[Span]) -> Iterator[Span]:
    """Yield what is left of a span; the cuts are in order of their beginnings."""
    start = span.start
    for cut in cuts:
        if cut.start >= span.end:
            break
        if cut.start > start:
            yield Span(start, cut.start)
        start = max(start, cut.end)
    if start < span.end:
        yield Span(start, span.end)


def _is_inside(span: Span, stretches: Sequence[Stretch]) -> bool:
    """Tell whether working hours cover a span; hours that follow one another count as one."""
    return not list(_without(span, [Span(stretch.start, stretch.end) for stretch in stretches]))
