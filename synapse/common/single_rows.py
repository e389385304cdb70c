"""Tables of one row: the settings of the clinic, the end of the audit chain."""

from typing import TypeVar

from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)


def single_row(model: type[Row], *, locked: bool = False) -> Row:
    """Return the row of a table that has one, made with its defaults when it is not there yet.

    Every request and every change asks for such rows several times. Their statement is always the same, so it is
    written out: the ORM needs longer to compose it than the database to answer. `locked` is `select_for_update`.
    """
    table = connection.ops.quote_name(model._meta.db_table)
    lock = f" {connection.ops.for_update_sql()}" if locked and connection.features.has_select_for_update else ""
    query = f"SELECT * FROM {table} WHERE id = 1{lock}"  # noqa: S608  (constants of the code)
    for row in model._default_manager.raw(query):
        return row
    model._default_manager.get_or_create(pk=1)
    return model._default_manager.raw(query)[0]
