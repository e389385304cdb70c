"""Signatures under the keys of SIGNING_KEY: an HMAC-SHA-256 beside the public name of its key.

What is signed, and how both are written down, is each document's own. The first key signs, every one verifies.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple


class Signature(NamedTuple):
    """The public name of a key, and the MAC it made (hex)."""

    key_id: str
    mac: str


def sign(message: bytes, keys: Sequence[str]) -> Signature:
    """Return the signature of a message under the active key."""
    return Signature(key_id(keys[0]), _mac(keys[0], message))


def is_signed(message: bytes, signature: Signature, keys: Sequence[str]) -> bool:
    """Tell whether one of these keys made the signature of this message."""
    mine = [key for key in keys if key_id(key) == signature.key_id]
    # As bytes: of words outside ASCII, which anybody may write into a file, the comparison wants no text.
    said = signature.mac.encode(errors="replace")
    return any(hmac.compare_digest(_mac(key, message).encode(), said) for key in mine)


def key_id(key: str) -> str:
    """Return the public name of a signing key: 8 hex digits that tell nothing about it."""
    return hashlib.sha256(b"synapse signing key id\0" + key.encode()).hexdigest()[:8]


def _mac(key: str, message: bytes) -> str:
    return hmac.digest(key.encode(), message, hashlib.sha256).hex()
