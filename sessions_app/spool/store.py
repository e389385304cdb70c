"""The spool: every chunk of a recording, encrypted and durable on disk before the browser may forget it.

One folder per session holds these files:

    chunks  a header naming the session's data key, then records in order of arrival, each sealed with AES-256-GCM
    mark    how far `chunks` is durable; rewritten after each fsync, read by other processes
    lock    held with flock by the one writer
    closed  there once the recording has ended

Nothing here knows Django; `default_store()` alone reads the settings.
"""

import contextlib
import os
import shutil
from pathlib import Path
from uuid import UUID

from sessions_app.spool.errors import KeyDestroyed, SpoolBusy, SpoolClosed, SpoolDamaged, StorageFailed
from sessions_app.spool.format import FILE_HEADER_LENGTH, KeyOf, read_mark
from sessions_app.spool.reader import SpoolReader
from sessions_app.spool.timeline import BYTES_PER_MS, GAP_TOLERANCE_MS, SAMPLE_RATE, Chunk, Timeline
from sessions_app.spool.writer import SpoolWriter
from synapse.common.durable_files import sync_folder

__all__ = [
    "BYTES_PER_MS",
    "GAP_TOLERANCE_MS",
    "SAMPLE_RATE",
    "Chunk",
    "KeyDestroyed",
    "SpoolBusy",
    "SpoolClosed",
    "SpoolDamaged",
    "SpoolReader",
    "SpoolStore",
    "SpoolWriter",
    "StorageFailed",
    "Timeline",
    "default_store",
]


class SpoolStore:
    """All spools under one folder, each sealed by the data key that `key_of` gives for its session."""

    def __init__(self, root: Path, key_of: KeyOf) -> None:
        self.root = root
        self.key_of = key_of

    def beside(self, root: Path) -> "SpoolStore":
        """Return a store under another folder, on the same disk, that seals as this one does."""
        return SpoolStore(root, self.key_of)

    def adopt(self, session_id: UUID, other: "SpoolStore") -> None:
        """Take a whole spool over from a store beside this one, in the place of an empty one; once or again."""
        if other.exists(session_id):
            if self.clock_ms(session_id) == 0:
                self.delete(session_id)
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            other.folder(session_id).rename(self.folder(session_id))
            sync_folder(self.root)

    def folder(self, session_id: UUID) -> Path:
        return self.root / str(session_id)

    def exists(self, session_id: UUID) -> bool:
        return (self.folder(session_id) / "chunks").exists()

    def writer(self, session_id: UUID) -> "SpoolWriter":
        """Open the session's spool for writing, made or recovered first.

        Raises SpoolBusy, KeyDestroyed, SpoolDamaged and StorageFailed.
        """
        return SpoolWriter(self.folder(session_id), session_id, self.key_of)

    def reader(self, session_id: UUID) -> "SpoolReader":
        """Return a reader of what is durable; it may run in another process than the writer.

        The key is asked for here, or when the first byte is there. Raises KeyDestroyed and SpoolDamaged.
        """
        return SpoolReader(self.folder(session_id), session_id, self.key_of)

    def timeline(self, session_id: UUID) -> Timeline:
        """Read everything durable and sum it up."""
        timeline = Timeline()
        for chunk in self.reader(session_id):
            timeline.add(chunk)
        return timeline

    def clock_ms(self, session_id: UUID) -> int:
        """Return the end of the durable audio on the recording clock; 0 without audio."""
        try:
            descriptor = os.open(self.folder(session_id) / "mark", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0
        try:
            mark = read_mark(descriptor)
        finally:
            os.close(descriptor)
        return mark.clock_ms if mark.durable else self.timeline(session_id).clock_ms

    def settle(self, session_id: UUID) -> None:
        """Recover what a killed server left, so that readers see all of it; does nothing while somebody writes.

        Raises SpoolDamaged and StorageFailed.
        """
        if self.exists(session_id):
            with contextlib.suppress(SpoolBusy):
                self.writer(session_id).close()

    def seal(self, session_id: UUID) -> None:
        """End the recording: no commit after this makes anything durable. Does nothing without a spool."""
        if self.exists(session_id):
            (self.folder(session_id) / "closed").touch(mode=0o600)

    def last_write_at(self, session_id: UUID) -> float | None:
        """Return when a chunk last became durable, in seconds since the epoch; None when none did."""
        try:
            facts = (self.folder(session_id) / "chunks").stat()
        except FileNotFoundError:
            return None
        # Opening writes the header: that alone is no sound.
        return facts.st_mtime if facts.st_size > FILE_HEADER_LENGTH else None

    def size(self, session_id: UUID) -> int:
        """Return how many bytes a session's spool takes on disk; 0 without one."""
        try:
            return (self.folder(session_id) / "chunks").stat().st_size
        except FileNotFoundError:
            return 0

    def session_ids(self) -> list[UUID]:
        """Return the ids of all sessions that have a spool here."""
        return [UUID(folder.name) for folder in self.root.glob("*-*-*-*-*")] if self.root.exists() else []

    def free_bytes(self) -> int:
        """Return the space left on the spool's disk."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return shutil.disk_usage(self.root).free

    def delete(self, session_id: UUID) -> None:
        """Remove a session's spool; do nothing when it is gone already."""
        shutil.rmtree(self.folder(session_id), ignore_errors=True)


def default_store() -> SpoolStore:
    """Return the store the settings describe."""
    from django.conf import settings

    from sessions_app.recordings import keys as recording_keys

    return SpoolStore(settings.DATA_DIR / "spool", recording_keys.key_of)
