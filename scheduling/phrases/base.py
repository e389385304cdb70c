"""What a language needs to speak with a patient about a visit: no word in it says what the visit is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Words:
    """One language: its days and months, its messages by kind, and the page behind the link.

    Kinds are booked, moved, reminder, cancelled and offer. Patterns name what is put in: {clinic}, {day}, {clock},
    {when}, {phone}, {link}, {count}, {hours}.
    """

    code: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    day_pattern: str
    clock_pattern: str
    when_pattern: str

    hello: str
    subjects: Mapping[str, str]
    leads: Mapping[str, str]
    series_leads: Mapping[str, str]
    more: str
    please_answer: str
    to_change: str
    to_take: str
    first_only: str
    once: str
    held_until: str
    questions: str
    to_stop: str
    calendar_file: str
    sms: Mapping[str, str]
    sms_series: Mapping[str, str]
    sms_answer: str
    sms_change: str
    sms_take: str
    sms_call: str

    page: Mapping[str, str]

    def day(self, moment: datetime) -> str:
        """Write the date of a moment that is in the reader's zone already."""
        return self.day_pattern.format(
            weekday=self.weekdays[moment.weekday()], day=moment.day, month=self.months[moment.month - 1], at=moment
        )

    def clock(self, moment: datetime) -> str:
        """Write the time of day."""
        hour = moment.hour % 12 or 12
        half = "am" if moment.hour < 12 else "pm"
        return self.clock_pattern.format(at=moment, hour=hour, half=half)

    def when(self, moment: datetime) -> str:
        """Write date and time."""
        return self.when_pattern.format(day=self.day(moment), clock=self.clock(moment))
