"""How the spool's files are written: the records of `chunks`, the `mark`, and the key that seals them.

A record is `length u32 | seq u32 | t_ms u32 | arrived_ms u64 | nonce 12 | ciphertext+tag`, big-endian. Everything
before the ciphertext is authenticated, and so is the session, so a record cannot be moved to another place or session.
"""

import os
import secrets
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions_app.spool.errors import SpoolDamaged
from sessions_app.spool.timeline import Chunk
from synapse.encryption import data_keys

_MAGIC = b"SYNSPOOL2"
_PURPOSE = b"spool v2"
FILE_HEADER_LENGTH = len(_MAGIC) + data_keys.FINGERPRINT_LENGTH
_RECORD_HEADER = struct.Struct(">IIIQ12s")
_MARK_FIELDS = struct.Struct(">IQqQ")  # generation, durable bytes of `chunks`, highest contiguous seq, clock ms
_MARK_LENGTH = _MARK_FIELDS.size + 4  # and a crc32 of these
_LARGEST_RECORD = 128 * 1024


class KeyOf(Protocol):
    """Gives a session's data key; with `make` a new one, durable when this returns, where there is none yet.

    Raises KeyDestroyed for a deleted recording, and SpoolDamaged when there is no key or none opens it.
    """

    def __call__(self, session_id: UUID, *, make: bool = False) -> bytes: ...


@dataclass(frozen=True)
class Mark:
    generation: int = 0
    durable: int = 0
    acked: int = -1
    clock_ms: int = 0


def file_header(key: bytes) -> bytes:
    """Return the first bytes of a file sealed under a data key."""
    return _MAGIC + data_keys.fingerprint(key)


def seal(chunk: Chunk, cipher: AESGCM, session_id: UUID) -> bytes:
    """Return the record of a chunk."""
    nonce = secrets.token_bytes(12)
    header = _RECORD_HEADER.pack(len(chunk.pcm) + 16, chunk.seq, chunk.t_ms, chunk.arrived_ms, nonce)
    return header + cipher.encrypt(nonce, chunk.pcm, header + session_id.bytes)


def pack_mark(mark: Mark) -> bytes:
    fields = _MARK_FIELDS.pack(mark.generation, mark.durable, mark.acked, mark.clock_ms)
    return fields + struct.pack(">I", zlib.crc32(fields))


def cipher_of(header: bytes, key: bytes) -> AESGCM:
    """Return what opens a file's records. Raises SpoolDamaged when the file was written under another data key."""
    if header != file_header(key):
        raise SpoolDamaged("the recording was written under another data key")
    return AESGCM(data_keys.subkey(key, _PURPOSE))


def read_mark(descriptor: int) -> Mark:
    raw = os.pread(descriptor, _MARK_LENGTH, 0)
    if len(raw) == _MARK_LENGTH and raw[-4:] == struct.pack(">I", zlib.crc32(raw[:-4])):
        return Mark(*_MARK_FIELDS.unpack(raw[:-4]))
    return Mark()


def records(descriptor: int, cipher: AESGCM, session_id: UUID, start: int, end: int) -> Iterator[tuple[Chunk, int]]:
    """Yield each whole, genuine record between two offsets with the offset behind it; stop at the first that is not."""
    offset = start
    while offset + _RECORD_HEADER.size <= end:
        header = os.pread(descriptor, _RECORD_HEADER.size, offset)
        if len(header) < _RECORD_HEADER.size:
            return
        length, seq, t_ms, arrived_ms, nonce = _RECORD_HEADER.unpack(header)
        body = offset + _RECORD_HEADER.size
        if not 16 < length <= _LARGEST_RECORD or body + length > end:
            return
        sealed = os.pread(descriptor, length, body)
        try:
            pcm = cipher.decrypt(nonce, sealed, header + session_id.bytes)
        except (InvalidTag, ValueError):
            return
        offset = body + length
        yield Chunk(seq, t_ms, arrived_ms, pcm), offset
