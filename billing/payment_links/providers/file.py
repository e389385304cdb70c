"""A provider for trying out: each link is a JSON file in the data folder, paid by editing its status."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from billing.payment_links.providers.base import (
    AlreadyPaid,
    BadEvent,
    CreatedLink,
    LinkRequest,
    PaymentEvent,
    ProviderError,
    State,
)
from billing.payment_links.providers.reading import is_reference, read_object, read_state


class FileProvider:
    """`payment_links/<key>.json`; the sweep finds one whose status became `paid`, with its payment beside."""

    name = "file"

    def create(self, request: LinkRequest) -> CreatedLink:
        reference = str(request.key)
        path = _path(reference)
        if not path.exists():
            _write(
                path,
                {
                    "id": reference,
                    "bill_number": request.bill_number,
                    "amount": f"{request.amount:.2f}",
                    "currency": request.currency,
                    "expires_at": request.expires_at.isoformat(),
                    "status": State.OPEN.value,
                    "payment": None,
                },
            )
        return CreatedLink(reference, f"https://pay.invalid/{reference}", request.expires_at)

    def cancel(self, reference: str) -> None:
        data = _read(reference)
        if data.get("status") == State.PAID:
            raise AlreadyPaid
        data["status"] = State.CANCELLED.value
        _write(_path(reference), data)

    def fetch(self, reference: str) -> PaymentEvent:
        try:
            return read_state(_read(reference), reference=reference)
        except ValueError:
            raise ProviderError("unreadable_state", may_retry=False) from None

    def read_event(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> PaymentEvent:
        raise BadEvent("no_webhook")


def _path(reference: str) -> Path:
    if not is_reference(reference) or ".." in reference:
        raise ProviderError("bad_reference", may_retry=False)
    return Path(settings.DATA_DIR) / "payment_links" / f"{reference}.json"


def _read(reference: str) -> dict[str, Any]:
    try:
        return read_object(_path(reference).read_bytes())
    except (OSError, ValueError):
        raise ProviderError("no_file", may_retry=False) from None


def _write(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
