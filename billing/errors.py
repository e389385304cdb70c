"""Broken rules of billing."""

from synapse.common.errors import Conflict, DomainError


class NotIssuable(Conflict):
    """The bill cannot get its number yet."""

    code = "not_issuable"


class Locked(Conflict):
    """The bill's state forbids the change."""

    code = "bill_locked"


class BadAmount(DomainError):
    """A figure cannot be; `field` is the column of the bill, or the word of the request, it stands in."""

    code = "bad_amount"

    def __init__(
        self, message: str, code: str | None = None, status: int | None = None, *, field: str = "amount"
    ) -> None:
        super().__init__(message, code, status)
        self.field = field


class TooMuch(BadAmount):
    """More than is there: what is open, was paid or is kept as credit may have changed since it was read."""

    code = "amount_too_high"
    status = 409


class BadDetail(DomainError):
    """Something a bill says beside its figures cannot be; `field` is the column it stands in."""

    code = "bad_detail"

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class KeyReused(DomainError):
    """An idempotency key came again with another request."""

    code = "idempotency_key_reused"
    status = 422


class BadCode(DomainError):
    """A code has the wrong form or is not used any more."""

    code = "bad_code"


class BadLine(DomainError):
    """A line cannot be on this bill; `field` names it by its place from 0."""

    code = "bad_line"

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.field = f"line_items.{place}"


class Stale(Conflict):
    """Somebody else changed the draft since it was opened."""

    code = "stale"


class NotClaimable(Conflict):
    """Nothing can be claimed from an insurer for this bill."""

    code = "not_claimable"


class ClaimIncomplete(Conflict):
    """Boxes of the claim are empty that have to be filled in before it goes out."""

    code = "claim_incomplete"


class BadFee(DomainError):
    """A price cannot stand in the fee schedule; `field` is what has to change."""

    code = "bad_fee"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
