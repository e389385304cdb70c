"""Database triggers that keep rows from being changed, installed after every migration.

SQLite drops a table's triggers without a word when a migration rebuilds the table, so they are not part of
migrations: `install` runs on post_migrate and may run any number of times.
"""

from collections.abc import Collection, Iterator, Sequence
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

    `when` is the SQL condition on OLD and NEW, the same on both databases, or empty for every row; `{table}` in it is
    the table. `event` is UPDATE, DELETE or INSERT; `register` adds TRUNCATE to each DELETE. With `vendor` it exists on
    that database only, where the other has a better means or no need.
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


def not_replaced(name: str, model: str, message: str, *, keys: Sequence[str], kept: str = "TRUE") -> list[Trigger]:
    """Return the refusals of a statement that would push out a row which stays: SQLite's OR REPLACE.

    It deletes whatever holds the same unique value, and fires no DELETE trigger for it. PostgreSQL has no such
    statement: its ON CONFLICT DO UPDATE is an UPDATE like any other. `keys` are the conditions under which `kept_row`
    and NEW cannot both stand, one for every unique constraint; `kept` says which rows stay.
    """
    # A rowid is a key of every table; it is -1 in NEW where the statement names none.
    clash = " OR ".join(f"({key})" for key in ("kept_row.rowid = NEW.rowid", *keys))
    stands = f"SELECT 1 FROM {{table}} AS kept_row WHERE ({kept}) AND ({clash})"  # noqa: S608  (constants of the code)
    return [
        Trigger(f"{name}_not_replaced", model, "INSERT", message, when=f"EXISTS ({stands})", vendor="sqlite"),
        Trigger(
            f"{name}_not_pushed_out",
            model,
            "UPDATE",
            message,
            when=f"EXISTS ({stands} AND kept_row.rowid <> OLD.rowid)",
            vendor="sqlite",
        ),
    ]


_registry: dict[str, Trigger] = {}


def register(*triggers: Trigger) -> None:
    """Add triggers to those every database must have; called from an app's `ready`."""
    for trigger in triggers:
        _registry[trigger.name] = trigger
        if trigger.event == "DELETE" and trigger.vendor in {"", "postgresql"}:
            emptied = _not_emptied(trigger)
            _registry[emptied.name] = emptied


def _not_emptied(trigger: Trigger) -> Trigger:
    """Return the refusal of PostgreSQL's TRUNCATE, which deletes every row and fires no DELETE trigger for any."""
    return Trigger(
        f"{trigger.name}_all", trigger.model, "TRUNCATE", f"{trigger.message} TRUNCATE refused.", vendor="postgresql"
    )


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
def lifted(connection: BaseDatabaseWrapper, tables: Collection[str] | None = None) -> Iterator[None]:
    """Remove the triggers for the block, of all tables or of those named: only for emptying a test database."""
    wanted = [trigger for trigger in _wanted(connection) if tables is None or trigger.table in tables]
    for trigger in wanted:
        _drop(connection, trigger)
    try:
        yield
    finally:
        for trigger in wanted:
            _create(connection, trigger)


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
    when = f"WHEN ({trigger.when.replace('{table}', quote(trigger.table))})" if trigger.when else ""
    message = trigger.message.replace("'", "''")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {quote(trigger.name)}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
            )
            each = "STATEMENT" if trigger.event == "TRUNCATE" else "ROW"
            cursor.execute(
                f"CREATE TRIGGER {quote(trigger.name)} BEFORE {trigger.event} ON {quote(trigger.table)} "
                f"FOR EACH {each} {when} EXECUTE FUNCTION {quote(trigger.name)}()"
            )
        else:
            cursor.execute(
                f"CREATE TRIGGER {quote(trigger.name)} BEFORE {trigger.event} ON {quote(trigger.table)} "
                f"FOR EACH ROW {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )


def install_after_migrate(using: str, **kwargs: Any) -> None:
    """Receive post_migrate."""
    install(connections[using])


MISSING = "common.W001"


@checks.register(checks.Tags.database)
def check_triggers(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Report a protecting trigger that is not in the database: as a warning, since `migrate` runs this check before it
    puts the trigger there. `refuse_unsafe_start` takes it for an error.
    """
    return [
        checks.Warning(
            f"The trigger {trigger.name} is missing: rows it protects could be changed.",
            hint="Run `python manage.py migrate`.",
            id=MISSING,
        )
        for alias in databases or ()
        for trigger in missing(connections[alias])
    ]
