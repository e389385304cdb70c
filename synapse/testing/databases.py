"""The test database: copied from the prepared one, and emptied after a test that commits."""

# pytest loads this before Django is set up: models are imported where they are used.
from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connections, transaction

from synapse.testing import prepared

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

# Rows of the code itself: no test changes them, and making them again is most of what Django's flush costs.
KEPT = {"django_content_type", "auth_permission"}


def prepare() -> None:
    """Make sure that the database to copy from is migrated."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        prepared.postgres_database(url)
    else:
        prepared.database()


def copy_of_the_prepared(create: Callable[..., str], connection: BaseDatabaseWrapper) -> Callable[..., str]:
    """Return a `_create_test_db` that starts from a migrated database; Django's migrate then finds nothing to do."""

    def create_copy(*arguments: Any, **options: Any) -> str:
        if connection.vendor == "postgresql":
            template = prepared.postgres_database(os.environ["TEST_POSTGRES_URL"])
            connection.settings_dict["TEST"]["TEMPLATE"] = template
        name = create(*arguments, **options)
        if connection.vendor == "sqlite":
            prepared.copy_database(Path(name))
        return name

    return create_copy


def noting_what_ships(create: Callable[..., str], connection: BaseDatabaseWrapper) -> Callable[..., str]:
    """Return a `create_test_db` that remembers what the migrated database holds before the first test."""

    def create_and_note(*arguments: Any, **options: Any) -> str:
        name = create(*arguments, **options)
        note_what_ships(connection)
        return name

    return create_and_note


def note_what_ships(connection: BaseDatabaseWrapper) -> None:
    """Remember the rows that an installation has after its migrations: fees, codes, report templates, consent texts."""
    filled = _filled(connection, _tables(connection.alias))
    _shipped[connection.alias] = {table: _rows(connection, table) for table in filled}


def empty(connection: BaseDatabaseWrapper) -> None:
    """Delete what a test committed and put back what it changed of the rows that ship.

    Django's flush empties all tables and makes permissions and content types again, after each of such tests. Here
    only tables that have rows are emptied, and only their triggers are lifted; what ships stays where it is untouched.
    """
    from synapse.common import triggers

    quote = connection.ops.quote_name
    shipped = _shipped[connection.alias]
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        changed = [table for table, rows in shipped.items() if sorted(_rows(connection, table)) != sorted(rows)]
        filled = _filled(connection, sorted(set(_tables(connection.alias)) - set(shipped)))
        with triggers.lifted(connection, [*filled, *changed]):
            for table in (*filled, *changed):
                cursor.execute(f"DELETE FROM {quote(table)}")
        for table in changed:
            places = ", ".join(["%s"] * len(shipped[table][0]))
            cursor.executemany(f"INSERT INTO {quote(table)} VALUES ({places})", shipped[table])


# By alias and table: what `note_what_ships` saw.
_shipped: dict[str, dict[str, list[tuple[Any, ...]]]] = {}


def _rows(connection: BaseDatabaseWrapper, table: str) -> list[tuple[Any, ...]]:
    """Return all rows in the order they are stored in; the first column is the key."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        return list(cursor.fetchall())


def _filled(connection: BaseDatabaseWrapper, tables: list[str]) -> list[str]:
    """Return those of the tables that have rows."""
    quote = connection.ops.quote_name
    asked = " UNION ALL ".join(
        f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {quote(table)})" for number, table in enumerate(tables)
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [tables[number] for (number,) in cursor.fetchall()]


@cache
def _tables(alias: str) -> list[str]:
    names = connections[alias].introspection.django_table_names(only_existing=True, include_views=False)
    return sorted(set(names) - KEPT)
