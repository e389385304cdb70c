"""The stored rows as plain values, in pages: what a walk over a million of them can afford to read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Min

from synapse.audit import chain
from synapse.audit.models import AuditEvent, AuditSubject

PAGE = 5_000

# In the order of `chain.event_mac`, then what is not part of the hash.
_COLUMNS = (
    *("seq", "id", "at", "actor_id", "actor_label", "action", "target_type", "target_id", "target_label"),
    *("patient_id", "outcome", "ip", "request_id", "detail", "subjects_digest", "previous_mac", "key_id", "mac"),
    "sign_in_id",
)
_UUIDS = ("id", "actor_id", "patient_id", "request_id", "sign_in_id")


class Row(NamedTuple):
    """One stored row: `values` are what its hash covers, `patients` those of its AuditSubject rows."""

    seq: int
    values: list[Any]
    previous_mac: str
    key_id: str
    mac: str
    subjects_digest: str
    patients: list[str]


class Page(NamedTuple):
    """Some rows in order, and the subjects between them that belong to no row, by their event's number."""

    rows: list[Row]
    orphans: list[int]


def read_pages(last_seq: int) -> Iterator[Page]:
    """Yield all rows up to a number.

    No transaction is held: rows do not change, and on SQLite one would keep every writer waiting for the whole walk.
    """
    quote = connection.ops.quote_name
    events, subjects = quote(AuditEvent._meta.db_table), quote(AuditSubject._meta.db_table)
    columns = ", ".join(_column(name) for name in _COLUMNS)
    patient = _column("patient_id")
    convert = _from_postgres if connection.vendor == "postgresql" else _from_sqlite
    after = -1
    while after < last_seq:
        # Bounded by its numbers and not by LIMIT: a planner without statistics would sort the rest of the table each time.
        up_to = min(after + PAGE, last_seq)
        with connection.cursor() as cursor, _whatever_the_bytes():
            cursor.execute(
                f"SELECT {columns} FROM {events} WHERE seq > %s AND seq <= %s ORDER BY seq",  # noqa: S608  (constants)
                [after, up_to],
            )
            found = cursor.fetchall()
            if not found:
                up_to = _last_without_a_row(up_to, last_seq)
            cursor.execute(
                f"SELECT event_seq, {patient} FROM {subjects} WHERE event_seq > %s AND event_seq <= %s",  # noqa: S608  (constants)
                [after, up_to],
            )
            patients: dict[int, list[str]] = {}
            for seq, patient_id in cursor.fetchall():
                patients.setdefault(seq, []).append(_dashed(patient_id))
        rows = [_row(convert(record), patients) for record in found]
        yield Page(rows, sorted(patients))
        after = up_to


def _last_without_a_row(after: int, last_seq: int) -> int:
    """Return the last number of a gap that goes on behind `after`, however far somebody set a row's number."""
    following = AuditEvent.objects.filter(seq__gt=after, seq__lte=last_seq).aggregate(seq=Min("seq"))["seq"]
    return last_seq if following is None else int(following) - 1


def _row(record: list[Any], patients: dict[int, list[str]]) -> Row:
    values, key_id, mac = record[:-2], record[-2], record[-1]
    return Row(values[0], values, values[15], key_id, mac, values[14], patients.pop(values[0], []))


@contextmanager
def _whatever_the_bytes() -> Iterator[None]:
    """Let SQLite hand out text that is no UTF-8: a row somebody put it into is to be named, not to end the walk."""
    if connection.vendor != "sqlite":
        yield
        return
    stored = connection.connection
    stored.text_factory = lambda found: found.decode(errors="surrogateescape")
    try:
        yield
    finally:
        stored.text_factory = str


def _column(name: str) -> str:
    quoted = connection.ops.quote_name(name)
    if connection.vendor == "postgresql":
        if name == "at":
            # A moment beyond Python's calendar (infinity is one) has no value there, and fits no hash.
            return f"CASE WHEN {quoted} BETWEEN '0001-01-02Z' AND '9999-12-30Z' THEN {quoted} END"
        return f"{quoted}::text" if name in _UUIDS else quoted
    # As text, so that the driver does not make it a datetime.
    return f"{quoted} || ''" if name == "at" else quoted


def _from_postgres(record: tuple[Any, ...]) -> list[Any]:
    values = list(record)
    at: datetime | None = values[2]
    values[2] = at.astimezone(UTC).isoformat() if at else ""
    for place in (3, 9, 11, 12):
        values[place] = values[place] or ""
    values[12] = chain.origin_text(values[12], values.pop() or "")
    values[13] = _canonical(values[13])
    return values


def _from_sqlite(record: tuple[Any, ...]) -> list[Any]:
    """SQLite keeps ids as 32 hexadecimal digits and times as UTC without a zone."""
    values = list(record)
    values[2] = f"{values[2]}+00:00".replace(" ", "T", 1)
    values[1] = _dashed(values[1])
    # The same people, sign-ins and patients come again and again.
    values[12] = chain.origin_text(_dashed(values[12] or ""), _dashed_again(values.pop() or ""))
    values[3] = _dashed_again(values[3] or "")
    values[9] = _dashed_again(values[9] or "")
    values[11] = values[11] or ""
    values[13] = _canonical(values[13])
    return values


@lru_cache(maxsize=65536)
def _dashed_again(stored: object) -> str:
    return _dashed(stored)


def _dashed(stored: object) -> str:
    text = str(stored)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}" if len(text) == 32 else text


@lru_cache(maxsize=4096)
def _canonical(text: str | bytes) -> str:
    """Return the detail of a row as its hash covers it; most rows have one of a few. What is no JSON fits no hash."""
    try:
        return chain.canonical(json.loads(text))
    except (ValueError, RecursionError):
        return "not JSON"
