"""Secrets of endpoints, and the headers a receiver verifies an event by.

The convention is that of Standard Webhooks, so its libraries verify our events. A receiver does this:

1. Take `Webhook-Id`, `Webhook-Timestamp` (seconds since 1970) and the body as the bytes that came, before parsing.
2. Refuse a timestamp more than five minutes away from its own clock: a recorded request cannot be played again later.
3. Decode what follows `whsec_` in the secret from base64 and compute HMAC-SHA256 of `{id}.{timestamp}.{body}` with it.
4. `Webhook-Signature` holds one or two signatures, separated by a space, each `v1,` and base64: two for a day after
   the secret was renewed. Compare with each in constant time; one that agrees is enough.
5. Remember the id for a day or longer and ignore one that comes again: an event may arrive more than once, and events
   may arrive in another order than they happened in.
6. Answer 2xx within ten seconds and do the work afterwards. 410 switches the endpoint off.
"""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a fresh secret in the form receivers are given: the prefix and 256 bits in base64."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature_of(secret: str, message_id: UUID, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the base64 HMAC-SHA256 of id, timestamp and body."""
    key = b64decode(secret.removeprefix(PREFIX))
    return "v1," + b64encode(hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")).decode()


def headers_for(message_id: UUID, body: bytes, *, secrets_in_use: Iterable[str], at: datetime) -> dict[str, str]:
    """Return the three headers of one attempt, signed with every secret that is valid now."""
    timestamp = int(at.timestamp())
    return {
        "Webhook-Id": str(message_id),
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": " ".join(signature_of(secret, message_id, timestamp, body) for secret in secrets_in_use),
    }
