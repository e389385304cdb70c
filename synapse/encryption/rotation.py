"""Write everything anew under the active keys, while the application runs.

Deploy `FIELD_ENCRYPTION_KEY=new,old`, run `rotate_keys`, deploy `FIELD_ENCRYPTION_KEY=new`. Each value is replaced only
while it is still the one that was read, so an edit made meanwhile is kept; what is done already is passed over.
`AUDIO_KEY` and the key service's key rotate the same way: they wrap data keys, and only these are written anew.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import connection, models

from synapse.encryption import crypto
from synapse.encryption.errors import DecryptionError
from synapse.encryption.fields import StrictEncryption

logger = logging.getLogger(__name__)

BATCH = 500
GENERATION = "key_generation"

_reindexers: dict[str, Callable[[], int]] = {}
_rewrappers: list[tuple[Callable[[], "Outcome"], Callable[[], int]]] = []


def register_reindex(name: str, reindex: Callable[[], int]) -> None:
    """Add a function that writes blind-index columns anew and returns how many rows it did."""
    _reindexers[name] = reindex


def register_rewrap(rewrap: Callable[[], "Outcome"], left: Callable[[], int]) -> None:
    """Add a function that wraps data keys anew, and one that counts those a former key still wraps."""
    _rewrappers.append((rewrap, left))


@dataclass
class Outcome:
    """How a rotation of one model went."""

    label: str
    rewritten: int = 0
    unreadable: int = 0


def encrypted_fields(model: type[models.Model]) -> list[StrictEncryption]:
    return [field for field in model._meta.concrete_fields if isinstance(field, StrictEncryption)]


def rotate_fields() -> Iterator[Outcome]:
    """Write every encrypted value that is not under the active key anew, model by model."""
    for model in apps.get_models():
        if model._meta.managed and not model._meta.proxy and encrypted_fields(model):
            yield _rotate(model)


def reindex() -> Iterator[tuple[str, int]]:
    """Run every registered re-indexer and yield its name and count."""
    for name, run in _reindexers.items():
        yield name, run()


def rewrap() -> Iterator[Outcome]:
    """Wrap the data keys under the active key, whatever they open being left as it is."""
    for run, _ in _rewrappers:
        yield run()


def bring_home(at: datetime) -> None:
    """Wrap by the key service what AUDIO_KEY had to wrap while it did not answer; the sweep of every day."""
    if settings.KMS_KEY:
        for outcome in rewrap():
            logger.info("%s: %s keys wrapped anew, %s unreadable", outcome.label, outcome.rewritten, outcome.unreadable)


def count_under_former_keys() -> int:
    """Return how many rows still hold a value or a data key that needs a former key."""
    values = sum(_count(model) for model in apps.get_models() if model._meta.managed and encrypted_fields(model))
    return values + sum(left() for _, left in _rewrappers)


def _rotate(model: type[models.Model]) -> Outcome:
    outcome = Outcome(model._meta.label)
    after: Any = None
    while rows := _stale_rows(model, after):
        for key, *stored in rows:
            try:
                outcome.rewritten += _rewrite(model, key, stored)
            except DecryptionError:
                outcome.unreadable += 1
                logger.error("rotate_keys cannot read %s %s", model._meta.label, key)
        after = rows[-1][0]
    return outcome


def _stale_rows(model: type[models.Model], after: Any) -> list[tuple[Any, ...]]:
    """Return the next rows, by key, with a value not under the active key."""
    quote = connection.ops.quote_name
    key = quote(_key_column(model))
    columns = [quote(field.column) for field in encrypted_fields(model)]
    beyond = f"{key} > %s AND " if after is not None else ""
    # Only names of our own tables and columns are put into the text.
    query = (
        f"SELECT {key}, {', '.join(columns)} FROM {quote(model._meta.db_table)} "  # noqa: S608
        f"WHERE {beyond}({_is_stale(columns)}) ORDER BY {key} LIMIT {BATCH}"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, ([after] if after is not None else []) + [_active_pattern()] * len(columns))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _rewrite(model: type[models.Model], key: Any, stored: list[str | None]) -> int:
    """Replace one row's values if they are still those that were read; return 1 when they were."""
    quote = connection.ops.quote_name
    active = crypto.active_key_id()
    old: list[tuple[str, str]] = []
    new: list[str] = []
    for field, value in zip(encrypted_fields(model), stored, strict=True):
        if value is not None and crypto.stored_key_id(value) != active:
            old.append((quote(field.column), value))
            new.append(crypto.encrypt(crypto.decrypt(value, label=f"{model._meta.label}.{field.name}")))
    changes = [f"{column} = %s" for column, _ in old]
    if _has_generation(model):
        changes.append(f"{quote(GENERATION)} = {quote(GENERATION)} + 1")
    unchanged = " AND ".join(f"{column} = %s" for column, _ in old)
    query = (
        f"UPDATE {quote(model._meta.db_table)} SET {', '.join(changes)} "  # noqa: S608
        f"WHERE {quote(_key_column(model))} = %s AND {unchanged}"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [*new, key, *(value for _, value in old)])
        return int(cursor.rowcount)


def _count(model: type[models.Model]) -> int:
    quote = connection.ops.quote_name
    columns = [quote(field.column) for field in encrypted_fields(model)]
    query = f"SELECT COUNT(*) FROM {quote(model._meta.db_table)} WHERE {_is_stale(columns)}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query, [_active_pattern()] * len(columns))
        return int(cursor.fetchone()[0])


def _is_stale(columns: list[str]) -> str:
    return " OR ".join(f"({column} IS NOT NULL AND {column} NOT LIKE %s)" for column in columns)


def _active_pattern() -> str:
    return f"{crypto.MARKER}.{crypto.active_key_id()}.%"


def _key_column(model: type[models.Model]) -> str:
    column = model._meta.pk.column
    if column is None:
        raise TypeError(f"{model._meta.label} has no primary key column of its own")
    return column


def _has_generation(model: type[models.Model]) -> bool:
    try:
        model._meta.get_field(GENERATION)
    except FieldDoesNotExist:
        return False
    return True
