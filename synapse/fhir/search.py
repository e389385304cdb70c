"""Searches and their pages.

A page ends at a row, and the next one begins after it, so that rows that come meanwhile shift nothing. The link to it
holds the whole search encrypted: what was searched for, a name perhaps, stands in no address the server made.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import Q

from reports.printing import rendering
from reports.writers.fhir.values import Resource
from synapse.encryption import crypto
from synapse.encryption.errors import DecryptionError
from synapse.fhir import finding
from synapse.fhir.errors import BadParameter, UnknownParameter
from synapse.fhir.kind import Kind, Reader, Rows
from synapse.fhir.parameters import LONGEST_VALUE, Parameter, ids, moment

DEFAULT_COUNT = 20
MOST_COUNT = 100
CONTROLS = ("_count", "_sort")
# Of the request and not of the search; the door has read them.
OF_THE_DOOR = ("_format", "_pretty")
LABEL = "fhir.page"

Asked = dict[str, list[str]]


@dataclass(frozen=True)
class Place:
    """The last row of a page: the value it is sorted by, and its key."""

    value: str
    key: str


@dataclass(frozen=True)
class Search:
    """What is searched for, and where the page begins."""

    asked: Asked
    count: int
    after: Place | None = None


@dataclass(frozen=True)
class Page:
    """One page of a search: its resources, how many there are in all, and the link to the next."""

    resources: list[Resource]
    subjects: set[UUID]
    total: int
    next_token: str


def read_search(kind: Kind, query: Mapping[str, Sequence[str]]) -> Search:
    """Return what a query asks for. Raises BadParameter and UnknownParameter."""
    asked = {name: list(values) for name, values in query.items() if name not in OF_THE_DOOR}
    if "_page" in asked:
        return _read_token(kind.name, asked)
    known = {*parameters_of(kind), *CONTROLS}
    for name, values in asked.items():
        if name not in known:
            raise UnknownParameter(
                f"“{name[:40]}” is not searched for here. Use: {', '.join(sorted(known))}.", where=name[:40]
            )
        if any(not value.strip() or len(value) > LONGEST_VALUE or not value.isprintable() for value in values):
            raise BadParameter(f"Write 1 to {LONGEST_VALUE} characters that can be printed.", where=name)
    return Search(asked, read_count(asked.pop("_count", [])))


def read_count(values: Sequence[str]) -> int:
    """Return how many entries a page has, at most 100. Raises BadParameter."""
    if not values:
        return DEFAULT_COUNT
    value = values[-1]
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadParameter("Write a whole number, 0 or above.", where="_count")
    return min(int(value), MOST_COUNT)


def parameters_of(kind: Kind) -> dict[str, Parameter]:
    """Return every parameter a kind is searched by."""
    common = {"_id": ids(kind.by_id)}
    if kind.updated:
        common["_lastUpdated"] = moment(kind.updated, "When what is told of it last changed.")
    if kind.name == "Patient":
        common |= finding.PARAMETERS
    return common | dict(kind.parameters)


def run(kind: Kind, search: Search, reader: Reader) -> Page:
    """Return one page of a search over what the person may see. Raises BadParameter and TooCostly."""
    with rendering.clinic_held() as clinic:
        rows = kind.listed(kind.scope(reader))
        asked = dict(search.asked)
        column, is_newest_first = kind.sort_column("".join(asked.pop("_sort", [""])[-1:]))
        if kind.name == "Patient":
            rows = finding.find(rows, asked, by=reader.user, at=reader.at)
        for name, values in asked.items():
            for value in values:
                rows = parameters_of(kind)[name].narrow(rows, name, value, clinic.zone)
        total = rows.count()
        found, is_more = page_of(rows, column, search.after, search.count, is_newest_first=is_newest_first)
        resources = kind.make(found, reader)
    following = Search(search.asked, search.count, place_of(found[-1], column)) if is_more else None
    return Page(
        resources,
        subjects={subject for row in found if (subject := kind.subject_of(row)) is not None},
        total=total,
        next_token=token_of(kind.name, following) if following else "",
    )


def page_of(
    rows: Rows, column: str, after: Place | None, count: int, *, is_newest_first: bool
) -> tuple[list[Any], bool]:
    """Return the rows that follow a place, and whether there are more."""
    if after is not None:
        value, key = datetime.fromisoformat(after.value), UUID(after.key)
        beyond = "lt" if is_newest_first else "gt"
        rows = rows.filter(Q(**{f"{column}__{beyond}": value}) | Q(**{column: value, f"pk__{beyond}": key}))
    sign = "-" if is_newest_first else ""
    if not count:
        return [], False
    # Rows are kilobytes of ciphertext: they are sorted by their keys alone, then few are read.
    keys = list(rows.order_by(f"{sign}{column}", f"{sign}pk").values_list("pk", flat=True)[: count + 1])
    found = {row.pk: row for row in rows.filter(pk__in=keys[:count])}
    return [found[key] for key in keys[:count] if key in found], len(keys) > count and bool(found)


def place_of(row: Any, column: str) -> Place:
    return Place(getattr(row, column).isoformat(), str(row.pk))


def token_of(name: str, search: Search) -> str:
    """Return what stands in the link to the next page."""
    after = [search.after.value, search.after.key] if search.after else None
    return seal_token({"of": name, "asked": search.asked, "count": search.count, "after": after})


def seal_token(held: dict[str, Any]) -> str:
    """Return what a link holds, encrypted; signed too, so that nothing else is ever tried to be decrypted."""
    return _signer().sign(crypto.encrypt(json.dumps(held)))


def open_token(name: str, token: str) -> dict[str, Any]:
    """Return what a link to a page holds. Raises BadParameter."""
    try:
        held: dict[str, Any] = json.loads(crypto.decrypt(_signer().unsign(token), label=LABEL))
    except (BadSignature, DecryptionError):
        held = {}
    if held.get("of") != name:
        raise BadParameter("This is no link to a page of this search. Begin the search again.", where="_page")
    return held


def _signer() -> Signer:
    return Signer(salt=LABEL)


def _read_token(name: str, asked: Asked) -> Search:
    if len(asked) > 1 or len(asked["_page"]) > 1:
        raise BadParameter("A link to a page holds the whole search. Leave everything else out.", where="_page")
    held = open_token(name, asked["_page"][0])
    return Search(held["asked"], held["count"], Place(*held["after"]))
