"""Database triggers that keep rows from being changed, installed after every migration.

SQLite drops a table's triggers without a word when a migration rebuilds the table, so they are not part of
migrations: `install` runs on post_migrate and may run any number of times.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig, apps
from django.core import checks
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class Trigger:
    """A refusal on one table.

    `when` is the SQL condition on OLD and NEW, the same on both databases, or empty for every row. `event` is
    UPDATE, DELETE or INSERT. With `vendor` it exists on that database only, where the other has a better means.
    """

    name: str
    model: str
    event: str
    message: str
    when: str = ""
    vendor: str = ""

    @property
    def table(self) -> str:
        table: str = apps.get_model(self.model)._meta.db_table
        return table


_registry: dict[str, Trigger] = {}


def register(*triggers: Trigger) -> None:
    """Add triggers to those every database must have; called from an app's `ready`."""
    for trigger in triggers:
        _registry[trigger.name] = trigger


def registered() -> list[Trigger]:
    return list(_registry.values())


def install(connection: BaseDatabaseWrapper) -> None:
    """Create or replace every registered trigger whose table exists."""
    for trigger in _wanted(connection):
        _drop(connection, trigger)
        _create(connection, trigger)


def missing(connection: BaseDatabaseWrapper) -> list[Trigger]:
    """Return the registered triggers that an existing table lacks."""
    present = _present(connection)
    return [trigger for trigger in _wanted(connection) if trigger.name not in present]


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Remove the triggers for the block: only for emptying a test database."""
    for trigger in _wanted(connection):
        _drop(connection, trigger)
    try:
        yield
    finally:
        install(connection)


def _wanted(connection: BaseDatabaseWrapper) -> list[Trigger]:
    """Return the registered triggers this database must have: those of tables that exist."""
    tables = set(connection.introspection.table_names())
    return [
        trigger for trigger in registered() if trigger.table in tables and trigger.vendor in {"", connection.vendor}
    ]


def _present(connection: BaseDatabaseWrapper) -> set[str]:
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {row[0] for row in cursor.fetchall()}


def _drop(connection: BaseDatabaseWrapper, trigger: Trigger) -> None:
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP TRIGGER IF EXISTS {quote(trigger.name)} ON {quote(trigger.table)}")
        else:
            cursor.execute(f"DROP TRIGGER IF EXISTS {quote(trigger.name)}")


def _create(connection: BaseDatabaseWrapper, trigger: Trigger) -> None:
    quote = connection.ops.quote_name
    when = f"WHEN ({trigger.when})" if trigger.when else ""
    message = trigger.message.replace("'", "''")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {quote(trigger.name)}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER {quote(trigger.name)} BEFORE {trigger.event} ON {quote(trigger.table)} "
                f"FOR EACH ROW {when} EXECUTE FUNCTION {quote(trigger.name)}()"
            )
        else:
            cursor.execute(
                f"CREATE TRIGGER {quote(trigger.name)} BEFORE {trigger.event} ON {quote(trigger.table)} "
                f"FOR EACH ROW {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )


def install_after_migrate(using: str, **kwargs: Any) -> None:
    """Receive post_migrate."""
    install(connections[using])


@checks.register(checks.Tags.database)
def check_triggers(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Report a protecting trigger that is not in the database."""
    return [
        checks.Error(
            f"The trigger {trigger.name} is missing: rows it protects could be changed.",
            hint="Run `python manage.py migrate`.",
            id="common.E001",
        )
        for alias in databases or ()
        for trigger in missing(connections[alias])
    ]
