"""The parts of an upload on disk, encrypted under the recording's data key, until the sound is read from them.

One folder per upload holds a file per part, named for the place of its first byte, and a lock. A part is there whole
or not at all: it is written beside its name, synced, then renamed.
"""

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from synapse.common.durable_files import Locked, sync_folder, take_lock
from synapse.encryption.blobs import BLOCK, BlobReader, encrypt_stream
from synapse.encryption.errors import DecryptionError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_NAME_LENGTH = 12


class PartsBusy(Exception):
    """Another request writes to this upload."""


class PartsDamaged(Exception):
    """Bytes that were stored cannot be read any more."""


class PartStore:
    """The parts of all uploads under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, upload_id: UUID) -> Path:
        return self.root / str(upload_id)

    def free_bytes(self) -> int:
        """Return the space left on the disk."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        return shutil.disk_usage(self.root).free

    @contextlib.contextmanager
    def held(self, upload_id: UUID) -> Iterator[None]:
        """Keep other requests, in any process of this machine, from writing to an upload. Raises PartsBusy."""
        self.folder(upload_id).mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = take_lock(self.folder(upload_id) / "lock")
        except Locked:
            raise PartsBusy from None
        try:
            yield
        finally:
            os.close(descriptor)

    def write(self, upload_id: UUID, offset: int, part: bytes, *, key: bytes) -> None:
        """Make a part durable under a data key; one that a killed server left there is replaced. Raises OSError."""
        folder = self.folder(upload_id)
        path = folder / f"{offset:0{_NAME_LENGTH}}"
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as target:
                encrypt_stream(io.BytesIO(part), target, key=key)
                target.flush()
                os.fsync(target.fileno())
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        fresh.replace(path)
        sync_folder(folder)

    def open(self, upload_id: UUID, length: int, *, key: bytes) -> "PartsFile":
        """Return the first `length` bytes of an upload as one file that can be read from any place."""
        return PartsFile(self.folder(upload_id), length, key)

    def ids(self) -> list[UUID]:
        """Return the uploads of which anything is on disk."""
        found = []
        for path in self.root.iterdir() if self.root.exists() else ():
            with contextlib.suppress(ValueError):
                found.append(UUID(path.name))
        return found

    def erase(self, upload_id: UUID) -> None:
        """Remove all there is of an upload; do nothing when it is gone already."""
        shutil.rmtree(self.folder(upload_id), ignore_errors=True)


class PartsFile(io.RawIOBase):
    """Read the parts as one file; only the block being read is in memory. Reading raises PartsDamaged."""

    def __init__(self, folder: Path, length: int, key: bytes) -> None:
        super().__init__()
        self.length = length
        self._key = key
        self._place = 0
        self._folder = folder
        starts = sorted(int(path.name) for path in folder.glob("[0-9]" * _NAME_LENGTH))
        self._starts = [start for start in starts if start < length]
        self._open_at = -1
        self._descriptor = -1
        self._reader: BlobReader | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.length}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: "Buffer", /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self.length - self._place)
        if wanted <= 0:
            return 0
        piece = self._read_some(wanted)
        view[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def close(self) -> None:
        self._close_part()
        super().close()

    def _read_some(self, wanted: int) -> bytes:
        """Return bytes from the present place on, to the end of a block at most."""
        start = max((one for one in self._starts if one <= self._place), default=-1)
        if start != self._open_at or self._reader is None:
            self._reader = self._open_part(start)
        inside = self._place - start
        end = min(inside + wanted, self._reader.size, (inside // BLOCK + 1) * BLOCK)
        try:
            piece = b"".join(self._reader.read(inside, end)) if inside < end else b""
        except DecryptionError as error:
            raise PartsDamaged(str(error)) from None
        if not piece:
            raise PartsDamaged("a part of the upload is missing")
        return piece

    def _open_part(self, start: int) -> BlobReader:
        self._close_part()
        try:
            self._descriptor = os.open(self._folder / f"{start:0{_NAME_LENGTH}}", os.O_RDONLY | os.O_CLOEXEC)
            self._open_at = start
            descriptor = self._descriptor
            return BlobReader(
                os.fstat(descriptor).st_size,
                lambda first, last: os.pread(descriptor, last - first, first),
                key=self._key,
            )
        except (FileNotFoundError, DecryptionError) as error:
            raise PartsDamaged(str(error)) from None

    def _close_part(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor, self._open_at, self._reader = -1, -1, None


def default_store() -> PartStore:
    """Return the store in the data folder."""
    from django.conf import settings

    return PartStore(settings.DATA_DIR / "uploads")
