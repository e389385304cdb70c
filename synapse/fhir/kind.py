"""What this server knows of one kind of resource."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from reports.writers.fhir.values import Resource
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.fhir.errors import BadParameter
from synapse.fhir.parameters import Parameter

Rows = QuerySet[Any]


@dataclass
class Reader:
    """Who reads, and when. `broken` counts reports left out because they were changed after signing."""

    user: User
    at: datetime
    broken: int = 0


@dataclass(frozen=True)
class Kind:
    """One kind of resource.

    `scope` returns the rows a person may read by id, with what mapping them needs; `listed` those of them that lists
    show. `make` maps a page of rows, in their order. `order` is the column of time lists go by, newest first;
    `updated` the one `_lastUpdated` means, None where nothing is kept. `patient` is the path to whose rows they are,
    empty for what is nobody's; `about` then says which of them a person's records name.
    """

    name: str
    needs: tuple[Permission, ...]
    scope: Callable[[Reader], Rows]
    make: Callable[[Sequence[Any], Reader], list[Resource]]
    patient: str
    order: str
    updated: str | None
    date: str | None = None
    listed: Callable[[Rows], Rows] = lambda rows: rows
    by_id: Callable[[Rows, list[UUID]], Rows] = lambda rows, ids: rows.filter(pk__in=ids)
    about: Callable[[Rows, Rows, Reader], Rows] | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def is_open_to(self, user: User) -> bool:
        """Tell whether this person reads any of these at all."""
        return not self.needs or any(user.may(permission) for permission in self.needs)

    def sort_column(self, asked: str) -> tuple[str, bool]:
        """Return the column of a `_sort`, and whether the newest come first. Raises BadParameter."""
        columns = {"_lastUpdated": self.updated, "date": self.date}
        offered = {name: column for name, column in columns.items() if column}
        column = offered.get(asked.removeprefix("-"))
        if not asked:
            return self.order, True
        if column is None:
            raise BadParameter(f"Sort by one of: {', '.join(sorted(offered)) or 'nothing'}.", where="_sort")
        return column, asked.startswith("-")

    def of_person(self, records: Rows, reader: Reader) -> Rows:
        """Return the rows this reader sees that are about the person of these records, or named by them."""
        rows = self.scope(reader)
        if self.about is not None:
            return self.about(rows, records, reader)
        return rows.filter(**{f"{self.patient}__in": records.values("pk")})

    def subject_of(self, row: Any) -> UUID | None:
        """Return whose data a row is, for the audit."""
        if not self.patient:
            return None
        value = row
        for name in self.patient.split("__"):
            value = getattr(value, name)
        key: UUID = getattr(value, "pk", value)
        return key
