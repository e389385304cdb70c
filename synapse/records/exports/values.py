"""A row as plain JSON, and back."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models

Plain = dict[str, Any]


def row_to_plain(row: models.Model, fields: "Iterable[models.Field[Any, Any]]") -> Plain:
    """Return the columns of a row; whoever or whatever it names stands there as an id."""
    return {field.name: to_plain(getattr(row, field.attname)) for field in fields}


def to_plain(value: Any) -> Any:
    """Return a column's value as JSON can say it, the same for the same value."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    return value


def plain_to_row(model: type[models.Model], plain: Plain, fields: "Iterable[models.Field[Any, Any]]") -> models.Model:
    """Return an unsaved row of plain values. Raises ValidationError for a value that is none of its column."""
    row = model()
    for field in fields:
        value = plain[field.name]
        target = field.target_field if isinstance(field, models.ForeignKey) else field
        setattr(row, field.attname, None if value is None else target.to_python(value))
    return row
