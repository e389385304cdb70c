"""Which minutes timed procedure codes need, and what is said about a code the minutes do not reach. Pure.

The limits are the midpoint rule of CPT for time: a unit is reached when more than half of it has passed; those of
psychotherapy, crisis and family sessions are written in the code set's own notes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from billing.money import Line

LEAST_MINUTES: Mapping[str, int] = {
    "90832": 16,
    "90833": 16,
    "90834": 38,
    "90836": 38,
    "90837": 53,
    "90838": 53,
    "90839": 30,
    "90840": 75,
    "90846": 26,
    "90847": 26,
}
# A crisis session: 90839 up to 74 minutes, then 90840 for each half hour begun beyond an hour and a quarter.
CRISIS, CRISIS_MORE = "90839", "90840"
CRISIS_MORE_FROM, CRISIS_MORE_EVERY = 75, 30
# Psychotherapy alone, and as the add-on to a medical visit of the same day.
ADD_ON_OF: Mapping[str, str] = {"90832": "90833", "90834": "90836", "90837": "90838"}
EVALUATION_CODES = frozenset(
    {
        "99202",
        "99203",
        "99204",
        "99205",
        "99211",
        "99212",
        "99213",
        "99214",
        "99215",
        "99242",
        "99243",
        "99244",
        "99245",
    }
)


@dataclass(frozen=True)
class Shortfall:
    """A line whose code the recorded minutes do not reach; `place` is its place on the bill, from 0."""

    place: int
    code: str
    least: int
    minutes: int

    @property
    def words(self) -> str:
        return f"{minutes_in_words(self.minutes)} do not reach {self.code}, which begins at {self.least}."


def find_shortfalls(lines: Sequence[Line], minutes: int | None, least: Mapping[str, int]) -> list[Shortfall]:
    """Return the lines that claim more time than was recorded; none where nothing was recorded."""
    if minutes is None:
        return []
    found = []
    for place, line in enumerate(lines):
        needed = least_minutes(line.cpt_code, line.quantity, least)
        if needed > minutes:
            found.append(Shortfall(place, line.cpt_code, needed, minutes))
    return found


def least_minutes(code: str, units: int, least: Mapping[str, int]) -> int:
    """Return the minutes from which a code may be billed so many times; 0 for one without time."""
    if code == CRISIS_MORE:
        return CRISIS_MORE_FROM + CRISIS_MORE_EVERY * (units - 1)
    return least.get(code, 0) * units


def crisis_units(minutes: int) -> int:
    """Return how many more half hours (90840) a crisis session of so many minutes has."""
    if minutes < CRISIS_MORE_FROM:
        return 0
    return 1 + (minutes - CRISIS_MORE_FROM) // CRISIS_MORE_EVERY


def minutes_in_words(count: int) -> str:
    return "1 minute" if count == 1 else f"{count} minutes"


def codes_of(lines: Iterable[Line]) -> list[str]:
    """Return the procedure codes of lines, each once, in their order."""
    return list(dict.fromkeys(line.cpt_code for line in lines if line.cpt_code))
