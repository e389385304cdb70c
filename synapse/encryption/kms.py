"""Google Cloud KMS as the key service: a symmetric key that wraps data keys and never leaves it.

Its own rotation makes a new primary version; `rotate_keys` then wraps every data key under that one, and the former
version can be disabled. The checksums are those Google asks for against what the network does to a message
(cloud.google.com/kms/docs/data-integrity-guidelines).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from synapse.encryption.errors import DecryptionError, KeyServiceUnavailable

if TYPE_CHECKING:
    from google.api_core.exceptions import BadRequest
    from google.cloud.kms_v1 import KeyManagementServiceClient

ANSWER_SECONDS = 5.0


class _Refused(KeyServiceUnavailable):
    """The service took the call and refuses it; `reason` is its word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The key service refuses: {reason or 'no reason given'}.")
        self.reason = reason


class GoogleKeyService:
    """One key, named `projects/…/locations/…/keyRings/…/cryptoKeys/…`; `endpoint` is a stand-in's address."""

    def __init__(self, name: str, *, endpoint: str = "") -> None:
        self._name = name
        self._endpoint = endpoint
        self._connecting = threading.Lock()

    def encrypt(self, plain: bytes, *, context: bytes) -> tuple[bytes, str]:
        request = {
            "name": self._name,
            "plaintext": plain,
            "additional_authenticated_data": context,
            "plaintext_crc32c": _checksum(plain),
            "additional_authenticated_data_crc32c": _checksum(context),
        }
        with _as_our_errors():
            answer = self._connected().encrypt(request=request, timeout=ANSWER_SECONDS, retry=None)
        whole = (
            answer.verified_plaintext_crc32c
            and answer.verified_additional_authenticated_data_crc32c
            and _checksum(answer.ciphertext) == answer.ciphertext_crc32c
        )
        if not whole:
            raise KeyServiceUnavailable("An answer of the key service was damaged on its way.")
        return answer.ciphertext, answer.name

    def decrypt(self, ciphertext: bytes, *, context: bytes) -> bytes:
        request = {
            "name": self._name,
            "ciphertext": ciphertext,
            "additional_authenticated_data": context,
            "ciphertext_crc32c": _checksum(ciphertext),
            "additional_authenticated_data_crc32c": _checksum(context),
        }
        try:
            with _as_our_errors():
                answer = self._connected().decrypt(request=request, timeout=ANSWER_SECONDS, retry=None)
        except _Refused as refusal:
            # A key version that is disabled for now is refused as well, by another word.
            if refusal.reason == "INVALID_ARGUMENT":
                raise DecryptionError("The key service does not open this data key.") from None
            raise
        if _checksum(answer.plaintext) != answer.plaintext_crc32c:
            raise KeyServiceUnavailable("An answer of the key service was damaged on its way.")
        return answer.plaintext

    def active_version(self) -> str:
        with _as_our_errors():
            return self._connected().get_crypto_key(name=self._name, timeout=ANSWER_SECONDS, retry=None).primary.name

    def _connected(self) -> KeyManagementServiceClient:
        with self._connecting:
            return self._client

    @cached_property
    def _client(self) -> KeyManagementServiceClient:
        from google.cloud.kms_v1 import KeyManagementServiceClient

        if not self._endpoint:
            return KeyManagementServiceClient(transport="rest")
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceRestTransport

        address = urlsplit(self._endpoint)
        return KeyManagementServiceClient(
            transport=KeyManagementServiceRestTransport(
                host=address.netloc,
                url_scheme=address.scheme,
                credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            )
        )


def _checksum(content: bytes) -> int:
    import google_crc32c

    return int(google_crc32c.value(content))


def _reason_of(error: BadRequest) -> str:
    try:
        return str(error.response.json()["error"]["status"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""


@contextmanager
def _as_our_errors() -> Iterator[None]:
    """Turn what the client raises into our errors; their text names no key."""
    from google.api_core import exceptions
    from google.auth import exceptions as auth

    try:
        yield
    except exceptions.BadRequest as error:
        raise _Refused(_reason_of(error)) from None
    except (exceptions.GoogleAPIError, auth.GoogleAuthError, OSError) as error:
        raise KeyServiceUnavailable(f"The key service fails: {type(error).__name__}.") from None
