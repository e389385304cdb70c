"""A provider, or a small adapter in front of one, that speaks the JSON of README.md."""

import json
from collections.abc import Mapping
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings

from billing.payment_links.providers import signature
from billing.payment_links.providers.base import (
    AlreadyPaid,
    BadEvent,
    CreatedLink,
    LinkRequest,
    PaymentEvent,
    ProviderError,
)
from billing.payment_links.providers.reading import is_reference, read_link, read_object, read_state

TIMEOUT_SECONDS = 10
LONGEST_ANSWER = 65536
CLOSED = {404, 410}


class HttpProvider:
    """Only the address of the settings is ever asked, and what it redirects to is not followed."""

    name = "http"

    def create(self, request: LinkRequest) -> CreatedLink:
        wanted = {
            "key": str(request.key),
            "bill_number": request.bill_number,
            "amount": f"{request.amount:.2f}",
            "currency": request.currency,
            "expires_at": request.expires_at.isoformat(),
        }
        status, body = _ask("POST", "/links", wanted, key=str(request.key))
        if status not in (200, 201):
            raise _refused(status)
        try:
            return read_link(read_object(body), needs_https=urlsplit(settings.PAYMENT_LINK_URL).scheme == "https")
        except ValueError:
            raise ProviderError("unreadable_link", may_retry=False) from None

    def cancel(self, reference: str) -> None:
        status, _ = _ask("POST", f"{_path(reference)}/cancel", {})
        if status == 409:
            raise AlreadyPaid
        if status not in CLOSED and not 200 <= status < 300:
            raise _refused(status)

    def fetch(self, reference: str) -> PaymentEvent:
        status, body = _ask("GET", _path(reference))
        if status != 200:
            raise _refused(status)
        try:
            return read_state(read_object(body), reference=reference)
        except ValueError:
            raise ProviderError("unreadable_state", may_retry=False) from None

    def read_event(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> PaymentEvent:
        signature.check(settings.PAYMENT_LINK_SECRET, headers, body, at=at)
        try:
            data = read_object(body)
            reference = data.get("id")
            if not isinstance(reference, str) or not is_reference(reference):
                raise BadEvent("unreadable")
            return read_state(data, reference=reference)
        except ValueError:
            raise BadEvent("unreadable") from None


def _path(reference: str) -> str:
    if not is_reference(reference):
        raise ProviderError("bad_reference", may_retry=False)
    return f"/links/{quote(reference, safe='')}"


def _refused(status: int) -> ProviderError:
    return ProviderError(f"http_{status}", may_retry=status == 429 or status >= 500)


def _ask(method: str, path: str, data: dict[str, Any] | None = None, *, key: str = "") -> tuple[int, bytes]:
    """Ask the provider and return its status and body. Raises ProviderError when no answer came."""
    base = urlsplit(settings.PAYMENT_LINK_URL)
    kind = HTTPSConnection if base.scheme == "https" else HTTPConnection
    connection = kind(base.hostname or "", base.port, timeout=TIMEOUT_SECONDS)
    headers = {"Accept": "application/json", "Authorization": f"Bearer {settings.PAYMENT_LINK_TOKEN}"}
    body = None
    if data is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(data).encode()
    if key:
        headers["Idempotency-Key"] = key
    try:
        connection.request(method, base.path.rstrip("/") + path, body, headers)
        with connection.getresponse() as answer:
            text = answer.read(LONGEST_ANSWER + 1)
    except (HTTPException, OSError) as error:
        raise ProviderError(f"no_answer_{type(error).__name__}"[:60], may_retry=True) from None
    finally:
        connection.close()
    if len(text) > LONGEST_ANSWER:
        raise ProviderError("answer_too_long", may_retry=False)
    return answer.status, text
