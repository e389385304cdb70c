"""Rules of visits that repeat: an RRULE subset, its days, its moments and its words. Pure: no database, no clock.

A rule is weekly on some weekdays or monthly on a day, an n-th or the last weekday, every so many weeks or months, for a
number of times, until a day, or open-ended. A rule gives days; a series' clock and zone make a moment of each, so that
10:00 stays 10:00 when the clocks change. A time the clocks skip becomes the first one there is after the gap, of a time
they repeat the first is meant.

A month that is too short for the rule's day takes its last day. A count counts days of the rule: a day left out because
of a holiday is one of them, so whoever wants ten visits all the same counts further (`Rule.times` of eleven).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import Self
from zoneinfo import ZoneInfo

from django.utils import formats

from scheduling.calendar.layout import NoSuchTime, at_wall_clock

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
SHORTEST_MONTH = 28
LONGEST_INTERVAL = 52
_MINUTE = timedelta(minutes=1)
_LAST_YEAR = 2200


class BadRule(ValueError):
    """The text is no rule of this subset; the message says why."""


class Frequency(StrEnum):
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True)
class Rule:
    """On which days a visit repeats. `weekdays` and `weekday` count from Monday, 0; `nth` is 1 to 4, or -1 for the last.

    Weekly has `weekdays`; monthly has either `nth` and `weekday`, or `month_day`. `times` and `until` exclude each other.
    """

    frequency: Frequency
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    nth: int | None = None
    weekday: int | None = None
    month_day: int | None = None
    times: int | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.interval <= LONGEST_INTERVAL:
            raise BadRule(f"Visits repeat every 1 to {LONGEST_INTERVAL} weeks or months.")
        if self.times is not None and self.until is not None:
            raise BadRule("Give a number of visits or a last day, not both.")
        if self.times is not None and self.times < 1:
            raise BadRule("A series has at least one visit.")
        is_by_weekday = self.nth is not None and self.weekday is not None
        if self.frequency == Frequency.WEEKLY:
            if not self.weekdays or self.month_day is not None or is_by_weekday:
                raise BadRule("Choose the weekdays.")
            if tuple(sorted(set(self.weekdays))) != self.weekdays or not set(self.weekdays) <= set(range(7)):
                raise BadRule("Weekdays stand once and in order.")
        else:
            if self.weekdays or is_by_weekday == (self.month_day is not None):
                raise BadRule("Choose a day of the month or a weekday of it.")
            if is_by_weekday and (self.nth not in _ORDINALS or self.weekday not in range(7)):
                raise BadRule("Choose the first to fourth or the last weekday of the month.")
            if self.month_day is not None and not 1 <= self.month_day <= 31:
                raise BadRule("A month has days 1 to 31.")

    @property
    def is_open_ended(self) -> bool:
        return self.times is None and self.until is None

    def ending(self, *, times: int | None = None, until: date | None = None) -> Self:
        """Return the rule with another end; without arguments it is open-ended."""
        return replace(self, times=times, until=until)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an RRULE without prefix and DTSTART. Raises BadRule."""
        parts = dict(part.partition("=")[::2] for part in text.strip().upper().split(";") if part)
        unknown = set(parts) - {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYSETPOS", "COUNT", "UNTIL", "WKST"}
        if unknown or parts.get("WKST", "MO") != "MO":
            raise BadRule(f"This rule has parts that are not understood: {', '.join(sorted(unknown)) or 'WKST'}.")
        try:
            frequency = Frequency(parts.get("FREQ", ""))
            until = datetime.strptime(parts["UNTIL"][:8], "%Y%m%d").date() if "UNTIL" in parts else None  # noqa: DTZ007
            times = int(parts["COUNT"]) if "COUNT" in parts else None
            interval = int(parts.get("INTERVAL", "1"))
            by_day = parts["BYDAY"].split(",") if "BYDAY" in parts else []
            if frequency == Frequency.WEEKLY:
                weekdays = tuple(sorted(_CODES.index(code) for code in by_day))
                return cls(frequency, interval, weekdays=weekdays, times=times, until=until)
            if by_day:
                [code] = by_day
                return cls(
                    frequency, interval, nth=int(code[:-2]), weekday=_CODES.index(code[-2:]), times=times, until=until
                )
            days = [int(day) for day in parts["BYMONTHDAY"].split(",")]
        except (ValueError, KeyError) as error:
            raise BadRule("This rule cannot be read.") from error
        if days != _days_up_to(days[-1]) or (len(days) > 1) != (parts.get("BYSETPOS") == "-1"):
            raise BadRule("This rule has days of the month that are not understood.")
        return cls(frequency, interval, month_day=days[-1], times=times, until=until)

    def __str__(self) -> str:
        """Write the RRULE without prefix and DTSTART; `parse` reads it."""
        parts = [f"FREQ={self.frequency}"]
        if self.interval > 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.weekdays:
            parts.append("BYDAY=" + ",".join(_CODES[weekday] for weekday in self.weekdays))
        if self.weekday is not None:
            parts.append(f"BYDAY={self.nth}{_CODES[self.weekday]}")
        if self.month_day is not None:
            days = _days_up_to(self.month_day)
            parts.append("BYMONTHDAY=" + ",".join(map(str, days)))
            if len(days) > 1:
                parts.append("BYSETPOS=-1")
        if self.times is not None:
            parts.append(f"COUNT={self.times}")
        if self.until is not None:
            parts.append(f"UNTIL={self.until:%Y%m%d}")
        return ";".join(parts)

    def days(self, first_day: date) -> Iterator[date]:
        """Yield the rule's days from `first_day` on, which is the first of them or before it."""
        from dateutil.rrule import rrulestr

        # The last year keeps an open-ended rule from running into the end of dates.
        rule = rrulestr(str(self), dtstart=datetime.combine(first_day, time.min))
        for moment in rule:
            if moment.year > _LAST_YEAR:
                return
            yield moment.date()

    def first_from(self, day: date) -> date:
        """Return the first day from `day` on that fits the pattern; a series begins there and counts its weeks from it."""
        return next(replace(self, interval=1, times=1, until=None).days(day))

    def moved(self, old: date, new: date) -> Self:
        """Return the rule whose visit of day `old` is on day `new` instead. Raises BadRule when two would fall together.

        Of a monthly rule the new day tells which day or weekday it is; a last weekday stays a last one where it can.
        """
        if old == new:
            return self
        if self.frequency == Frequency.WEEKLY:
            if old.weekday() != new.weekday() and new.weekday() in self.weekdays:
                raise BadRule(f"The series has a visit on {WEEKDAYS[new.weekday()]} already.")
            kept = set(self.weekdays) - {old.weekday()}
            return replace(self, weekdays=tuple(sorted(kept | {new.weekday()})))
        if self.month_day is not None:
            return replace(self, month_day=new.day)
        number = (new.day - 1) // 7 + 1
        is_last = (new + timedelta(days=7)).month != new.month
        nth = -1 if number > 4 or (is_last and self.nth == -1) else number
        return replace(self, nth=nth, weekday=new.weekday())


def _days_up_to(month_day: int) -> list[int]:
    """Return the days of which a month's last existing one is meant: 31 in February is the 28th or 29th."""
    return list(range(SHORTEST_MONTH, month_day + 1)) if month_day > SHORTEST_MONTH else [month_day]


def moment_of(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return when a wall clock shows this day and time: of a repeated hour the first, of a skipped one the next there is."""
    wall = datetime.combine(day, clock)
    while True:
        try:
            return at_wall_clock(wall.date(), wall.time(), zone)
        except NoSuchTime:
            wall += _MINUTE


def next_open_day(day: date, *, is_open: Callable[[date], bool]) -> date:
    """Return the first open day after `day`; when two weeks have none, the day itself."""
    later = (day + timedelta(days=ahead) for ahead in range(1, 15))
    return next((other for other in later if is_open(other)), day)


def pair_days(old: Sequence[date], new: Sequence[date]) -> dict[date, date]:
    """Return which new day stands for which old one when a rule repeats more or less often: one of the same week."""
    left = set(new)
    pairs = {day: day for day in old if day in left}
    left -= set(pairs)
    for day in old:
        near = [other for other in left if other.isocalendar()[:2] == day.isocalendar()[:2]]
        if day not in pairs and near:
            pairs[day] = min(near)
            left.remove(pairs[day])
    return pairs


def move_days(rule: Rule, days: Sequence[date], *, old: date, new: date) -> tuple[Rule, dict[date, date]]:
    """Return the endless rule that has `new` where `rule` has `old`, and where each of the rule's `days` goes.

    Raises BadRule when two visits would fall on one day, or when no rule says it (one of two days in a week goes to
    another week).
    """
    moved = rule.moved(old, new).ending()
    if rule.frequency == Frequency.WEEKLY:
        shift = new - old
        pairs = {day: day + shift if day.weekday() == old.weekday() else day for day in days}
    else:
        months = (new.year - old.year) * 12 + new.month - old.month
        ahead = days[0].month - 1 + months
        first_of_month = date(days[0].year + ahead // 12, ahead % 12 + 1, 1)
        pairs = dict(zip(days, moved.days(moved.first_from(first_of_month)), strict=False))
    wanted = sorted(pairs.values())
    if list(islice(moved.days(wanted[0]), len(wanted))) != wanted:
        raise BadRule("The days of this series cannot be moved so far. Cancel it and book a new one.")
    return moved, pairs


def describe(rule: Rule, *, clock: time | None = None, left_out: int = 0) -> str:
    """Say a rule in words: "Every 2 weeks on Tuesday at 10:00, 12 times".

    `left_out` days of the count have no visit (holidays, taken times), so that many fewer times are told.
    """
    words = f"{_how_often(rule)} on {_on_what(rule)}"
    if clock is not None:
        words += f" at {formats.time_format(clock, 'G:i')}"
    if rule.times is not None:
        times = max(rule.times - left_out, 0)
        words += ", once" if times == 1 else f", {times} times"
    if rule.until is not None:
        words += f", until {formats.date_format(rule.until, 'j F Y')}"
    return words


def _how_often(rule: Rule) -> str:
    noun = "week" if rule.frequency == Frequency.WEEKLY else "month"
    return f"Every {noun}" if rule.interval == 1 else f"Every {rule.interval} {noun}s"


def _on_what(rule: Rule) -> str:
    if rule.weekdays:
        names = [WEEKDAYS[weekday] for weekday in rule.weekdays]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    if rule.weekday is not None and rule.nth is not None:
        return f"the {_ORDINALS[rule.nth]} {WEEKDAYS[rule.weekday]}"
    return "the last day" if rule.month_day == 31 else f"day {rule.month_day}"


def days_from(rule: Rule, first_day: date, start: date) -> Iterator[date]:
    """Yield the rule's days from `start` on."""
    return (day for day in rule.days(first_day) if day >= start)
