"""Let a claim follow the insurer's answer: it is settled, and what the insurer leaves of the bill is the patient's."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from billing.ledger import owing
from billing.models import Bill, Claim, Payer, Payment
from billing.money import ZERO
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import DomainError
from synapse.common.transitions import advance

Status = Claim.Status
# What the insurer's answer changes on a bill.
SPLIT = ("insurance_covered_amount", "patient_responsibility", "copay_amount", "deductible_amount")


def waiting_claims(bills: Collection[Bill]) -> QuerySet[Claim]:
    """Return the claims of these bills that wait for the insurer's answer."""
    return Claim.objects.filter(bill__in=bills, status__in=Claim.WAITING).select_related("payer").order_by("pk")


def payer_of_waiting(bills: Collection[Bill]) -> Payer | None:
    """Return the insurer that owes an answer about these bills; None where none does.

    Raises DomainError when several do, so that it has to be said which one paid.
    """
    payers = {claim.payer for claim in waiting_claims(bills)}
    if len(payers) > 1:
        raise DomainError(
            "Claims at several insurers wait for these bills. Say which one paid.", code="insurer_missing"
        )
    return payers.pop() if payers else None


def settle_waiting(bills: Collection[Bill], payment: Payment, *, by: User | None, at: datetime) -> None:
    """Settle what waits of these bills at the insurer a payment came from. The caller holds the bills' row locks."""
    of_insurer = waiting_claims(bills).filter(payer=payment.insurer)
    by_key = {bill.pk: bill for bill in bills}
    for claim in of_insurer.select_for_update(of=("self",)):
        claim.bill = by_key[claim.bill_id]
        settle_claim(claim, payment, by=by, at=at)


def settle_claim(claim: Claim, payment: Payment | None, *, by: User | None, at: datetime) -> None:
    """Note the insurer's answer: a payment, or nothing. The caller holds the locks of the bill's row and the claim's."""
    to = Status.TO_PATIENT if payment is None else Status.PAID
    advance(claim, to, at=at, paid_at=at, payment=payment, split_before=split_of(claim.bill))
    leave_rest_to_patient(claim.bill, is_deductible=payment is None)
    detail = {"verb": "pay", "payment": payment.receipt_number if payment else "none"}
    audit.record(Action.UPDATE, by=by, target=claim, patient_id=claim.bill.patient_id, detail=detail)


def leave_rest_to_patient(bill: Bill, *, is_deductible: bool) -> None:
    """Let the split follow the insurer's answer: what the patient paid or owes is theirs, the rest is covered.

    `is_deductible` says that the insurer paid nothing: what is theirs beyond the copay is the deductible then.
    """
    split = owing.split_one(bill)
    theirs = max(ZERO, min(bill.total_amount, split.patient_paid + split.patient_owes))
    bill.patient_responsibility = theirs
    bill.insurance_covered_amount = bill.total_amount - theirs
    if bill.copay_amount is not None:
        bill.copay_amount = min(bill.copay_amount, theirs)
    beyond_copay = theirs - (bill.copay_amount or ZERO)
    if is_deductible:
        bill.deductible_amount = beyond_copay
    elif bill.deductible_amount is not None:
        bill.deductible_amount = min(bill.deductible_amount, beyond_copay)
    bill.save(update_fields=SPLIT)


def split_of(bill: Bill) -> dict[str, str | None]:
    """Return who bears what of a bill, as a claim keeps it."""
    amounts: dict[str, Decimal | None] = {name: getattr(bill, name) for name in SPLIT}
    return {name: None if amount is None else str(amount) for name, amount in amounts.items()}
