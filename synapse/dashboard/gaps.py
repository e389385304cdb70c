"""The free times between the visits of a day, named by what the working hours say. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

SHORTEST = timedelta(minutes=10)
LUNCH_FROM, LUNCH_UNTIL = time(11, 30), time(14, 30)
NOTHING = timedelta(0)

Times = Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True)
class Gap:
    """A time without a visit between two of them."""

    starts_at: datetime
    minutes: int
    label: str
    is_free: bool

    @property
    def words(self) -> str:
        """Return it as the day's list writes it: "Lunch, 40 min free"."""
        length = f"{self.minutes} min free" if self.is_free else f"{self.minutes} min"
        return f"{self.label}, {length}" if self.label else length


def find_gaps(visits: Times, *, work: Times, off: Times, zone: ZoneInfo) -> dict[datetime, Gap]:
    """Return the gaps by the beginning of the visit that ends them; none on a day nobody works.

    `visits` are in order; `work` is the working hours without breaks, `off` is time off.
    """
    gaps: dict[datetime, Gap] = {}
    until = visits[0][1] if visits and work else None
    for start, end in visits[1:]:
        if until is None:
            break
        if start - until >= SHORTEST:
            gaps[start] = _gap(until, start, work, off, zone)
        until = max(until, end)
    return gaps


def _gap(start: datetime, end: datetime, work: Times, off: Times, zone: ZoneInfo) -> Gap:
    length = end - start
    is_away = 2 * _overlap(start, end, off) >= length
    is_break = 2 * _overlap(start, end, work) < length
    local = start.astimezone(zone).time()
    rest = "Lunch" if LUNCH_FROM <= local <= LUNCH_UNTIL else "Break"
    label = "Away" if is_away else rest if is_break else ""
    return Gap(start, int(length.total_seconds()) // 60, label, is_free=not is_away)


def _overlap(start: datetime, end: datetime, times: Iterable[tuple[datetime, datetime]]) -> timedelta:
    return sum((max(NOTHING, min(end, until) - max(start, since)) for since, until in times), NOTHING)
