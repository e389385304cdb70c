"""The data key of each recording: made before the first byte, wrapped by a master key, destroyed with the recording."""

import asyncio
import errno
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from sessions_app.models import RecordingKey
from sessions_app.spool.errors import KeyDestroyed, SpoolDamaged, StorageFailed
from synapse.encryption import data_keys, masters
from synapse.encryption.data_keys import WrappedKey
from synapse.encryption.errors import DecryptionError, KeyServiceUnavailable
from synapse.encryption.masters import RECORDINGS
from synapse.encryption.rotation import Outcome

logger = logging.getLogger(__name__)

BATCH = 500
LOG_WAIT_MS = 200  # nobody waits longer for those who read; the next sweep tries again

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="recording-keys")


def key_of(session_id: UUID, *, make: bool = False) -> bytes:
    """Return the data key of a session's recording; with `make` a new one, committed first, where there is none yet.

    Raises KeyDestroyed for a deleted recording, SpoolDamaged when there is no key or no master key opens it, and
    StorageFailed while the key service does not answer.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _look_up(session_id, make=make)
    # A spool is read in a blink, so an event loop may do it; the database insists on a thread.
    return _threads.submit(_look_up_and_close, session_id, make=make).result()


def destroy(session_id: UUID, *, at: datetime) -> str:
    """Destroy a recording's key for good and return its fingerprint, which stands at the head of every copy.

    A session without a key gets a destroyed one, so that nothing is recorded into it any more. The fingerprint is
    empty when the key cannot be opened, or was destroyed before. Runs inside the caller's unit of work.
    """
    stored, _ = RecordingKey.objects.select_for_update().get_or_create(
        pk=session_id, defaults={"created_at": at, "destroyed_at": at}
    )
    if stored.wrapped is None:
        return ""
    try:
        name = data_keys.fingerprint(_opened(stored)).hex()
    except (SpoolDamaged, StorageFailed):
        name = ""
    stored.wrapped, stored.destroyed_at = None, at
    stored.save(update_fields=["wrapped", "destroyed_at"])
    transaction.on_commit(clear_log, robust=True)
    return name


def clear_log() -> None:
    """Empty SQLite's write-ahead log, where a destroyed key stands on; a log that is being read stays as it is."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        (patience_ms,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {LOG_WAIT_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience_ms}")


def rewrap() -> Outcome:
    """Wrap every key that an earlier master key wraps by the active one; no recording is written anew.

    May be stopped and run again, and run beside the application: a row is replaced only while it is still the one that
    was read.
    """
    outcome = Outcome(RecordingKey._meta.label)
    after: UUID | None = None
    while rows := _next_stale(after):
        for stored in rows:
            outcome.rewritten += _rewrap(stored, outcome)
        after = rows[-1].pk
    return outcome


def count_under_former_keys() -> int:
    """Return how many recordings still need an earlier master key."""
    return _stale().count()


def _look_up(session_id: UUID, *, make: bool) -> bytes:
    stored = RecordingKey.objects.filter(pk=session_id).first()
    if stored is None and make:
        stored = _make(session_id)
    if stored is None:
        raise SpoolDamaged("there is no key for this recording")
    return _opened(stored)


def _look_up_and_close(session_id: UUID, *, make: bool) -> bytes:
    try:
        return _look_up(session_id, make=make)
    finally:
        connection.close()


def _make(session_id: UUID) -> RecordingKey:
    wrapped = masters.configured().wrap(data_keys.new_key(), purpose=RECORDINGS)
    # Durable: rolled back with an outer transaction, the key would leave bytes behind that nothing opens.
    with transaction.atomic(durable=True):
        return RecordingKey.objects.get_or_create(
            pk=session_id,
            defaults={"wrapped": wrapped.wrapped, "key_id": wrapped.key_id, "created_at": timezone.now()},
        )[0]


def _opened(stored: RecordingKey) -> bytes:
    if stored.wrapped is None:
        raise KeyDestroyed
    try:
        return masters.configured().unwrap(WrappedKey(bytes(stored.wrapped), stored.key_id), purpose=RECORDINGS)
    except DecryptionError as error:
        raise SpoolDamaged(str(error)) from None
    except KeyServiceUnavailable:
        raise StorageFailed(OSError(errno.EHOSTUNREACH, "the key service does not answer")) from None


def _stale() -> QuerySet[RecordingKey]:
    active = masters.configured().active_id(RECORDINGS)
    return RecordingKey.objects.filter(destroyed_at=None).exclude(key_id=active)


def _next_stale(after: UUID | None) -> list[RecordingKey]:
    rows = _stale().order_by("pk")
    return list((rows if after is None else rows.filter(pk__gt=after))[:BATCH])


def _rewrap(stored: RecordingKey, outcome: Outcome) -> int:
    try:
        key = _opened(stored)
    except (SpoolDamaged, StorageFailed):
        outcome.unreadable += 1
        logger.error("rotate_keys cannot open the recording key of %s", stored.pk)
        return 0
    new = masters.configured().wrap(key, purpose=RECORDINGS)
    unchanged = RecordingKey.objects.filter(pk=stored.pk, wrapped=stored.wrapped, key_id=stored.key_id)
    return unchanged.update(wrapped=new.wrapped, key_id=new.key_id)
