"""How the spool's files are written: the records of `chunks`, the `mark`, and the key that seals them.

A record is `length u32 | seq u32 | t_ms u32 | arrived_ms u64 | nonce 12 | ciphertext+tag`, big-endian. Everything
before the ciphertext is authenticated, and so is the session, so a record cannot be moved to another place or session.
"""

import hashlib
import os
import secrets
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sessions_app.timeline import Chunk

FILE_HEADER_LENGTH = 17  # the magic and the key's id

_MAGIC = b"SYNSPOOL1"
_KEY_ID_LENGTH = 8
_RECORD_HEADER = struct.Struct(">IIIQ12s")
_MARK_FIELDS = struct.Struct(">IQqQ")  # generation, durable bytes of `chunks`, highest contiguous seq, clock ms
_MARK_LENGTH = _MARK_FIELDS.size + 4  # and a crc32 of these
_LARGEST_RECORD = 128 * 1024


class SpoolDamaged(Exception):
    """The spool cannot be read: no configured key fits, or bytes that were durable are no records any more."""


@dataclass(frozen=True)
class Mark:
    generation: int = 0
    durable: int = 0
    acked: int = -1
    clock_ms: int = 0


def file_header(keys: Sequence[str]) -> bytes:
    """Return the first bytes of a new file: it is sealed under the active key."""
    return _MAGIC + _key_id(keys[0])


def seal(chunk: Chunk, cipher: AESGCM, session_id: UUID) -> bytes:
    """Return the record of a chunk."""
    nonce = secrets.token_bytes(12)
    header = _RECORD_HEADER.pack(len(chunk.pcm) + 16, chunk.seq, chunk.t_ms, chunk.arrived_ms, nonce)
    return header + cipher.encrypt(nonce, chunk.pcm, header + session_id.bytes)


def pack_mark(mark: Mark) -> bytes:
    fields = _MARK_FIELDS.pack(mark.generation, mark.durable, mark.acked, mark.clock_ms)
    return fields + struct.pack(">I", zlib.crc32(fields))


def _key_id(key: str) -> bytes:
    return hashlib.sha256(b"spool key\0" + key.encode()).hexdigest()[:_KEY_ID_LENGTH].encode()


def cipher_of(header: bytes, session_id: UUID, keys: Sequence[str]) -> AESGCM:
    for key in keys:
        if header == _MAGIC + _key_id(key):
            derived = HKDF(SHA256(), 32, salt=session_id.bytes, info=b"synapse spool v1").derive(key.encode())
            return AESGCM(derived)
    raise SpoolDamaged("no configured audio key fits this spool")


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
