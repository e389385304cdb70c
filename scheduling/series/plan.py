"""What becomes of each day of a series: booked, moved, left out, or still to be decided. Pure: no database, no clock.

Days that have no visit because of a holiday or a taken time need not count: with `keeps_number` the plan goes on until
as many visits stand as were wanted. A day somebody cancelled counts: the patient had it and gave it up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduling.availability.rules import Booked, Diary, Span, Why, free_starts, obstacle, work_of
from scheduling.calendar.layout import day_bounds
from scheduling.series.recurrence import moment_of, next_open_day

MOST_DAYS_WALKED = 400
SATURDAY = 5

HOLIDAY, TAKEN, CANCELLED = "holiday", "taken", "cancelled"  # why a day of the rule has no visit
KEPT_ON_HOLIDAYS = "This series is booked on holidays too"
WORDS = {
    Why.HOURS: "Outside working hours",
    Why.BREAK: "In a break",
    Why.TIME_OFF: "The doctor is away",
    Why.BUFFER: "No pause to the visit beside it",
    Why.HELD: "Held for the waiting list",
}


class State(StrEnum):
    """How a day stands. CLOSED is what a reason overrules: hours, breaks, leave, pauses, held times."""

    FREE = "free"
    TAKEN = "taken"
    HOLIDAY = "holiday"
    CLOSED = "closed"
    PAST = "past"
    LEFT_OUT = "left_out"
    KEPT = "kept"


class Choice(StrEnum):
    """What somebody decided about one day."""

    SKIP = "skip"
    TAKE = "take"
    BOOK = "book"
    STAY = "stay"


@dataclass(frozen=True)
class Decision:
    """`clock` goes with TAKE: another time of that day. STAY keeps the visit that is being moved where it is."""

    choice: Choice
    clock: time | None = None


@dataclass(frozen=True)
class Busy:
    """A visit in the way; `words` name only what the reader may see, `names` is whose name they tell.

    Its `buffer` lies after it.
    """

    start: datetime
    end: datetime
    words: str
    buffer: timedelta = timedelta(0)
    names: UUID | None = None


@dataclass
class Surroundings:
    """What stands around a series in its time: the doctor's diary, and the visits of doctor, patient and room."""

    zone: ZoneInfo
    diary: Diary
    visits: list[Busy] = field(default_factory=list)

    def copy(self) -> "Surroundings":
        """Return a copy that takes more visits without changing this one."""
        booked = [Booked(visit.start, visit.end, visit.buffer) for visit in self.visits]
        return Surroundings(self.zone, replace(self.diary, visits=booked), list(self.visits))

    def add(self, start: datetime, end: datetime) -> None:
        self.visits.append(Busy(start, end, "Another visit of this series"))
        self.diary.visits.append(Booked(start, end))  # type: ignore[attr-defined]  # the list that `copy` made

    def visit_at(self, span: Span) -> Busy | None:
        return next((visit for visit in self.visits if visit.start < span.end and visit.end > span.start), None)

    def is_open(self, day: date) -> bool:
        """Tell whether the doctor works on a day; without working hours that is Monday to Friday."""
        return bool(work_of(self.diary, day)) and (self.diary.has_hours_on(day) or day.weekday() < SATURDAY)

    def nearest_free(self, day: date, wanted: datetime, wish: "Wish", *, after: datetime) -> datetime | None:
        """Return the time of a day that is free and nearest to the wanted one."""
        length = timedelta(minutes=wish.minutes)
        starts = free_starts(self.diary, Span(*day_bounds(day, self.zone)), length=length, buffer=wish.buffer)
        free = [start for start, _ in starts if start > after and self.visit_at(Span(start, start + length)) is None]
        return min(free, key=lambda moment: abs(moment - wanted), default=None)


