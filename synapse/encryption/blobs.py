"""Encrypted files that can be read in part: AES-256-GCM in blocks, a key of its own in each file.

Layout: magic (5 bytes), key id of the wrapping AUDIO_KEY (4), wrapped file key (40, AES key wrap), then blocks of
64 KiB plus a 16 byte tag. A block's nonce is its index, since a file key encrypts one file once. Index and "last" flag
are authenticated, so blocks cannot be moved, dropped or cut off unseen.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator
from functools import cache
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from django.conf import settings

from synapse.encryption.crypto import DecryptionError

MAGIC = b"SYNB1"
BLOCK = 64 * 1024
TAG = 16
HEADER = len(MAGIC) + 4 + 40


@cache
def _wrapping_key(key: str) -> tuple[bytes, bytes]:
    """Return the public id and the 32 byte key made from one AUDIO_KEY."""
    key_id = hashlib.sha256(b"synapse audio key id\0" + key.encode()).digest()[:4]
    return key_id, hashlib.sha256(b"synapse audio wrap\0" + key.encode()).digest()


def encrypt_stream(source: BinaryIO, target: BinaryIO) -> int:
    """Write `source` encrypted to `target` and return the number of plain bytes."""
    key_id, wrapping = _wrapping_key(settings.AUDIO_KEY[0])
    file_key = AESGCM.generate_key(256)
    cipher = AESGCM(file_key)
    target.write(MAGIC + key_id + aes_key_wrap(wrapping, file_key))
    total, index = 0, 0
    block = _read_block(source)
    while True:
        following = _read_block(source) if len(block) == BLOCK else b""
        is_last = not following
        target.write(cipher.encrypt(_nonce(index), block, _aad(index, is_last)))
        total += len(block)
        if is_last:
            return total
        block, index = following, index + 1


def plain_size(stored_size: int) -> int:
    """Return the plain length of a file that takes `stored_size` bytes."""
    body = stored_size - HEADER
    if body < TAG:
        raise DecryptionError("The stored file is cut off.")
    return body - _block_count(body) * TAG


class BlobReader:
    """Decrypt any part of a stored file, given its size and a way to read its bytes.

    `fetch(start, end)` returns the stored bytes from start up to, but not including, end.
    """

    def __init__(self, stored_size: int, fetch: Callable[[int, int], bytes]) -> None:
        self.size = plain_size(stored_size)
        self._blocks = _block_count(stored_size - HEADER)
        self._stored_size = stored_size
        self._fetch = fetch
        self._cipher = AESGCM(_unwrap(fetch(0, HEADER)))

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the plain bytes from start up to, but not including, end. Raises DecryptionError."""
        stop = self.size if end is None else min(end, self.size)
        for index in range(start // BLOCK, -(-stop // BLOCK)):
            plain = self._block(index)
            yield plain[max(start - index * BLOCK, 0) : stop - index * BLOCK]

    def _block(self, index: int) -> bytes:
        begin = HEADER + index * (BLOCK + TAG)
        stored = self._fetch(begin, min(begin + BLOCK + TAG, self._stored_size))
        try:
            return self._cipher.decrypt(_nonce(index), stored, _aad(index, index == self._blocks - 1))
        except InvalidTag:
            raise DecryptionError("The stored file is damaged.") from None


def _unwrap(header: bytes) -> bytes:
    if len(header) != HEADER or not header.startswith(MAGIC):
        raise DecryptionError("The stored file is not one of ours.")
    wanted, wrapped = header[len(MAGIC) : len(MAGIC) + 4], header[len(MAGIC) + 4 :]
    for key in settings.AUDIO_KEY:
        key_id, wrapping = _wrapping_key(key)
        if key_id == wanted:
            try:
                return aes_key_unwrap(wrapping, wrapped)
            except InvalidUnwrap:
                raise DecryptionError("The stored file's key is damaged.") from None
    raise DecryptionError("No configured AUDIO_KEY opens the stored file.")


def _read_block(source: BinaryIO) -> bytes:
    """Read a whole block, since a raw stream may return less than asked for."""
    parts, missing = [], BLOCK
    while missing and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _block_count(body: int) -> int:
    return -(-body // (BLOCK + TAG))


def _nonce(index: int) -> bytes:
    return struct.pack(">4xQ", index)


def _aad(index: int, is_last: bool) -> bytes:
    return struct.pack(">Q?", index, is_last)
