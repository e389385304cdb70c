"""Destroy the ciphertext of rows that tell of one patient; what is left is a shell of opaque ids, states and times.

A package says with `Rows` which tables lead to a patient and what may stay, and registers them as its step of an
erasure. Every encrypted column goes unless it is named with a reason, so a column that is added later goes as well.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import F, Q

from synapse.common import erasures, jobs
from synapse.encryption.fields import StrictEncryption
from synapse.encryption.rotation import GENERATION, encrypted_fields

ERASED_AT = "erased_at"
ERASED_CODE = "patient_erased"


@dataclass(frozen=True)
class Rows:
    """The rows of one table about a patient: `paths` lead from them to the patient, `noun` counts them.

    `keep` names encrypted columns that stay, each with its reason; `instead` what stands in a column that takes no empty
    value; `also` what else is written, a function of the moment where it depends on that. With `is_deleted` the rows go.
    """

    model: str
    paths: tuple[str, ...]
    noun: str
    keep: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, Any] = field(default_factory=dict)
    also: Callable[[datetime], Mapping[str, Any]] = lambda at: {}
    is_deleted: bool = False

    @property
    def table(self) -> type[models.Model]:
        return apps.get_model(self.model)

    def of(self, patient_id: UUID) -> models.QuerySet[Any]:
        """Return the rows about a patient."""
        about = reduce(or_, (Q(**{path: patient_id}) for path in self.paths))
        return self.table._base_manager.filter(about)


_covered: dict[str, Rows] = {}


def register(name: str, *parts: Rows | erasures.EraseStep) -> None:
    """Register a package's step: its tables, and functions for what is not as simple, in this order."""
    _covered.update({part.model: part for part in parts if isinstance(part, Rows)})

    def step(patient_id: UUID, at: datetime) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for part in parts:
            counts.update(erase(part, patient_id, at) if isinstance(part, Rows) else part(patient_id, at))
        return dict(counts)

    erasures.register(name, step)


def covered() -> Mapping[str, Rows]:
    """Return the tables that are covered, by the model's label."""
    return dict(_covered)


def erase(rows: Rows, patient_id: UUID, at: datetime) -> dict[str, int]:
    """Destroy what the rows say of a patient, and end the work that waits for them."""
    found = rows.of(patient_id)
    keys = list(found.values_list("pk", flat=True))
    if not keys:
        return {}
    if rows.is_deleted:
        found.delete()
        return {rows.noun: len(keys)}
    jobs.call_off([key for key in keys if isinstance(key, UUID)], code=ERASED_CODE, at=at)
    if values := _values(rows, at):
        _unerased(rows.table, found).update(**values)
    return {rows.noun: len(keys)}


def empty_value(column: StrictEncryption) -> Any:
    """Return what says nothing in a column: NULL where it may stand, else the empty value of its kind."""
    if column.null:
        return None
    if isinstance(column, models.JSONField):
        return column.get_default() if column.has_default() else {}
    return ""


def _values(rows: Rows, at: datetime) -> dict[str, Any]:
    """Return all that one statement writes: a sealed row takes its erasure in a single one."""
    columns = [column for column in encrypted_fields(rows.table) if column.name not in rows.keep]
    values: dict[str, Any] = {column.name: empty_value(column) for column in columns}
    values |= rows.instead
    values |= rows.also(at)
    names = {column.name for column in rows.table._meta.concrete_fields}
    if ERASED_AT in names:
        values[ERASED_AT] = at
    elif values and GENERATION in names:
        # A row of the books lets its ciphertext change in a statement that raises this; its facts stay as they are.
        values[GENERATION] = F(GENERATION) + 1
    return values


def _unerased(table: type[models.Model], found: models.QuerySet[Any]) -> models.QuerySet[Any]:
    names = {column.name for column in table._meta.concrete_fields}
    return found.filter(**{ERASED_AT: None}) if ERASED_AT in names else found
