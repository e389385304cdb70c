"""Data keys: a random key for one thing, stored wrapped by a key of the settings (AES key wrap, RFC 3394).

What is sealed under a data key cannot be read with the wrapping key alone: destroying the data key destroys it in every
copy, and a new wrapping key needs no byte of it written anew. Nothing here knows Django.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from synapse.encryption.errors import DecryptionError

FINGERPRINT_LENGTH = 8


@dataclass(frozen=True)
class WrappedKey:
    """A data key as it is stored, and which key of the settings opens it."""

    wrapped: bytes
    key_id: str


def new_key() -> bytes:
    """Return 32 random bytes."""
    return AESGCM.generate_key(256)


def wrap(key: bytes, masters: Sequence[str]) -> WrappedKey:
    """Wrap a data key under the active (first) key of a setting."""
    return WrappedKey(aes_key_wrap(_wrapping_key(masters[0]), key), master_id(masters[0]))


def unwrap(stored: WrappedKey, masters: Sequence[str]) -> bytes:
    """Return the data key. Raises DecryptionError when no listed key opens it, or it is damaged."""
    for master in masters:
        if master_id(master) == stored.key_id:
            try:
                return aes_key_unwrap(_wrapping_key(master), stored.wrapped)
            except InvalidUnwrap:
                raise DecryptionError("The data key is damaged.") from None
    raise DecryptionError(f"No configured key with id {stored.key_id} opens the data key.")


def master_id(master: str) -> str:
    """Return the public name of a wrapping key: 8 hex digits that tell nothing about it."""
    return hashlib.sha256(b"synapse audio key id\0" + master.encode()).hexdigest()[:8]


def subkey(key: bytes, purpose: bytes) -> bytes:
    """Return the 32 bytes a data key stands for in one use, so that two uses never share a key."""
    return HKDF(SHA256(), 32, salt=None, info=b"synapse " + purpose).derive(key)


def fingerprint(key: bytes) -> bytes:
    """Return the 8 bytes that name a data key in what it seals; they tell nothing about it."""
    return hashlib.sha256(b"synapse data key\0" + key).digest()[:FINGERPRINT_LENGTH]


def _wrapping_key(master: str) -> bytes:
    return hashlib.sha256(b"synapse audio wrap\0" + master.encode()).digest()
