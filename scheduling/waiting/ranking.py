"""Who on the waiting list gets a free time first, and why, in words. Pure: no database, no clock."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduling.models import Appointment, WaitingEntry
from scheduling.series.recurrence import WEEKDAYS

NOON = time(12)
WORKDAYS, WEEKEND = [0, 1, 2, 3, 4], [5, 6]
URGENCY = {Appointment.Priority.URGENT: 0, Appointment.Priority.HIGH: 1, Appointment.Priority.NORMAL: 2}
LEAST_URGENT = 3
PRIORITY_WORDS: dict[str, str] = {Appointment.Priority.URGENT: "urgent", Appointment.Priority.HIGH: "high priority"}
TELEMEDICINE = Appointment.Type.TELEMEDICINE

# How far a time is from what was asked for, in points; a free quarter of an hour nobody uses counts one.
ANY_DOCTOR_POINTS = 2
OTHER_TYPE_POINTS = 1
UNUSED_MINUTES_PER_POINT = 15


@dataclass(frozen=True)
class FreeTime:
    """A time to give away. `freed_type` is the type of the visit that left it, where there was one."""

    doctor_id: UUID
    starts_at: datetime
    ends_at: datetime
    freed_type: str = ""

    @property
    def minutes(self) -> int:
        return int((self.ends_at - self.starts_at).total_seconds() // 60)


@dataclass(frozen=True)
class Match:
    """An entry that fits a free time. `distance` is how far the time is from what was asked for, 0 at best."""

    entry: WaitingEntry
    distance: int
    reasons: tuple[str, ...]

    @property
    def words(self) -> str:
        return ", ".join(self.reasons)


def rank_matches(
    entries: Iterable[WaitingEntry],
    free: FreeTime,
    *,
    zone: ZoneInfo,
    at: datetime,
    busy_patients: Collection[UUID] = (),
) -> list[Match]:
    """Return the entries that fit, the one to offer first at the top: by priority, then distance, then longest waiting.

    `zone` is the clinic's, whose wall clock the windows mean. `busy_patients` have another visit at that time. An
    entry's `doctor` and `current_appointment` are read: select them with it.
    """
    fitting = [
        entry
        for entry in entries
        if entry.patient_id not in busy_patients and does_fit(entry, free, zone=zone) and _is_earlier(entry, free)
    ]
    matches = [Match(entry, _distance(entry, free), _reasons(entry, at=at, zone=zone)) for entry in fitting]
    return sorted(
        matches,
        key=lambda match: (
            URGENCY.get(Appointment.Priority(match.entry.priority), LEAST_URGENT),
            match.distance,
            match.entry.created_at,
        ),
    )


def does_fit(entry: WaitingEntry, free: FreeTime, *, zone: ZoneInfo) -> bool:
    """Tell whether doctor, type, length and window of an entry allow a time."""
    start = free.starts_at.astimezone(zone)
    end = start + timedelta(minutes=entry.duration_minutes)
    return (
        entry.doctor_id in (None, free.doctor_id)
        # A doctor whose visit was by video may not be in the house.
        and not (free.freed_type == TELEMEDICINE and entry.appointment_type != TELEMEDICINE)
        and entry.duration_minutes <= free.minutes
        and (entry.earliest_day is None or start.date() >= entry.earliest_day)
        and (entry.latest_day is None or start.date() <= entry.latest_day)
        and (not entry.weekdays or start.weekday() in entry.weekdays)
        and (entry.from_clock is None or start.time() >= entry.from_clock)
        and (entry.until_clock is None or (end.date() == start.date() and end.time() <= entry.until_clock))
    )


def window_words(entry: WaitingEntry) -> str:
    """Return when somebody can come: "mornings", "Mondays and Fridays, from 3 December"; else "any time"."""
    parts = [_weekday_words(entry.weekdays), _clock_words(entry.from_clock, entry.until_clock), _day_words(entry)]
    return ", ".join(part for part in parts if part) or "any time"


def waiting_words(entry: WaitingEntry, *, at: datetime, zone: ZoneInfo) -> str:
    """Return how long somebody has been waiting: "waiting 12 days"."""
    days = (at.astimezone(zone).date() - entry.created_at.astimezone(zone).date()).days
    if days <= 0:
        return "waiting since today"
    return f"waiting {days} day{'' if days == 1 else 's'}"


def _is_earlier(entry: WaitingEntry, free: FreeTime) -> bool:
    visit = entry.current_appointment
    return visit is None or free.starts_at < visit.scheduled_at


def _distance(entry: WaitingEntry, free: FreeTime) -> int:
    points = (free.minutes - entry.duration_minutes) // UNUSED_MINUTES_PER_POINT
    if entry.doctor_id is None:
        points += ANY_DOCTOR_POINTS
    if free.freed_type and entry.appointment_type != free.freed_type:
        points += OTHER_TYPE_POINTS
    return points


def _reasons(entry: WaitingEntry, *, at: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    found = [PRIORITY_WORDS[entry.priority]] if entry.priority in PRIORITY_WORDS else []
    found.append(window_words(entry))
    found.append(entry.doctor.display_name if entry.doctor is not None else "any clinician")
    visit = entry.current_appointment
    if visit is not None:
        found.append(f"has a visit on {visit.scheduled_at.astimezone(zone):%-d %B}")
    found.append(waiting_words(entry, at=at, zone=zone))
    return tuple(found)


def _weekday_words(weekdays: list[int]) -> str:
    days = sorted(set(weekdays))
    if days in (WORKDAYS, WEEKEND):
        return "weekdays" if days == WORKDAYS else "weekends"
    names = [f"{WEEKDAYS[day]}s" for day in days]
    if len(names) in (0, len(WEEKDAYS)):
        return ""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _clock_words(start: time | None, end: time | None) -> str:
    if start is None and end is None:
        return ""
    if start is None:
        return "mornings" if end is not None and time(11) < end <= time(13) else f"until {end:%-H:%M}"
    if end is None:
        return "afternoons" if NOON <= start <= time(13) else f"from {start:%-H:%M}"
    return f"{start:%-H:%M} to {end:%-H:%M}"


def _day_words(entry: WaitingEntry) -> str:
    first, last = entry.earliest_day, entry.latest_day
    if first and last:
        return f"{_day(first)} to {_day(last)}" if first != last else f"on {_day(first)}"
    if first:
        return f"from {_day(first)}"
    return f"until {_day(last)}" if last else ""


def _day(day: date) -> str:
    return f"{day:%-d %B}"
