"""Who wraps data keys: the keys of the settings, or a key service that never gives its own key out (`KMS_KEY`).

Behind the key service stand the keys of the settings. They open what was wrapped before it came, and wrap a new data key
while it does not answer, so that a recording never waits for it; `rewrap` brings such a key home later.
"""

import logging
import threading
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from synapse.encryption import data_keys
from synapse.encryption.data_keys import WrappedKey
from synapse.encryption.errors import KeyServiceUnavailable

logger = logging.getLogger(__name__)

RECORDINGS = "recordings"
CACHED_KEYS = 10_000
CACHED_SECONDS = 300


class MasterKeys(Protocol):
    """Wraps data keys and opens them again; a purpose's keys are of no use to another one."""

    def wrap(self, key: bytes, *, purpose: str) -> WrappedKey:
        """Return the data key as it is stored."""

    def unwrap(self, stored: WrappedKey, *, purpose: str) -> bytes:
        """Return the data key. Raises DecryptionError for good, KeyServiceUnavailable for now."""

    def active_id(self, purpose: str) -> str:
        """Return the name of the key that wraps what is new. Raises KeyServiceUnavailable."""


class KeyService(Protocol):
    """A key that stays with whoever keeps it. Both calls raise KeyServiceUnavailable within seconds."""

    def encrypt(self, plain: bytes, *, context: bytes) -> tuple[bytes, str]:
        """Return the ciphertext and the name of the key version that made it."""

    def decrypt(self, ciphertext: bytes, *, context: bytes) -> bytes:
        """Return the plain bytes. Raises DecryptionError when no version of the key made them in this context."""

    def active_version(self) -> str:
        """Return the name of the key version that encrypts now."""


class SettingsKeys:
    """AUDIO_KEY, the first one active. Recordings use it as it is; every other purpose has keys derived from it."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)

    def wrap(self, key: bytes, *, purpose: str) -> WrappedKey:
        return data_keys.wrap(key, self._for(purpose))

    def unwrap(self, stored: WrappedKey, *, purpose: str) -> bytes:
        return data_keys.unwrap(stored, self._for(purpose))

    def active_id(self, purpose: str) -> str:
        return data_keys.master_id(self._for(purpose)[0])

    def _for(self, purpose: str) -> tuple[str, ...]:
        return self._keys if purpose == RECORDINGS else tuple(_derived(key, purpose) for key in self._keys)


class ServiceKeys:
    """A key service in front of the keys of the settings; an opened key is remembered for five minutes."""

    PREFIX = "kms."

    def __init__(self, service: KeyService, behind: SettingsKeys) -> None:
        self._service = service
        self._behind = behind
        self._opened = _Remembered(CACHED_KEYS, CACHED_SECONDS)

    def wrap(self, key: bytes, *, purpose: str) -> WrappedKey:
        try:
            ciphertext, version = self._service.encrypt(key, context=_context(purpose))
        except KeyServiceUnavailable:
            logger.warning("the key service does not answer: a data key is wrapped by AUDIO_KEY until it does")
            return self._behind.wrap(key, purpose=purpose)
        stored = WrappedKey(ciphertext, self._name(version))
        self._opened.put((purpose, stored.wrapped), key)
        return stored

    def unwrap(self, stored: WrappedKey, *, purpose: str) -> bytes:
        if not stored.key_id.startswith(self.PREFIX):
            return self._behind.unwrap(stored, purpose=purpose)
        key = self._opened.get((purpose, stored.wrapped))
        if key is None:
            key = self._service.decrypt(stored.wrapped, context=_context(purpose))
            self._opened.put((purpose, stored.wrapped), key)
        return key

    def active_id(self, purpose: str) -> str:
        return self._name(self._service.active_version())

    def _name(self, version: str) -> str:
        return self.PREFIX + data_keys.master_id(version)


def configured() -> MasterKeys:
    """Return the master keys the settings name."""
    return _configured(settings.KMS_KEY, settings.GOOGLE_KMS_ENDPOINT, tuple(settings.AUDIO_KEY))


@lru_cache(maxsize=4)
def _configured(kms_key: str, endpoint: str, audio_keys: tuple[str, ...]) -> MasterKeys:
    behind = SettingsKeys(audio_keys)
    if not kms_key:
        return behind
    from synapse.encryption.kms import GoogleKeyService

    return ServiceKeys(GoogleKeyService(kms_key, endpoint=endpoint), behind)


def _derived(key: str, purpose: str) -> str:
    derived = HKDF(SHA256(), 32, salt=None, info=f"synapse master {purpose}".encode()).derive(key.encode())
    return urlsafe_b64encode(derived).decode()


def _context(purpose: str) -> bytes:
    return f"synapse data key {purpose}".encode()


class _Remembered:
    """The last few opened keys, each for a while."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._rows: OrderedDict[tuple[str, bytes], tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: tuple[str, bytes]) -> bytes | None:
        with self._lock:
            until, key = self._rows.get(name, (0.0, b""))
            if until > time.monotonic():
                return key
            self._rows.pop(name, None)
            return None

    def put(self, name: tuple[str, bytes], key: bytes) -> None:
        with self._lock:
            self._rows[name] = (time.monotonic() + self._seconds, key)
            self._rows.move_to_end(name)
            while len(self._rows) > self._most:
                self._rows.popitem(last=False)
