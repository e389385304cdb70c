"""Encrypt and decrypt stored text: `v1.<key id>.<Fernet token>`."""

import hashlib
import logging
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from synapse.encryption.errors import DecryptionError

logger = logging.getLogger(__name__)

MARKER = "v1"


@lru_cache(maxsize=16)
def _ring(keys: tuple[str, ...]) -> dict[str, Fernet]:
    """Map key id to cipher; the first entry is the active key."""
    if not keys:
        raise ImproperlyConfigured("Set FIELD_ENCRYPTION_KEY: the field encryption key is missing.")
    try:
        return {key_id(key): Fernet(key) for key in keys}
    except ValueError as error:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEY is malformed: each key is 32 bytes in URL-safe base64."
        ) from error


def key_id(key: str) -> str:
    """Return the short public name of a key: 8 hex digits that tell nothing about it."""
    return hashlib.sha256(b"synapse key id\0" + key.encode()).hexdigest()[:8]


def configured_keys() -> tuple[str, ...]:
    """Return the field keys of the settings, active one first."""
    return tuple(settings.FIELD_ENCRYPTION_KEY)


def active_key_id() -> str:
    """Return the id every new value is written under."""
    return next(iter(_ring(configured_keys())))


def stored_key_id(stored: str) -> str | None:
    """Return the key id a stored value names, or None when it is not one of ours."""
    parts = stored.split(".", 2)
    return parts[1] if len(parts) == 3 and parts[0] == MARKER else None


def encrypt(text: str) -> str:
    """Return the stored form of `text` under the active key."""
    name, cipher = next(iter(_ring(configured_keys()).items()))
    return f"{MARKER}.{name}.{cipher.encrypt(text.encode()).decode()}"


def decrypt(stored: str, *, label: str) -> str:
    """Return the text of a stored value; `label` names the column in the error.

    Raises DecryptionError. The error and the log name the column only, never the value.
    """
    name = stored_key_id(stored)
    if name is None:
        reason = "the value is not encrypted"
    elif (cipher := _ring(configured_keys()).get(name)) is None:
        reason = f"no key with id {name} is configured"
    else:
        try:
            return cipher.decrypt(stored.split(".", 2)[2].encode()).decode()
        except (InvalidToken, ValueError):
            reason = "the value is damaged"
    logger.error("cannot decrypt %s: %s", label, reason)
    raise DecryptionError(f"{label} cannot be decrypted: {reason}.")
