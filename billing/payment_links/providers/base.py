"""What a payment link provider is asked and what it answers. No name and no service of a patient is in any of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class ProviderError(Exception):
    """The provider did not do what it was asked; `code` is logged, so it holds no patient data.

    With `may_retry` the same request may succeed later: a time-out, a busy server.
    """

    def __init__(self, code: str, *, may_retry: bool) -> None:
        super().__init__(code)
        self.code = code
        self.may_retry = may_retry


class AlreadyPaid(ProviderError):
    """The link cannot be withdrawn: it was paid meanwhile."""

    def __init__(self) -> None:
        super().__init__("already_paid", may_retry=False)


class BadEvent(Exception):
    """What came to the webhook is not from the provider, too old, or not readable; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class State(StrEnum):
    """What became of a link, as the provider sees it."""

    OPEN = "open"
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class LinkRequest:
    """A link to be made. The same `key` again must give the same link, so that a repeated request makes none anew."""

    key: UUID
    bill_number: str
    amount: Decimal
    currency: str
    expires_at: datetime


@dataclass(frozen=True)
class CreatedLink:
    """A link as the provider made it: its own reference and the page to pay on."""

    reference: str
    url: str
    expires_at: datetime | None = None


@dataclass(frozen=True)
class PaymentEvent:
    """What the provider says about one link. `payment_reference` names the money and is the same in every repetition."""

    reference: str
    state: State
    payment_reference: str = ""
    amount: Decimal | None = None
    currency: str = ""
    method: str = ""


class PaymentLinkProvider(Protocol):
    """A provider. Each call has a time-out; none is made inside a transaction."""

    name: str

    def create(self, request: LinkRequest) -> CreatedLink:
        """Make a link. Raises ProviderError."""

    def cancel(self, reference: str) -> None:
        """Withdraw a link; one that is closed already stays so. Raises AlreadyPaid and ProviderError."""

    def fetch(self, reference: str) -> PaymentEvent:
        """Ask what became of a link. Raises ProviderError."""

    def read_event(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> PaymentEvent:
        """Return what a request to the webhook says, once its signature is checked. Raises BadEvent."""
