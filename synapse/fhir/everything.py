"""All this server has about one person: for a client page by page, for an export one resource after the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from patients.models import Patient
from reports.printing import rendering
from reports.writers.fhir.values import Resource
from synapse.accounts.models import User
from synapse.fhir import outcomes
from synapse.fhir.errors import BadParameter, UnknownParameter
from synapse.fhir.kind import Kind, Reader, Rows
from synapse.fhir.kinds import KINDS
from synapse.fhir.parameters import alternatives, read_range
from synapse.fhir.search import (
    MOST_COUNT,
    OF_THE_DOOR,
    Page,
    Place,
    open_token,
    page_of,
    place_of,
    read_count,
    seal_token,
)

CHUNK = 100
CONTROLS = ("_count", "_since", "_type")


@dataclass(frozen=True)
class Selection:
    """Which kinds, changed since when, how many a page, and where the page begins: the kind's place and row."""

    kinds: tuple[str, ...]
    since: datetime | None = None
    count: int = MOST_COUNT
    at_kind: int = 0
    after: Place | None = None


def everything_about(patient: Patient, *, by: User, at: datetime) -> Iterator[Resource]:
    """Yield every resource about a person that `by` may read: the person first, then what their records name, then rows.

    Reports changed after signing are left out, and an OperationOutcome at the end says how many. It records nothing:
    whoever hands the resources on does.
    """
    reader = Reader(by, at)
    for kind in _open_kinds(tuple(KINDS), by):
        rows = _rows(kind, patient, reader, None)
        after: Place | None = None
        is_more = True
        while is_more:
            # Nothing is held while the caller has the word.
            with rendering.clinic_held():
                found, is_more = page_of(rows, kind.order, after, CHUNK, is_newest_first=True)
                resources = kind.make(found, reader)
            yield from resources
            after = place_of(found[-1], kind.order) if is_more else None
    if reader.broken:
        yield outcomes.left_out(reader.broken)


def read_selection(patient: Patient, query: Mapping[str, Sequence[str]], zone: tzinfo) -> Selection:
    """Return what a request for everything about a person asks for. Raises BadParameter and UnknownParameter."""
    asked = {name: list(values) for name, values in query.items() if name not in OF_THE_DOOR}
    if "_page" in asked:
        return _read_token(patient, asked)
    for name in asked:
        if name not in CONTROLS:
            raise UnknownParameter(f"Use: {', '.join(CONTROLS)}.", where=name[:40])
    kinds = [part for value in asked.get("_type", []) for part in alternatives(value)]
    for kind in kinds:
        if kind not in KINDS:
            raise BadParameter(f"Name some of: {', '.join(KINDS)}.", where="_type")
    since = None
    for value in asked.get("_since", []):
        since = read_range("_since", value, zone)[1]
        if not value[:1].isdigit() or "T" not in value:
            raise BadParameter("Write a moment such as 2026-05-03T09:00:00Z.", where="_since")
    wanted = tuple(kind for kind in KINDS if not kinds or kind in kinds)
    count = read_count(asked["_count"]) if "_count" in asked else MOST_COUNT
    if not count:
        raise BadParameter("Write a whole number above 0.", where="_count")
    return Selection(wanted, since, count)


def page_about(patient: Patient, selection: Selection, reader: Reader) -> Page:
    """Return one page of everything about a person."""
    with rendering.clinic_held():
        kinds = _open_kinds(selection.kinds, reader.user)
        rows = [_rows(kind, patient, reader, selection.since) for kind in kinds]
        counts = [each.count() for each in rows]
        resources: list[Resource] = []
        read = 0
        at_kind, after = selection.at_kind, selection.after
        while at_kind < len(kinds) and read < selection.count:
            kind = kinds[at_kind]
            room = selection.count - read
            found, is_more = (
                page_of(rows[at_kind], kind.order, after, room, is_newest_first=True)
                if counts[at_kind]
                else ([], False)
            )
            read += len(found)
            resources += kind.make(found, reader) if found else []
            if is_more:
                after = place_of(found[-1], kind.order)
            else:
                at_kind, after = at_kind + 1, None
        is_over = after is None and not any(counts[at_kind:])
    token = "" if is_over else _token(patient, selection, at_kind, after)
    return Page(resources, subjects={patient.pk}, total=sum(counts), next_token=token)


def _open_kinds(names: Sequence[str], user: User) -> list[Kind]:
    return [KINDS[name] for name in names if KINDS[name].is_open_to(user)]


def _rows(kind: Kind, patient: Patient, reader: Reader, since: datetime | None) -> Rows:
    records = Patient.objects.visible_to(reader.user).filter(pk__in=patient.records().values("pk"))
    rows = kind.of_person(records, reader)
    return rows.filter(**{f"{kind.updated}__gte": since}) if since is not None and kind.updated else rows


def _name(patient: Patient) -> str:
    return f"everything {patient.pk}"


def _token(patient: Patient, selection: Selection, at_kind: int, after: Place | None) -> str:
    held: dict[str, Any] = {
        "of": _name(patient),
        "kinds": selection.kinds,
        "since": selection.since.isoformat() if selection.since else "",
        "count": selection.count,
        "at_kind": at_kind,
        "after": [after.value, after.key] if after else None,
    }
    return seal_token(held)


def _read_token(patient: Patient, asked: dict[str, list[str]]) -> Selection:
    if len(asked) > 1 or len(asked["_page"]) > 1:
        raise BadParameter("A link to a page holds all that was asked. Leave everything else out.", where="_page")
    held = open_token(_name(patient), asked["_page"][0])
    return Selection(
        kinds=tuple(held["kinds"]),
        since=datetime.fromisoformat(held["since"]) if held["since"] else None,
        count=held["count"],
        at_kind=held["at_kind"],
        after=Place(*held["after"]) if held["after"] else None,
    )
