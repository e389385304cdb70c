"""Who outside the clinic got something about a patient (45 CFR 164.528): each app names what it gave away.

An app registers a source in its `ready`; the account of a patient is gathered from all of them when it is asked for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Disclosure:
    """One time something left; `opened` says when the recipient looked, where that is known."""

    at: datetime
    recipient: str
    what: str
    purpose: str
    address: str = ""
    by: str = ""
    opened: tuple[datetime, ...] = ()
    is_to_patient: bool = False


# Returns what left about the patients of these ids since a moment.
Source = Callable[[set[UUID], datetime], Iterable[Disclosure]]

_sources: dict[str, Source] = {}


def register(name: str, source: Source) -> None:
    """Add a source; called from an app's `ready`."""
    _sources[name] = source


def collect(patient_ids: set[UUID], *, since: datetime) -> list[Disclosure]:
    """Return everything that left about a person, the newest first."""
    found = [disclosure for source in _sources.values() for disclosure in source(patient_ids, since)]
    return sorted(found, key=lambda disclosure: disclosure.at, reverse=True)
