"""Search parameters: what a client may write, as conditions on rows."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from patients.models import Patient
from reports.writers.fhir.values import system
from synapse.fhir.errors import BadParameter
from synapse.fhir.resources.meta import base_url

Rows = QuerySet[Any]
# Takes rows, the name as it was written, one value, and the zone of dates without one.
Narrow = Callable[[Rows, str, str, tzinfo], Rows]

_DATE = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<clock>\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
LONGEST_VALUE = 500


@dataclass(frozen=True)
class Parameter:
    """One search parameter: `type` and `documentation` stand in the CapabilityStatement."""

    type: str
    documentation: str
    narrow: Narrow


def ids(by_id: Callable[[Rows, list[UUID]], Rows]) -> Parameter:
    def narrow(rows: Rows, name: str, value: str, zone: tzinfo) -> Rows:
        return by_id(rows, [_uuid(name, part) for part in alternatives(value)])

    return Parameter("token", "Ids, separated by commas.", narrow)


def moment(field: str, documentation: str) -> Parameter:
    """Return a date parameter over a moment in time."""

    def narrow(rows: Rows, name: str, value: str, zone: tzinfo) -> Rows:
        prefix, start, end = read_range(name, value, zone)
        return rows.filter(_within(field, prefix, start, end))

    return Parameter("date", documentation, narrow)


def day(field: str, documentation: str) -> Parameter:
    """Return a date parameter over a date."""

    def narrow(rows: Rows, name: str, value: str, zone: tzinfo) -> Rows:
        prefix, start, end = read_range(name, value, zone)
        try:
            first, beyond = start.astimezone(zone).date(), end.astimezone(zone).date()
        except OverflowError:  # the last hours of the calendar have no day in a zone east of Greenwich
            raise _no_such_date(name) from None
        return rows.filter(_within(field, prefix, first, max(beyond, first + timedelta(days=1))))

    return Parameter("date", documentation, narrow)


def code(conditions: Mapping[str, Q]) -> Parameter:
    """Return a token parameter; `conditions` maps a FHIR code to the rows it stands for."""

    def narrow(rows: Rows, name: str, value: str, zone: tzinfo) -> Rows:
        wanted = Q(pk__in=[])
        for part in alternatives(value):
            if part not in conditions:
                raise BadParameter(f"Use one of: {', '.join(sorted(conditions))}.", where=name)
            wanted |= conditions[part]
        return rows.filter(wanted)

    return Parameter("token", f"One or more of: {', '.join(sorted(conditions))}.", narrow)


def states(codes: Mapping[Any, str]) -> dict[str, Q]:
    """Return the conditions of a table from stored statuses to FHIR codes."""
    return {word: Q(status__in=[stored for stored, other in codes.items() if other == word]) for word in codes.values()}


def begins(*fields: str) -> Parameter:
    """Return a string parameter over plain columns."""

    def narrow(rows: Rows, name: str, value: str, zone: tzinfo) -> Rows:
        wanted = Q(pk__in=[])
        for part in alternatives(value):
            for field in fields:
                wanted |= Q(**{f"{field}__istartswith": part})
        return rows.filter(wanted)

    return Parameter("string", "Beginning of a name, whatever the case.", narrow)


def identifier(kind: str, field: str, documentation: str) -> Parameter:
    """Return a token parameter over the visible number, with or without this installation's system in front."""

    def narrow(rows: Rows, name: str, value: str, zone: tzinfo) -> Rows:
        return rows.filter(**{f"{field}__in": identifier_values(kind, value)})

    return Parameter("token", documentation, narrow)


def patient(field: str) -> Parameter:
    """Return a reference parameter to a person: rows of every record that stands for them count."""

    def narrow(rows: Rows, name: str, value: str, zone: tzinfo) -> Rows:
        asked = [_referenced(name, part, "Patient") for part in alternatives(value)]
        return rows.filter(**{f"{field}__in": Patient.objects.records_of_all(asked).values("pk")})

    return Parameter("reference", "Whose it is: Patient/[id], or the id.", narrow)


