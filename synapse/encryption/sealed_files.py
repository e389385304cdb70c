"""A temporary file that is nowhere in clear: its key is in memory alone, its name is gone before the first byte.

What is uploaded may be larger than memory should hold; the system's own temporary files would hold it readable.
"""

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from typing_extensions import Buffer

BLOCK = 256 * 1024
TAG = 16


class SealedFile(io.RawIOBase):
    """Written from front to end once, then read from any place."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed with this one
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._rest = bytearray()  # what fills no block yet
        self._sealed = 0  # blocks on the disk
        self._place = 0
        self._opened: tuple[int, bytes] = (-1, b"")

    def __len__(self) -> int:
        return self._sealed * BLOCK + len(self._rest)

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: "Buffer", /) -> int:
        """Append, wherever reading stands. Raises OSError."""
        piece = bytes(data)
        self._rest += piece
        while len(self._rest) >= BLOCK:
            stored = self._cipher.encrypt(_nonce(self._sealed), bytes(self._rest[:BLOCK]), None)
            self._file.seek(self._sealed * (BLOCK + TAG))
            _write_whole(self._file, stored)
            self._sealed += 1
            del self._rest[:BLOCK]
        self._place = len(self)
        return len(piece)

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: len(self)}[whence]
        self._place = max(0, start + place)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: "Buffer", /) -> int:
        wanted = memoryview(buffer).cast("B")
        number, inside = divmod(self._place, BLOCK)
        piece = self._block(number)[inside : inside + len(wanted)]
        wanted[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._rest.clear()
        super().close()

    def _block(self, number: int) -> bytes:
        if number >= self._sealed:
            return bytes(self._rest) if number == self._sealed else b""
        if self._opened[0] != number:
            self._file.seek(number * (BLOCK + TAG))
            stored = _read_whole(self._file, BLOCK + TAG)
            self._opened = (number, self._cipher.decrypt(_nonce(number), stored, None))
        return self._opened[1]


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _write_whole(file: io.RawIOBase, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) or 0 :]


def _read_whole(file: io.RawIOBase, length: int) -> bytes:
    parts = []
    while length and (part := file.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
