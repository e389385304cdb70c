"""The signature of a webhook: HMAC-SHA256 over the moment and the body, fresh and compared in constant time."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from billing.payment_links.providers.base import BadEvent

HEADER = "X-Payment-Signature"
TOLERANCE_SECONDS = 300
_FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def sign(secret: str, body: bytes, *, at: datetime) -> str:
    """Return the header's value for a body that is sent at this moment."""
    moment = str(int(at.timestamp()))
    return f"t={moment},v1={_digest(secret, moment, body)}"


def check(secret: str, headers: Mapping[str, str], body: bytes, *, at: datetime) -> None:
    """Raise BadEvent unless the body was signed with the secret within the last five minutes."""
    found = _FORM.fullmatch(headers.get(HEADER, ""))
    if not secret or found is None:
        raise BadEvent("no_signature")
    moment, given = found.groups()
    if not hmac.compare_digest(_digest(secret, moment, body), given):
        raise BadEvent("wrong_signature")
    if abs(at.timestamp() - int(moment)) > TOLERANCE_SECONDS:
        raise BadEvent("too_old")


def _digest(secret: str, moment: str, body: bytes) -> str:
    return hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