@dataclass(frozen=True)
class PlannedDay:
    """One day of the rule and what the plan does with it.

    `starts_at` is when its visit is booked, None while it is left out, kept as it is or undecided. `why` says why there
    is none; `words` what stands there. `is_moved` has it on another day because of a holiday, `is_alone` at another time somebody chose.
    `is_overridden` books what is not offered, for the `reason` or one still to be given. `visit` is the
    existing visit that stands for this day, if any.
    """

    day: date
    wanted_at: datetime
    state: State
    starts_at: datetime | None = None
    words: str = ""
    names: UUID | None = None
    why: str = ""
    alternative: datetime | None = None
    needs_decision: bool = False
    is_moved: bool = False
    is_alone: bool = False
    is_overridden: bool = False
    reason: str = ""
    visit: UUID | None = None

    @property
    def is_left_out(self) -> bool:
        return bool(self.why)


@dataclass(frozen=True)
class Plan:
    """Every day of a series from its first on, in order. `counted` of them are visits wanted, also those given up."""

    days: list[PlannedDay]
    counted: int

    @property
    def names(self) -> set[UUID]:
        """Return the patients whose names the words tell."""
        return {day.names for day in self.days if day.names is not None}

    @property
    def booked(self) -> list[PlannedDay]:
        return [day for day in self.days if day.starts_at is not None]

    @property
    def undecided(self) -> list[PlannedDay]:
        return [day for day in self.days if day.needs_decision]

    @property
    def exceptions(self) -> list[dict[str, str]]:
        return [{"day": day.day.isoformat(), "why": day.why} for day in self.days if day.why]

    @property
    def needs_reason(self) -> bool:
        """Tell whether something is booked that is not offered, and nobody said why yet."""
        return any(day.is_overridden and not day.reason for day in self.days)


@dataclass(frozen=True)
class Wish:
    """How a series wants its visits.

    `wanted` visits, or as many as the days give; no day after `last_day`. `carried` are days that stay without a visit,
    with why; `kept` have a visit that stays as it is; `moving` have one that goes along, with its time: where that
    does not change only other visits can be in the way. `settles` leaves out what nobody can be asked about.
    """

    clock: time
    minutes: int
    holiday_rule: str
    buffer: timedelta = timedelta(0)
    wanted: int | None = None
    last_day: date | None = None
    most: int = MOST_DAYS_WALKED
    keeps_number: bool = True
    decisions: Mapping[date, Decision] = field(default_factory=dict)
    carried: Mapping[date, str] = field(default_factory=dict)
    kept: Mapping[date, UUID] = field(default_factory=dict)
    moving: Mapping[date, tuple[UUID, datetime]] = field(default_factory=dict)
    settles: bool = False


def plan_days(days: Iterable[date], wish: Wish, around: Surroundings, *, at: datetime) -> Plan:
    """Walk the rule's days and say what becomes of each. Times the plan takes count as taken for its later days."""
    around = around.copy()
    planned: list[PlannedDay] = []
    walked = list(islice(days, MOST_DAYS_WALKED))
    taken_days = set(walked)
    counted = 0
    for day in walked:
        beyond = wish.last_day is not None and day > wish.last_day
        if beyond or counted == wish.wanted or counted >= wish.most:
            break
        found = _plan_day(day, wish, around, taken_days, at=at)
        planned.append(found)
        if found.starts_at is not None:
            end = found.starts_at + timedelta(minutes=wish.minutes)
            around.add(found.starts_at, end)
            taken_days.add(found.starts_at.astimezone(around.zone).date())
        if not (wish.keeps_number and found.why in (HOLIDAY, TAKEN)):
            counted += 1
    return Plan(planned, counted)


