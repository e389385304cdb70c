"""Encrypted files that can be read in part: AES-256-GCM in blocks, a key of its own in each file.

Layout: magic (5 bytes), fingerprint of the data key (8), the file's key wrapped by the data key (40, AES key wrap), then
blocks of 64 KiB plus a 16 byte tag. A block's nonce is its index, since a file key encrypts one file once. Index and
"last" flag are authenticated, so blocks cannot be moved, dropped or cut off unseen. Nothing here knows Django.
"""

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from synapse.encryption import data_keys
from synapse.encryption.errors import DecryptionError

MAGIC = b"SYNB2"
BLOCK = 64 * 1024
TAG = 16
HEADER = len(MAGIC) + data_keys.FINGERPRINT_LENGTH + 40

_PURPOSE = b"file v2"


def encrypt_stream(source: BinaryIO, target: BinaryIO, *, key: bytes) -> int:
    """Write `source` encrypted under a data key to `target` and return the number of plain bytes."""
    file_key = AESGCM.generate_key(256)
    cipher = AESGCM(file_key)
    target.write(_prefix(key) + aes_key_wrap(data_keys.subkey(key, _PURPOSE), file_key))
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
    """Decrypt any part of a stored file, given its size, its data key and a way to read its bytes.

    `fetch(start, end)` returns the stored bytes from start up to, but not including, end.
    """

    def __init__(self, stored_size: int, fetch: Callable[[int, int], bytes], *, key: bytes) -> None:
        self.size = plain_size(stored_size)
        self._blocks = _block_count(stored_size - HEADER)
        self._stored_size = stored_size
        self._fetch = fetch
        self._cipher = AESGCM(_unwrap(fetch(0, HEADER), key))

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


def _prefix(key: bytes) -> bytes:
    return MAGIC + data_keys.fingerprint(key)


def _unwrap(header: bytes, key: bytes) -> bytes:
    if len(header) != HEADER or not header.startswith(MAGIC):
        raise DecryptionError("The stored file is not one of ours.")
    prefix = _prefix(key)
    if not header.startswith(prefix):
        raise DecryptionError("The stored file was written under another data key.")
    try:
        return aes_key_unwrap(data_keys.subkey(key, _PURPOSE), header[len(prefix) :])
    except InvalidUnwrap:
        raise DecryptionError("The stored file's key is damaged.") from None


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