def reference(kind: str, field: str, documentation: str) -> Parameter:
    def narrow(rows: Rows, name: str, value: str, zone: tzinfo) -> Rows:
        return rows.filter(**{f"{field}__in": [_referenced(name, part, kind) for part in alternatives(value)]})

    return Parameter("reference", documentation, narrow)


def alternatives(value: str) -> list[str]:
    """Return the values of which any may fit."""
    return [part.strip() for part in value.split(",") if part.strip()]


def identifier_values(kind: str, value: str) -> list[str]:
    """Return the values asked for; one under another system than ours stands for nothing we have."""
    found = []
    for part in alternatives(value):
        asked_system, bar, number = part.rpartition("|")
        if not bar or asked_system == system(kind):
            found.append(number)
    return found


def read_range(name: str, value: str, zone: tzinfo) -> tuple[str, datetime, datetime]:
    """Return prefix, beginning and end of what a date means: a year is a year long, a day a day. Raises BadParameter.

    What names no zone is in `zone`, the clinic's.
    """
    found = _DATE.fullmatch(value)
    if found is None or (found["prefix"] or "eq") not in PREFIXES:
        raise BadParameter(
            f"Write a date such as 2026-05, 2026-05-03 or 2026-05-03T09:00:00Z, with one of {', '.join(PREFIXES)} in "
            "front or none.",
            where=name,
        )
    try:
        start, end = _range_of(found, zone)
    except (ValueError, OverflowError):
        raise _no_such_date(name) from None
    return found["prefix"] or "eq", start, end


def _no_such_date(name: str) -> BadParameter:
    return BadParameter("There is no such date.", where=name)


def _range_of(found: re.Match[str], zone: tzinfo) -> tuple[datetime, datetime]:
    year, month, day_of_month = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    first = date(year, month, day_of_month)
    if found["clock"]:
        clock = time.fromisoformat(found["clock"])
        offset = found["zone"]
        at_zone = zone if offset is None else datetime.fromisoformat(f"2000-01-01T00:00:00{offset}").tzinfo
        start = datetime.combine(first, clock, tzinfo=at_zone).astimezone(UTC)
        places = found["clock"].partition(".")[2]
        if places:
            return start, start + max(timedelta(seconds=10 ** -len(places)), timedelta(microseconds=1))
        return start, start + (timedelta(seconds=1) if found["clock"].count(":") == 2 else timedelta(minutes=1))
    if found["day"]:
        beyond = first + timedelta(days=1)
    elif found["month"]:
        beyond = date(year + month // 12, month % 12 + 1, 1)
    else:
        beyond = date(year + 1, 1, 1)
    return _midnight(first, zone), _midnight(beyond, zone)


def _midnight(day_of: date, zone: tzinfo) -> datetime:
    return datetime.combine(day_of, time(), tzinfo=zone).astimezone(UTC)


def _within(field: str, prefix: str, start: Any, end: Any) -> Q:
    """Return the condition that a value lies to [start, end) as the prefix says."""
    inside = Q(**{f"{field}__gte": start, f"{field}__lt": end})
    return {
        "eq": inside,
        "ne": ~inside,
        "gt": Q(**{f"{field}__gte": end}),
        "sa": Q(**{f"{field}__gte": end}),
        "lt": Q(**{f"{field}__lt": start}),
        "eb": Q(**{f"{field}__lt": start}),
        "ge": Q(**{f"{field}__gte": start}),
        "le": Q(**{f"{field}__lt": end}),
    }[prefix]


def _referenced(name: str, value: str, kind: str) -> UUID:
    path = value.removeprefix(f"{base_url()}/")
    asked_kind, slash, key = path.rpartition("/")
    if slash and asked_kind != kind:
        raise BadParameter(f"Name a {kind}: {kind}/[id].", where=name)
    return _uuid(name, key)


def _uuid(name: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise BadParameter("Ids here are UUIDs.", where=name) from None
