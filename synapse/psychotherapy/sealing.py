"""Seal the text of a note: AES-256-GCM under its author's key, bound to the note's id and revision."""

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from synapse.encryption import data_keys
from synapse.encryption.errors import DecryptionError

MARKER = b"\x01"
NONCE = 12
# The stored length tells the text's to this many bytes only.
STEP = 256
_PURPOSE = b"psychotherapy note v1"


def seal(text: str, *, note_id: UUID, revision: int, key: bytes) -> bytes:
    """Return the stored form of a text: marker, nonce, ciphertext with its tag."""
    nonce = os.urandom(NONCE)
    plain = text.encode() + b"\x80"
    plain += bytes(-len(plain) % STEP)
    return MARKER + nonce + _cipher(key).encrypt(nonce, plain, _place(note_id, revision))


def unseal(sealed: bytes, *, note_id: UUID, revision: int, key: bytes) -> str:
    """Return the text. Raises DecryptionError when the bytes were changed, or belong to another note or revision."""
    if not sealed.startswith(MARKER):
        raise DecryptionError("The private note is not one of ours.")
    nonce, body = sealed[1 : 1 + NONCE], sealed[1 + NONCE :]
    try:
        plain = _cipher(key).decrypt(nonce, body, _place(note_id, revision))
    except (InvalidTag, ValueError):
        raise DecryptionError("The private note is damaged or in another note's place.") from None
    return plain.rstrip(b"\0")[:-1].decode()


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(data_keys.subkey(key, _PURPOSE))


def _place(note_id: UUID, revision: int) -> bytes:
    return b"psychotherapy note\0" + note_id.bytes + revision.to_bytes(8, "big")
