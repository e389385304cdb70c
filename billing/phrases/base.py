"""What a language needs to write to a patient about money: messages and the labels of what is printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from scheduling.phrases import LANGUAGES as VISIT_LANGUAGES


@dataclass(frozen=True)
class Words:
    """One language: its messages by document, the page behind the link, and the labels of the papers.

    No word of a message says what was done or by whom.

    Documents are invoice, reminder, receipt, statement and superbill; `reminders` is one letter about several bills, of
    which {due} is the oldest date. Patterns name what is put in, such as {clinic}, {number}, {amount}, {due}, {link}.
    """

    code: str
    date_pattern: str
    day_pattern: str
    short_pattern: str
    conjunction: str
    hello: str
    subjects: Mapping[str, str]
    leads: Mapping[str, str]
    open_here: str
    attached: str
    quote: str
    until: str
    questions: str
    sms: Mapping[str, str]
    page: Mapping[str, str]
    labels: Mapping[str, str]

    def day(self, on: date) -> str:
        """Write a date."""
        return self._written(self.date_pattern, on)

    def day_in(self, on: date, year: int | None) -> str:
        """Write a date; the year only where it is another one."""
        return self._written(self.day_pattern if on.year == year else self.date_pattern, on)

    def short_day(self, on: date) -> str:
        """Write a date for a narrow column."""
        return self._written(self.short_pattern, on)

    def _written(self, pattern: str, on: date) -> str:
        months = VISIT_LANGUAGES[self.code].months
        return pattern.format(day=on.day, number=on.month, month=months[on.month - 1], year=on.year)

    def joined(self, things: list[str]) -> str:
        """Write several things one after the other: "A", "A and B", "A, B and C"."""
        *before, last = things
        return f"{', '.join(before)} {self.conjunction} {last}" if before else last
