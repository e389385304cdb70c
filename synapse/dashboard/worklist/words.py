"""Words and columns the sources share."""

from datetime import datetime
from typing import Any

from django.utils.formats import date_format, time_format

from synapse.accounts.models import User
from synapse.dashboard.worklist.core import Reader

# A patient's row is kilobytes of ciphertext, and each field that is read is deciphered: a name needs three.
PATIENT = ("first_name", "last_name", "patient_id")
DOCTOR = ("first_name", "last_name", "username", "role")


def columns(path: str, names: tuple[str, ...]) -> list[str]:
    """Return names for `only()` behind a relation."""
    return [f"{path}__{name}" for name in names]


def when(moment: datetime, reader: Reader) -> str:
    """Write a moment in the reader's zone: `today, 10:30`, `tomorrow, 9:00`, `3 Mar, 14:15`."""
    local = moment.astimezone(reader.zone)
    days = (local.date() - reader.at.astimezone(reader.zone).date()).days
    day = {0: "today", -1: "yesterday", 1: "tomorrow"}.get(days) or date_format(local, "j M")
    return f"{day}, {time_format(local, 'G:i')}"


def since(moment: datetime, reader: Reader) -> str:
    """Write how long ago in whole days: nothing today, `1 day old`, `4 days old`."""
    days = (reader.at.astimezone(reader.zone).date() - moment.astimezone(reader.zone).date()).days
    return "" if days < 1 else f"{days} day{'s' if days > 1 else ''} old"


def whose(doctor: User, reader: Reader) -> str:
    """Return the doctor's name for somebody who works for all of them, else nothing."""
    return doctor.display_name if reader.sees_all else ""


def joined(*parts: Any) -> str:
    return " · ".join(str(part) for part in parts if part)
