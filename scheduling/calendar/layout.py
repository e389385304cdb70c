"""Days, weeks and the grid of the calendar, in a person's own zone. Pure: no database, no clock.

A day of the calendar is a day of the wall clock, so on the days the clocks change it has 23 or 25 hours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

ROW_MINUTES = 15
ROWS_PER_HOUR = 60 // ROW_MINUTES
MOST_LANES = 6  # more visits at one time than this share the last lane


class NoSuchTime(ValueError):
    """The clocks skip this time on this day."""


def at_wall_clock(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the moment a clock on the wall shows this day and time; of a repeated hour, the first one.

    Raises NoSuchTime for a time the clocks skip.
    """
    moment = datetime.combine(day, clock, tzinfo=zone)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise NoSuchTime
    return moment


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the moments a day begins and ends; where midnight itself is skipped, the day begins after it."""
    return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC).astimezone(zone)


def week_of(day: date) -> list[date]:
    """Return Monday to Sunday of a day's week."""
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=number) for number in range(7)]


def month_weeks(day: date) -> list[list[date]]:
    """Return the weeks that touch a day's month, each from Monday to Sunday."""
    weeks = [week_of(day.replace(day=1))]
    while (monday := weeks[-1][0] + timedelta(days=7)).month == day.month:
        weeks.append(week_of(monday))
    return weeks


Item = TypeVar("Item")


@dataclass(frozen=True)
class Span(Generic[Item]):
    """Something with a beginning and an end that stands in a column of the grid."""

    item: Item
    column: int
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Block(Generic[Item]):
    """A span's place: rows of 15 minutes from the top, columns from 1, lanes side by side from 1."""

    item: Item
    column: int
    row: int
    rows: int
    lane: int
    lanes: int

    @property
    def place(self) -> str:
        """Return the place as the classes of the style sheet name it: "d1 at4 ln4 lane-1-2"."""
        side_by_side = f" lane-{self.lane}-{self.lanes}" if self.lanes > 1 else ""
        return f"d{self.column} at{self.row} ln{self.rows}{side_by_side}"

    @property
    def is_small(self) -> bool:
        """Tell whether there is room for a short name and a time only."""
        return self.lanes > 1 or self.rows < 3


@dataclass(frozen=True)
class HourMark:
    """A full hour's place."""

    hour: int
    row: int

    @property
    def label(self) -> str:
        """Return the hour as the edge of the grid writes it, in the clock of the visits in it: "14:00"."""
        return f"{self.hour % 24}:00"


@dataclass(frozen=True)
class Grid(Generic[Item]):
    """What a calendar page draws. `row_count` rows of 15 minutes from `first_hour` on."""

    first_hour: int
    row_count: int
    hours: list[HourMark] = field(default_factory=list)
    blocks: list[Block[Item]] = field(default_factory=list)

    def row_of(self, moment: datetime, zone: ZoneInfo) -> int | None:
        """Return the row a moment falls into, or None outside the grid."""
        row = _minute_of_day(moment, zone) // ROW_MINUTES - self.first_hour * ROWS_PER_HOUR
        return row if 0 <= row < self.row_count else None


def lay_out(spans: Sequence[Span[Item]], *, zone: ZoneInfo, opening_hour: int, closing_hour: int) -> Grid[Item]:
    """Place spans on a grid of the opening hours, stretched to hold every span.

    Each span lies within one day. Spans of one column that share a row stand side by side.
    """
    placed = [_place(span, zone) for span in spans]
    first_hour = min([opening_hour, *(row // ROWS_PER_HOUR for row, _ in placed)])
    last_hour = max([closing_hour, *(-(-(row + rows) // ROWS_PER_HOUR) for row, rows in placed)])
    top = first_hour * ROWS_PER_HOUR
    blocks: list[Block[Item]] = []
    for column in sorted({span.column for span in spans}):
        inside = [
            (row - top, rows, span) for (row, rows), span in zip(placed, spans, strict=True) if span.column == column
        ]
        blocks.extend(_side_by_side(inside))
    return Grid(
        first_hour=first_hour,
        row_count=(last_hour - first_hour) * ROWS_PER_HOUR,
        hours=[HourMark(hour, (hour - first_hour) * ROWS_PER_HOUR) for hour in range(first_hour, last_hour)],
        blocks=blocks,
    )


def closed_rows(
    open_times: Iterable[tuple[datetime, datetime]], *, day: date, grid: Grid[Item], zone: ZoneInfo
) -> list[tuple[int, int]]:
    """Return first row and height of each stretch of a day's column that none of the open times touches."""
    start, end = day_bounds(day, zone)
    top = grid.first_hour * ROWS_PER_HOUR
    is_open = [False] * grid.row_count
    for begun, ended in open_times:
        if begun < end and ended > start:
            row, rows = _place(Span(None, 0, max(begun, start), min(ended, end)), zone)
            for number in range(max(row - top, 0), min(row - top + rows, grid.row_count)):
                is_open[number] = True
    closed: list[tuple[int, int]] = []
    for number, each in enumerate(is_open):
        if each:
            continue
        if closed and sum(closed[-1]) == number:
            closed[-1] = (closed[-1][0], closed[-1][1] + 1)
        else:
            closed.append((number, 1))
    return closed


def _place(span: Span[Any], zone: ZoneInfo) -> tuple[int, int]:
    """Return first row and row count from midnight; what runs past midnight ends there.

    The height follows the minutes that pass, not the clock, which may jump in between.
    """
    first = _minute_of_day(span.start, zone)
    minutes = int((span.end - span.start).total_seconds()) // 60
    last = min(first + minutes, 24 * 60)
    row = first // ROW_MINUTES
    return row, max(1, -(-last // ROW_MINUTES) - row)


def _minute_of_day(moment: datetime, zone: ZoneInfo) -> int:
    local = moment.astimezone(zone)
    return local.hour * 60 + local.minute


def _side_by_side(placed: Iterable[tuple[int, int, Span[Item]]]) -> list[Block[Item]]:
    """Give each of a column's spans a lane; spans that touch through others share the same number of lanes."""
    blocks: list[Block[Item]] = []
    group: list[tuple[int, int, int, Span[Item]]] = []
    lane_ends: list[int] = []
    for row, rows, span in sorted(placed, key=lambda entry: (entry[0], -entry[1])):
        if lane_ends and row >= max(lane_ends):
            blocks.extend(_close_group(group, len(lane_ends)))
            group, lane_ends = [], []
        free = next((lane for lane, end in enumerate(lane_ends) if end <= row), None)
        if free is None and len(lane_ends) < MOST_LANES:
            lane_ends.append(0)
        lane = free if free is not None else len(lane_ends) - 1
        lane_ends[lane] = max(lane_ends[lane], row + rows)
        group.append((row, rows, lane, span))
    return [*blocks, *_close_group(group, len(lane_ends))]


def _close_group(group: Iterable[tuple[int, int, int, Span[Item]]], lanes: int) -> list[Block[Item]]:
    return [Block(span.item, span.column, row, rows, lane + 1, lanes) for row, rows, lane, span in group]
