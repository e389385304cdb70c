"""Tables of one row: the settings of the clinic, the end of the audit chain."""

from functools import cache
from typing import Any, TypeVar

from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)


def single_row(model: type[Row], *, locked: bool = False) -> Row:
    """Return the row of a table that has one, made with its defaults when it is not there yet.

    Every request and every change asks for such rows several times. Their statement and how its answer is read are
    always the same, so both are kept: the ORM needs longer to compose them than the database to answer. `locked` is
    `select_for_update`.
    """
    if (row := _read(model, locked=locked)) is None:
        model._default_manager.get_or_create(pk=1)
        row = _read(model, locked=locked)
    assert row is not None
    return row


def _read(model: type[Row], *, locked: bool) -> Row | None:
    query, compiler, names, converters = _way_to_read(model, connection.alias)
    lock = f" {connection.ops.for_update_sql()}" if locked and connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(query + lock)
        found = cursor.fetchone()
    if found is None:
        return None
    [values] = compiler.apply_converters([found], converters)
    return model.from_db(connection.alias, names, values)


@cache
def _way_to_read(model: type[models.Model], alias: str) -> tuple[str, Any, list[str], dict[int, Any]]:
    """Return the statement, and what turns its values into those of the fields."""
    fields = model._meta.concrete_fields
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields if field.column)
    query = f"SELECT {columns} FROM {table} WHERE id = 1"  # noqa: S608  (constants of the code)
    compiler = model._default_manager.all().query.get_compiler(using=alias)
    converters = compiler.get_converters([field.get_col(model._meta.db_table) for field in fields])
    return query, compiler, [field.attname for field in fields], converters
