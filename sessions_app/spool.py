"""The spool: every chunk of a recording, encrypted and durable on disk before the browser may forget it.

One folder per session holds these files:

    chunks  a header naming the session's data key, then records in order of arrival, each sealed with AES-256-GCM
    mark    how far `chunks` is durable; rewritten after each fsync, read by other processes
    lock    held with flock by the one writer
    closed  there once the recording has ended

Nothing here knows Django; `default_store()` alone reads the settings.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions_app.spool_format import (
    FILE_HEADER_LENGTH,
    KeyDestroyed,
    Mark,
    SpoolDamaged,
    cipher_of,
    file_header,
    pack_mark,
    read_mark,
    records,
    seal,
)
from sessions_app.timeline import BYTES_PER_MS, GAP_TOLERANCE_MS, SAMPLE_RATE, Chunk, Timeline

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


class SpoolClosed(Exception):
    """The recording has ended; what is not durable yet stays out."""


class SpoolBusy(Exception):
    """Another writer holds this session's spool."""


class StorageFailed(Exception):
    """The disk refused a write; nothing of it was acknowledged, and `SpoolWriter.commit` may be called again."""

    def __init__(self, error: OSError) -> None:
        super().__init__(errno.errorcode.get(error.errno or 0, "EIO"))
        self.is_full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class KeyOf(Protocol):
    """Gives a session's data key; with `make` a new one, durable when this returns, where there is none yet.

    Raises KeyDestroyed for a deleted recording, and SpoolDamaged when there is no key or none opens it.
    """

    def __call__(self, session_id: UUID, *, make: bool = False) -> bytes: ...


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
            _sync_folder(self.root)

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
            return (self.folder(session_id) / "chunks").stat().st_mtime
        except FileNotFoundError:
            return None

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


