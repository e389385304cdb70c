"""The one writer of a session's spool: what it commits is encrypted and durable."""

import contextlib
import os
import threading
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions_app.spool.errors import SpoolBusy, SpoolClosed, SpoolDamaged, StorageFailed
from sessions_app.spool.format import (
    FILE_HEADER_LENGTH,
    KeyOf,
    Mark,
    cipher_of,
    file_header,
    pack_mark,
    read_mark,
    records,
    seal,
)
from sessions_app.spool.timeline import Chunk, Timeline
from synapse.common.durable_files import Locked, sync_folder, take_lock


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
                self._lock = take_lock(folder / "lock")
                opened.callback(os.close, self._lock)
                self._chunks = os.open(folder / "chunks", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                opened.callback(os.close, self._chunks)
                self._mark = os.open(folder / "mark", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                opened.callback(os.close, self._mark)
                self._size, self._cipher = self._recover(key)
            except Locked:
                raise SpoolBusy from None
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
            sync_folder(folder)
        return cipher_of(header, key)
