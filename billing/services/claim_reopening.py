"""Let a claim follow when the insurer's payment that settled it is taken back: it waits for its answer again."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from billing import permissions
from billing.ledger import entries as ledger
from billing.models import Bill, Claim, LedgerEntry, Payment
from billing.services.rows import lock, settle
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.transitions import advance

Kind = LedgerEntry.Kind
Status = Claim.Status
# What the insurer's answer changes on a bill.
SPLIT = ("insurance_covered_amount", "patient_responsibility", "copay_amount", "deductible_amount")


def split_of(bill: Bill) -> dict[str, str | None]:
    """Return who bears what of a bill, as a claim keeps it."""
    amounts: dict[str, Decimal | None] = {name: getattr(bill, name) for name in SPLIT}
    return {name: None if amount is None else str(amount) for name, amount in amounts.items()}


def reopen_claim(payment: Payment, *, reason: str, by: User, at: datetime) -> Claim | None:
    """Take back what a payment settled: its claim waits again, the agreed reduction and the split go with it.

    The caller has the unit of work open, holds the account's lock and has reversed the payment's entries. Raises
    NotAllowed when this person may not take the reduction back.
    """
    claim = Claim.objects.filter(payment=payment).select_related("bill").first()
    if claim is None:
        return None
    bill = claim.bill
    lock(bill)
    claim.refresh_from_db(from_queryset=Claim.objects.select_for_update())
    claim.bill = bill
    for entry in _agreed(bill, claim):
        permissions.check_can_take_back(by, entry, at=at)
        ledger.add_entry(bill, Kind.REVERSAL, entry.amount, by=by, at=at, reverses=entry, reason=reason)
    _put_split_back(bill, claim.split_before)
    settle(bill, at=at)
    before = Status.ACCEPTED if claim.accepted_at else Status.SENT
    advance(claim, before, at=at, paid_at=None, payment=None, split_before={})
    detail = {"verb": "reopen", "because": "payment_reversed", "payment": payment.receipt_number}
    audit.record(Action.UPDATE, by=by, target=claim, patient_id=bill.patient_id, detail=detail)
    return claim


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
