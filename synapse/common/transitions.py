"""The one way a status changes."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar, Protocol

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from synapse.common.errors import InvalidTransition


class HasTransitions(Protocol):
    """A model with a `status` and the table of its steps."""

    TRANSITIONS: ClassVar[Mapping[str, Collection[str]]]
    status: Any


def can_advance(obj: HasTransitions, to: str) -> bool:
    """Tell whether the table has the step from the object's present status."""
    return to in type(obj).TRANSITIONS.get(obj.status, ())


def advance(obj: Any, to: str, *, at: datetime, **fields: Any) -> None:
    """Move `obj` to status `to` and set `fields` with it, in one conditional UPDATE.

    The row changes only while it still has the status this copy was read with, so a stale copy loses. Raises
    InvalidTransition when the table lacks the step or the row has moved on.
    """
    model: type[models.Model] = type(obj)
    if not can_advance(obj, to):
        raise InvalidTransition(_refusal(obj, to))
    values = {"status": to, **fields}
    if _has_field(model, "updated_at"):
        values["updated_at"] = at
    changed = model._base_manager.filter(pk=obj.pk, status=obj.status).update(**values)
    if not changed:
        raise InvalidTransition("Somebody else changed this in the meantime. Reload the page and try again.")
    for name, value in values.items():
        setattr(obj, name, value)


def _has_field(model: type[models.Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def _refusal(obj: Any, to: str) -> str:
    noun = obj._meta.verbose_name
    words = dict(obj._meta.get_field("status").flatchoices)
    now, then = (str(words.get(status, status)).lower().replace("_", " ") for status in (obj.status, to))
    return f"This {noun} is {now} and cannot become {then}."
