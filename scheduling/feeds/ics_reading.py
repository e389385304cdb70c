"""Read the busy times out of somebody's calendar file: times only, no words. Pure, and run as a process of its own.

A file is not trusted. One short line can ask for a visit every second until the year 9999, so reading happens in a
child process whose processor time and memory the system bounds:

    python -m scheduling.feeds.ics_reading ZONE FROM UNTIL < calendar.ics     (FROM and UNTIL: ISO days)

It prints a JSON list of [start, end] in UTC, sorted and merged, or {"error": code}.
"""

import json
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MOST_ENTRIES = 5000
MOST_TIMES = 5000
CPU_SECONDS = 6
MEMORY_BYTES = 768 * 1024 * 1024
TOO_OFTEN = {"SECONDLY", "MINUTELY", "HOURLY"}

Times = list[tuple[datetime, datetime]]


class Unreadable(Exception):
    """The file is no calendar, or too much of one; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_busy_times(content: bytes, *, zone: ZoneInfo, first: date, last: date) -> Times:
    """Return when the calendar's owner is busy between two days, repeated entries included.

    Free and cancelled entries do not count; whole days are those of `zone`, as are times without a zone. Raises
    Unreadable.
    """
    import recurring_ical_events

    calendar = _parse(content)
    start = datetime.combine(first, time.min, tzinfo=zone)
    end = datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone)
    found: Times = []
    for event in recurring_ical_events.of(calendar, skip_bad_series=True).between(start, end):
        if not _is_busy(event):
            continue
        span = _span(event, zone)
        if span[1] > span[0]:
            found.append(span)
        if len(found) > MOST_TIMES:
            raise Unreadable("too_many")
    return list(_merged(found))


def _parse(content: bytes) -> Any:
    from icalendar import Calendar

    if b"BEGIN:VCALENDAR" not in content[:2000].upper():
        raise Unreadable("no_calendar")
    if content.upper().count(b"BEGIN:VEVENT") > MOST_ENTRIES:
        raise Unreadable("too_many")
    try:
        calendar = Calendar.from_ical(content)
        events = list(calendar.walk("VEVENT"))
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise Unreadable("no_calendar") from error
    if any(_repeats_too_often(event) for event in events):
        raise Unreadable("too_often")
    return calendar


def _repeats_too_often(event: Any) -> bool:
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        frequency = {str(value).upper() for value in rule.get("FREQ", [])}
        if frequency & TOO_OFTEN or any(len(rule.get(part, [])) > 1 for part in ("BYHOUR", "BYMINUTE", "BYSECOND")):
            return True
    return False


def _is_busy(event: Any) -> bool:
    return (
        str(event.get("TRANSP", "")).upper() != "TRANSPARENT"
        and str(event.get("STATUS", "")).upper() != "CANCELLED"
        and str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() != "FREE"
    )


def _span(event: Any, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return _moment(event.start, zone), _moment(event.end, zone)


def _moment(value: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def _merged(times: Iterable[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, datetime]]:
    """Yield times that touch or overlap as one."""
    begun: datetime | None = None
    ended: datetime | None = None
    for start, end in sorted(times):
        if begun is None or ended is None or start > ended:
            if begun is not None and ended is not None:
                yield begun, ended
            begun, ended = start, end
        else:
            ended = max(ended, end)
    if begun is not None and ended is not None:
        yield begun, ended


def main(arguments: list[str]) -> None:
    """Read a file from the standard input inside hard limits."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    zone, first, last = ZoneInfo(arguments[0]), date.fromisoformat(arguments[1]), date.fromisoformat(arguments[2])
    try:
        times = read_busy_times(sys.stdin.buffer.read(), zone=zone, first=first, last=last)
    except Unreadable as error:
        answer: object = {"error": error.code}
    else:
        answer = [[start.isoformat(), end.isoformat()] for start, end in times]
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
