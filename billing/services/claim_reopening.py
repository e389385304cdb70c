"""Let a claim wait for its answer again when the one that settled it is taken back."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from billing import permissions
from billing.errors import Locked
from billing.ledger import entries as ledger
from billing.models import Bill, Claim, LedgerEntry, Payment
from billing.services.claim_settling import SPLIT
from billing.services.claim_withdrawal import withdraw_live_claims
from billing.services.rows import check_reason, lock, settle
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import InvalidTransition
from synapse.common.transitions import advance

Kind = LedgerEntry.Kind
Status = Claim.Status


def reopen_claims(payment: Payment, *, reason: str, by: User, at: datetime) -> None:
    """Take back what a payment settled: its claims wait again, the agreed reduction and the split go with it.

    The claim of a bill that was closed since is withdrawn, as it is when a bill is closed. The caller has the unit of
    work open, holds the account's lock and has reversed the payment's entries. Raises NotAllowed when this person may
    not take the reduction back.
    """
    for claim in payment.claims.select_related("bill").order_by("bill_id"):
        _reopen(
            claim,
            reason=reason,
            by=by,
            at=at,
            detail={"because": "payment_reversed", "payment": payment.receipt_number},
        )


def take_back_answer(claim: Claim, *, reason: str, by: User, at: datetime) -> Claim:
    """Take back that the insurer answered a claim with nothing: it waits again, on the split from before.

    An answer with money is taken back by `payments.reverse_payment`. Raises InvalidTransition, Locked when the bill is
    closed, NotAllowed when this person may not take the agreed reduction back, DomainError without a reason.
    """
    permissions.check_can_work_with_bills(by)
    reason = check_reason(reason)
    with audit.unit_of_work():
        lock(claim.bill)
        if claim.bill.is_closed:
            raise Locked("This bill is closed: its claim waits for nothing any more.")
        _reopen(claim, reason=reason, by=by, at=at, detail={"because": "by_hand"}, only=Status.TO_PATIENT)
    return claim


def _reopen(
    claim: Claim, *, reason: str, by: User, at: datetime, detail: dict[str, str], only: str = Status.PAID
) -> None:
    bill = claim.bill
    lock(bill)
    claim.refresh_from_db(from_queryset=Claim.objects.select_for_update())
    claim.bill = bill
    if claim.status != only:
        raise InvalidTransition("This claim has no such answer any more. Open it again.")
    for entry in _agreed(bill, claim):
        permissions.check_can_take_back(by, entry, at=at)
        ledger.add_entry(bill, Kind.REVERSAL, entry.amount, by=by, at=at, reverses=entry, reason=reason)
    _put_split_back(bill, claim.split_before)
    settle(bill, at=at)
    before = Status.ACCEPTED if claim.accepted_at else Status.SENT
    advance(claim, before, at=at, paid_at=None, payment=None, split_before={})
    audit.record(Action.UPDATE, by=by, target=claim, patient_id=bill.patient_id, detail={"verb": "reopen", **detail})
    if bill.is_closed:
        withdraw_live_claims(bill, by=by, at=at)


def _agreed(bill: Bill, claim: Claim) -> list[LedgerEntry]:
    """Return the reduction that was written with the insurer's answer, at its very moment."""
    return [
        entry
        for entry in ledger.standing_entries(bill)
        if entry.kind == Kind.CREDIT_ADJUSTMENT and entry.at == claim.paid_at
    ]


def _put_split_back(bill: Bill, split: dict[str, Any]) -> None:
    if not split:
        return
    for name in SPLIT:
        setattr(bill, name, None if split[name] is None else Decimal(split[name]))
    bill.save(update_fields=SPLIT)
