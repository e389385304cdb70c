"""Turn the cells of a file into values: dates in several orders, times of day, words for states."""

import re
from datetime import date, time

from patients.choices import BLOOD_GROUPS, GENDERS, LABELS
from patients.finding.search import MONTHS
from scheduling.models import Appointment

OLDEST_YEAR = 1890
MOST_YEARS = 100  # between a visit and today; at the ends of the calendar no zone can be reckoned with
_ISO = re.compile(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?$")
_NUMERIC = re.compile(r"^(\d{1,2})[-/.\s]+(\d{1,2})[-/.\s]+(\d{4}|\d{2})(?:\s+0?0:00(?::00)?)?$")
_DAY_NAMED = re.compile(r"^(\d{1,2})(?:st|nd|rd|th)?[\s.\-]+([a-z]+)\.?[\s.,\-]+(\d{4}|\d{2})$", re.IGNORECASE)
_NAMED_DAY = re.compile(r"^([a-z]+)\.?[\s\-]+(\d{1,2})(?:st|nd|rd|th)?[\s.,\-]+(\d{4}|\d{2})$", re.IGNORECASE)
_CLOCK = re.compile(r"^(\d{1,2})(?:[:.h](\d{2}))?(?::\d{2})?\s*([ap])?\.?(?:m\.?)?$", re.IGNORECASE)

_GENDER_WORDS = {
    "f": "female", "w": "female", "woman": "female", "female": "female", "weiblich": "female", "girl": "female",
    "m": "male", "man": "male", "male": "male", "männlich": "male", "boy": "male",
    "d": "other", "x": "nonbinary", "divers": "other", "non-binary": "nonbinary", "nonbinary": "nonbinary",
}  # fmt: skip
_STATUS_WORDS = {
    "completed": "completed", "complete": "completed", "done": "completed", "seen": "completed", "attended": "completed",
    "show": "completed", "arrived": "completed", "checked out": "completed",
    "no show": "no_show", "no_show": "no_show", "noshow": "no_show", "did not attend": "no_show", "dna": "no_show",
    "missed": "no_show", "did not come": "no_show",
    "cancelled": "cancelled", "canceled": "cancelled", "cancelled by patient": "cancelled", "late cancel": "cancelled",
    "scheduled": "scheduled", "booked": "scheduled", "confirmed": "scheduled", "active": "scheduled", "": "",
}  # fmt: skip


class BadValue(ValueError):
    """A cell that is not what its field takes; the message says what is wrong."""


def is_ambiguous(text: str) -> bool:
    """Tell whether a date reads two ways: 03/04/2025, where both numbers can be a month."""
    found = _NUMERIC.match(text.strip())
    if found is None:
        return False
    return int(found[1]) <= 12 and int(found[2]) <= 12 and int(found[1]) != int(found[2])


def is_day_first(text: str) -> bool | None:
    """Return the order a date in numbers must have, or None when it does not tell."""
    found = _NUMERIC.match(text.strip())
    if found is None or (int(found[1]) > 12) == (int(found[2]) > 12):
        return None
    return int(found[1]) > 12


def read_date(text: str, *, day_first: bool | None, today: date, is_past: bool = True) -> date:
    """Return a date; two digits of a year mean the latest one, for `is_past` none in the future. Raises BadValue."""
    text = text.strip()
    if found := _ISO.match(text):
        year, month, day = found[1], int(found[2]), int(found[3])
    elif found := _NUMERIC.match(text):
        first, second, year = int(found[1]), int(found[2]), found[3]
        if is_ambiguous(text) and day_first is None:
            raise BadValue("Say whether the day or the month comes first.")
        by_day = is_day_first(text) if is_day_first(text) is not None else day_first
        day, month = (first, second) if by_day or first == second else (second, first)
    elif (found := _DAY_NAMED.match(text)) and found[2].lower() in MONTHS:
        day, month, year = int(found[1]), MONTHS[found[2].lower()], found[3]
    elif (found := _NAMED_DAY.match(text)) and found[1].lower() in MONTHS:
        day, month, year = int(found[2]), MONTHS[found[1].lower()], found[3]
    else:
        raise BadValue("This is no date we can read. Write it like 2025-04-03.")
    try:
        read = date(_full_year(year, today, is_past=is_past), month, day)
    except ValueError:
        raise BadValue("There is no such day.") from None
    if not is_past and abs(read.year - today.year) > MOST_YEARS:
        raise BadValue("This day is too far from today.")
    return read


def read_birth_date(text: str, *, day_first: bool | None, today: date) -> date:
    """Return a date of birth. Raises BadValue."""
    born = read_date(text, day_first=day_first, today=today)
    if born > today:
        raise BadValue("The date of birth is in the future.")
    if born.year < OLDEST_YEAR:
        raise BadValue("The date of birth is too long ago.")
    return born


def read_clock(text: str) -> time:
    """Return a time of day: 9:05, 14.30, 2 pm. Raises BadValue."""
    found = _CLOCK.match(text.strip())
    if not found:
        raise BadValue("This is no time we can read. Write it like 14:30.")
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour, minute)
    except ValueError:
        raise BadValue("There is no such time.") from None


def read_choice(name: str, text: str) -> str:
    """Return a stored choice for what a file calls it; a word that is in no list stays as it is."""
    word = text.strip().casefold()
    if name == "gender":
        return _GENDER_WORDS.get(word) or _by_label(dict(GENDERS), word) or text
    if name == "blood_group":
        compact = text.upper().replace(" ", "")
        if compact not in dict(BLOOD_GROUPS):
            raise BadValue("This is no blood group.")
        return compact
    return _by_label(LABELS[name], word) or text


def read_type(text: str) -> str:
    """Return the type of a visit; none is a follow-up. Raises BadValue."""
    if not text.strip():
        return str(Appointment.Type.FOLLOWUP)
    words = re.sub(r"[\W_]+", " ", text.casefold()).strip()
    known = {re.sub(r"[\W_]+", " ", name.casefold()): str(value) for value, name in Appointment.Type.choices}
    known |= {str(value).replace("_", " "): str(value) for value in Appointment.Type.values}
    known |= {"follow up": "followup", "video": "telemedicine", "online": "telemedicine", "intake": "new_patient"}
    if words not in known:
        raise BadValue(f"Write one of: {', '.join(str(label) for label in Appointment.Type.labels)}.")
    return known[words]


def read_status(text: str, *, is_past: bool) -> str:
    """Return how a visit stands; a past one without a word counts as completed. Raises BadValue."""
    status = _STATUS_WORDS.get(text.strip().casefold().replace("-", " "))
    if status is None:
        raise BadValue("Write scheduled, completed, no-show or cancelled.")
    if is_past:
        return status if status and status != "scheduled" else "completed"
    if status in {"completed", "no_show"}:
        raise BadValue("The visit is still to come, so it cannot be over.")
    return status or "scheduled"


def _by_label(labels: dict[str, str], word: str) -> str:
    return next((value for value, label in labels.items() if word in {value.casefold(), label.casefold()}), "")


def _full_year(year: str, today: date, *, is_past: bool) -> int:
    if len(year) == 4:
        return int(year)
    full = today.year - today.year % 100 + int(year)
    return full - 100 if is_past and full > today.year else full