def _plan_day(day: date, wish: Wish, around: Surroundings, taken_days: set[date], *, at: datetime) -> PlannedDay:
    wanted_at = moment_of(day, wish.clock, around.zone)
    blank = PlannedDay(day, wanted_at, State.FREE, visit=wish.moving.get(day, (None, None))[0])
    if day in wish.carried:
        return replace(blank, state=State.LEFT_OUT, why=wish.carried[day])
    if day in wish.kept:
        return replace(blank, state=State.KEPT, visit=wish.kept[day])
    decision = wish.decisions.get(day)
    holiday = around.diary.closed_days.get(day, "")
    if decision is not None and decision.choice == Choice.SKIP:
        return replace(blank, state=State.LEFT_OUT, words=holiday, why=HOLIDAY if holiday else TAKEN)
    if decision is not None and decision.choice == Choice.STAY and blank.visit is not None:
        old = wish.moving[day][1]
        around.add(old, old + timedelta(minutes=wish.minutes))
        return replace(blank, state=State.KEPT, words="Stays where it is")
    if day in wish.moving and wish.moving[day][1] == wanted_at and decision is None:
        return _check(blank, wanted_at, wish, around, at=at, visits_only=True)
    if decision is not None and decision.choice == Choice.TAKE and decision.clock is not None:
        chosen = moment_of(day, decision.clock, around.zone)
        return replace(_check(blank, chosen, wish, around, at=at, is_wanted_all_the_same=True), is_alone=True)
    if decision is not None and decision.choice == Choice.BOOK:
        return _check(blank, wanted_at, wish, around, at=at, is_wanted_all_the_same=True)
    if holiday and wish.holiday_rule == "skip":
        return replace(blank, state=State.HOLIDAY, words=holiday, why=HOLIDAY)
    if holiday and wish.holiday_rule == "next_day":
        other = next_open_day(day, is_open=lambda other: other not in taken_days and around.is_open(other))
        moved = _check(blank, moment_of(other, wish.clock, around.zone), wish, around, at=at)
        return replace(moved, is_moved=True, words=moved.words or holiday)
    found = _check(blank, wanted_at, wish, around, at=at, is_wanted_all_the_same=bool(holiday))
    return replace(found, reason=KEPT_ON_HOLIDAYS) if found.state == State.HOLIDAY else found


def _check(
    blank: PlannedDay,
    start: datetime,
    wish: Wish,
    around: Surroundings,
    *,
    at: datetime,
    visits_only: bool = False,
    is_wanted_all_the_same: bool = False,
) -> PlannedDay:
    """Look whether a visit can be at a time; what is only not offered somebody may want all the same."""
    span = Span(start, start + timedelta(minutes=wish.minutes))
    state, words = _state_of(span, wish, around, at=at, visits_only=visits_only)
    if state == State.FREE:
        return replace(blank, starts_at=start)
    met = around.visit_at(span) if state == State.TAKEN else None
    blank = replace(blank, names=met.names if met else None)
    if is_wanted_all_the_same and state in (State.CLOSED, State.HOLIDAY):
        return replace(blank, state=state, words=words, starts_at=start, is_overridden=True)
    if wish.settles:
        return replace(blank, state=state, words=words, why=TAKEN)
    day = start.astimezone(around.zone).date()
    alternative = around.nearest_free(day, start, wish, after=at)
    return replace(blank, state=state, words=words, alternative=alternative, needs_decision=True)


def _state_of(span: Span, wish: Wish, around: Surroundings, *, at: datetime, visits_only: bool) -> tuple[State, str]:
    if span.end <= at:
        return State.PAST, "This time is over"
    visit = around.visit_at(span)
    if visit is not None:
        return State.TAKEN, visit.words
    found = None if visits_only else obstacle(around.diary, span, buffer=wish.buffer)
    if found is None:
        return State.FREE, ""
    if found.why == Why.HOLIDAY:
        return State.HOLIDAY, found.name
    return State.CLOSED, WORDS[found.why]


def exceptions_of(rows: Sequence[Mapping[str, str]]) -> dict[date, str]:
    """Read the stored exceptions of a series: day and why."""
    return {date.fromisoformat(row["day"]): row["why"] for row in rows}
