"""Read what a provider sent with suspicion: shapes, lengths, amounts and addresses."""

import json
import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django.utils.dateparse import parse_datetime

from billing.payment_links.providers.base import CreatedLink, PaymentEvent, State

REFERENCE = re.compile(r"[A-Za-z0-9_.:-]{1,120}")
CURRENCY = re.compile(r"[A-Z]{3}")
LONGEST_ADDRESS = 500


def read_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object; numbers stay text, so that no amount passes through a float. Raises ValueError."""
    try:
        found = json.loads(body.decode("utf-8"), parse_float=str, parse_int=str, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested without end") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004  the content is wrong, whatever its type
    return found


def read_link(data: dict[str, Any], *, needs_https: bool) -> CreatedLink:
    """Return a link that was made: `{"id", "url", "expires_at"}`. Raises ValueError."""
    address = _text(data, "url")
    parts = urlsplit(address)
    schemes = {"https"} if needs_https else {"https", "http"}
    if parts.scheme not in schemes or not parts.hostname or len(address) > LONGEST_ADDRESS or parts.username:
        raise ValueError("url")
    expires = data.get("expires_at")
    return CreatedLink(_reference(data, "id"), address, _moment(expires) if expires else None)


def read_state(data: dict[str, Any], *, reference: str) -> PaymentEvent:
    """Return what became of a link: `{"status", "payment": {"id", "amount", "currency", "method"}}`.

    Raises ValueError.
    """
    state = State(_text(data, "status"))
    if state != State.PAID:
        return PaymentEvent(reference, state)
    payment = data.get("payment")
    if not isinstance(payment, dict):
        raise ValueError("payment")  # noqa: TRY004  as above
    currency = _text(payment, "currency")
    if not CURRENCY.fullmatch(currency):
        raise ValueError("currency")
    method = payment.get("method")
    return PaymentEvent(
        reference=reference,
        state=state,
        payment_reference=_reference(payment, "id"),
        amount=_amount(payment),
        currency=currency,
        method=method[:16] if isinstance(method, str) else "",
    )


def is_reference(text: str) -> bool:
    """Tell whether a text may stand in an address as a provider's reference."""
    return bool(REFERENCE.fullmatch(text)) and not set(text) <= {"."}


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value


def _reference(data: dict[str, Any], name: str) -> str:
    value = _text(data, name)
    if not is_reference(value):
        raise ValueError(name)
    return value


def _amount(data: dict[str, Any]) -> Decimal:
    try:
        amount = Decimal(_text(data, "amount"))
    except InvalidOperation:
        raise ValueError("amount") from None
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or not isinstance(exponent, int) or exponent < -2 or not 0 < amount < 10**10:
        raise ValueError("amount")
    return amount


def _moment(value: Any) -> datetime:
    found = parse_datetime(value) if isinstance(value, str) else None
    if found is None or found.tzinfo is None:
        raise ValueError("expires_at")
    return found
