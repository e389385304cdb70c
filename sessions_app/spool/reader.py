"""Reading a session's spool while it grows, in this process or another one."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions_app.spool.format import FILE_HEADER_LENGTH, KeyOf, Mark, cipher_of, read_mark, records
from sessions_app.spool.timeline import Chunk


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