class SpoolWriter:
    """The one writer of a session's spool.

    `append` only takes a chunk into memory; `commit` makes everything appended durable and returns the highest seq up
    to which all chunks are. The two may run in different threads.
    """

    def __init__(self, folder: Path, session_id: UUID, key_of: KeyOf) -> None:
        self.timeline = Timeline()
        self._session_id = session_id
        self._folder = folder
        self._pending: list[Chunk] = []
        self._waiting: dict[int, Chunk] = {}  # durable, but a chunk before them is missing
        self._taken: set[int] = set()  # appended or waiting
        self._state = threading.Lock()
        self._writing = threading.Lock()
        self._generation = 0
        # The key comes before the file: no byte is ever sealed under a key that a crash could take away.
        key = key_of(session_id, make=not (folder / "chunks").exists())
        with contextlib.ExitStack() as opened:
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock = _take_lock(folder / "lock")
                opened.callback(os.close, self._lock)
                self._chunks = os.open(folder / "chunks", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                opened.callback(os.close, self._chunks)
                self._mark = os.open(folder / "mark", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                opened.callback(os.close, self._mark)
                self._size, self._cipher = self._recover(key)
            except OSError as error:
                raise StorageFailed(error) from error
            opened.pop_all()

    @property
    def acked(self) -> int:
        """The highest seq up to which every chunk is durable; -1 before the first."""
        return self.timeline.last_seq

    @property
    def pending_count(self) -> int:
        return len(self._pending)

    @property
    def clock_ms(self) -> int:
        """End of the latest chunk on the recording clock, appended ones included."""
        with self._state:
            return max([self.timeline.clock_ms, *(chunk.t_ms + chunk.duration_ms for chunk in self._pending)])

    def append(self, seq: int, t_ms: int, pcm: bytes, *, arrived_ms: int) -> bool:
        """Take a chunk; return False when this seq is here already (the first one stays)."""
        with self._state:
            if seq <= self.acked or seq in self._taken:
                return False
            self._pending.append(Chunk(seq, t_ms, arrived_ms, pcm))
            self._taken.add(seq)
            return True

    def commit(self) -> int:
        """Write and fsync what was appended; return `acked`.

        Raises SpoolClosed, and StorageFailed: then the chunks are kept for another try.
        """
        with self._writing:
            with self._state:
                batch = list(self._pending)
            if batch:
                if (self._folder / "closed").exists():
                    raise SpoolClosed
                self._write(b"".join(seal(chunk, self._cipher, self._session_id) for chunk in batch))
                with self._state:
                    del self._pending[: len(batch)]
                    for chunk in batch:
                        self._waiting[chunk.seq] = chunk
                    self._advance()
                self._write_mark()
        return self.acked

    def missing(self, up_to: int) -> list[tuple[int, int]]:
        """Return the ranges (first, last) of seqs not received, from the first hole to `up_to`."""
        with self._state:
            holes: list[tuple[int, int]] = []
            expected = self.acked + 1
            for seq in [*sorted(seq for seq in self._taken if seq <= up_to), up_to + 1]:
                if seq > expected:
                    holes.append((expected, seq - 1))
                expected = max(expected, seq + 1)
            return holes

    @property
    def highest_seq(self) -> int:
        """The highest seq received, holes before it or not."""
        with self._state:
            return max(self._taken, default=self.acked)

    def drop_after(self, arrived_ms: int) -> None:
        """Forget every chunk that arrived later than a time (ms since the epoch): consent had ended by then."""
        with self._writing:
            with self._state:
                self._pending.clear()
                self._taken.clear()
                self._waiting.clear()
                self.timeline = Timeline()
            end = FILE_HEADER_LENGTH
            for chunk, next_offset in records(self._chunks, self._cipher, self._session_id, end, self._size):
                if chunk.arrived_ms > arrived_ms:
                    break
                end = next_offset
                self._waiting[chunk.seq] = chunk
                self._taken.add(chunk.seq)
            self._advance()
            os.ftruncate(self._chunks, end)
            os.fsync(self._chunks)
            self._size = end
            self._generation += 1
            self._write_mark()

    def close(self) -> None:
        """Let the next writer in. What was not committed is dropped: it was never acknowledged."""
        for descriptor in (self._chunks, self._mark, self._lock):
            os.close(descriptor)

    def _advance(self) -> None:
        while (chunk := self._waiting.pop(self.acked + 1, None)) is not None:
            self.timeline.add(chunk)
            self._taken.discard(chunk.seq)

    def _write(self, data: bytes) -> None:
        try:
            view, offset = memoryview(data), self._size
            while view:
                written = os.pwrite(self._chunks, view, offset)
                view, offset = view[written:], offset + written
            os.fsync(self._chunks)
        except OSError as error:
            # A part may be on disk; the next try writes over it from the same place.
            with contextlib.suppress(OSError):
                os.ftruncate(self._chunks, self._size)
            raise StorageFailed(error) from error
        self._size = offset

    def _write_mark(self) -> None:
        # The mark is a hint for readers: recovery needs none, so a failure to write it loses nothing.
        mark = Mark(self._generation, self._size, self.acked, self.timeline.clock_ms)
        with contextlib.suppress(OSError):
            os.pwrite(self._mark, pack_mark(mark), 0)

    def _recover(self, key: bytes) -> tuple[int, AESGCM]:
        """Read what an earlier writer left, cut a torn tail off, and return the file's length and its cipher."""
        size = os.fstat(self._chunks).st_size
        mark = read_mark(self._mark)
        self._generation = mark.generation + 1
        if size < FILE_HEADER_LENGTH:
            cipher = self._begin(key)
            size = FILE_HEADER_LENGTH
        else:
            cipher = cipher_of(os.pread(self._chunks, FILE_HEADER_LENGTH, 0), key)
            end = FILE_HEADER_LENGTH
            for chunk, next_offset in records(self._chunks, cipher, self._session_id, end, size):
                end = next_offset
                if chunk.seq > self.acked and chunk.seq not in self._waiting:
                    self._waiting[chunk.seq] = chunk
                    self._taken.add(chunk.seq)
                    self._advance()
            if end < mark.durable:
                raise SpoolDamaged(f"{mark.durable - end} durable bytes are no records any more")
            if end < size:
                os.ftruncate(self._chunks, end)
            # What a killed writer left in the page cache may not be on disk yet; acks count on it from here on.
            os.fsync(self._chunks)
            size = end
        self._size = size
        self._write_mark()
        return size, cipher

    def _begin(self, key: bytes) -> AESGCM:
        header = file_header(key)
        os.pwrite(self._chunks, header, 0)
        os.fsync(self._chunks)
        for folder in (self._folder, self._folder.parent):
            _sync_folder(folder)
        return cipher_of(header, key)


class SpoolReader:
    """Reads a spool's durable chunks in order, again and again as more become durable.

    The first reading may raise KeyDestroyed and SpoolDamaged.
    """

    def __init__(self, folder: Path, session_id: UUID, key_of: KeyOf) -> None:
        self._folder = folder
        self._session_id = session_id
        self._key_of = key_of
        self._generation: int | None = None
        self._offset = FILE_HEADER_LENGTH
        self._next_seq = 0
        self._skip_to = -1
        self._held: dict[int, Chunk] = {}
        self._cipher: AESGCM | None = None
        with self._chunks() as descriptor:
            if descriptor is not None:
                self._open(descriptor)

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the durable chunks not yet read, in order, without holes."""
        with self._chunks() as descriptor:
            if descriptor is not None:
                yield from self._read(descriptor)

    def read_new(self) -> list[Chunk]:
        """Return the chunks that became durable since the last call."""
        return list(self)

    @contextlib.contextmanager
    def _chunks(self) -> Iterator[int | None]:
        """Open the file of chunks; None when there is none yet."""
        try:
            descriptor = os.open(self._folder / "chunks", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, descriptor: int) -> AESGCM | None:
        """Return what opens the records; None while the file has no whole header."""
        header = os.pread(descriptor, FILE_HEADER_LENGTH, 0)
        if self._cipher is None and len(header) == FILE_HEADER_LENGTH:
            self._cipher = cipher_of(header, self._key_of(self._session_id))
        return self._cipher

    def _read(self, descriptor: int) -> Iterator[Chunk]:
        mark = self._durable_mark(descriptor)
        cipher = self._open(descriptor)
        if mark.durable < FILE_HEADER_LENGTH or cipher is None:
            return
        if mark.generation != self._generation:
            # Another writer, or a dropped tail: places changed. Read anew and pass over what was given out before.
            self._generation, self._offset = mark.generation, FILE_HEADER_LENGTH
            self._skip_to, self._next_seq = min(max(self._skip_to, self._next_seq - 1), mark.acked), 0
            self._held.clear()
        for chunk, offset in records(descriptor, cipher, self._session_id, self._offset, mark.durable):
            self._offset = offset
            if chunk.seq >= self._next_seq:
                self._held.setdefault(chunk.seq, chunk)
            while (ready := self._held.pop(self._next_seq, None)) is not None:
                self._next_seq += 1
                if ready.seq > self._skip_to:
                    yield ready

    def _durable_mark(self, chunks: int) -> Mark:
        """Return the mark; after a power cut that took it, all whole records count, for they survived the cut."""
        size = os.fstat(chunks).st_size
        try:
            descriptor = os.open(self._folder / "mark", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return Mark(durable=size)
        try:
            mark = read_mark(descriptor)
        finally:
            os.close(descriptor)
        return replace(mark, durable=min(mark.durable or size, size))


def default_store() -> SpoolStore:
    """Return the store the settings describe."""
    from django.conf import settings

    from sessions_app import recording_keys

    return SpoolStore(settings.DATA_DIR / "spool", recording_keys.key_of)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SpoolBusy from None
    return descriptor
