"""Take what an insurer pays for a claim, and leave the rest to whom it belongs."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing import permissions
from billing.errors import BadAmount, KeyReused, TooMuch
from billing.ledger import entries as ledger
from billing.ledger import owing
from billing.models import Bill, Claim, Method, Payment
from billing.money import ZERO, round_money
from billing.services import corrections, payments
from billing.services.claim_reopening import split_of
from billing.services.claims import record
from billing.services.rows import lock
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict, InvalidTransition
from synapse.common.transitions import advance

Status = Claim.Status


def mark_paid(
    claim: Claim,
    *,
    amount: Decimal,
    by: User,
    at: datetime,
    contractual: Decimal = ZERO,
    reference: str = "",
    key: UUID | None = None,
) -> Claim:
    """Take the insurer's answer: what it pays, and by contract nobody pays (`contractual`); the rest is the patient's.

    An amount of nothing is an answer too: all of it went to the deductible. What is more than the bill has open becomes
    the patient's credit. `key` becomes the payment's id, so the same answer twice counts once. Raises BadAmount,
    InvalidTransition, NotAllowed when this person may not adjust bills, KeyReused.
    """
    permissions.check_can_work_with_bills(by)
    bill = claim.bill
    with unit_of_work():
        ledger.lock_account(bill.patient.kept_record, bill.currency)
        lock(bill)
        claim.refresh_from_db(from_queryset=Claim.objects.select_for_update())
        claim.bill = bill
        if claim.status == Status.PAID and _is_repeated(claim, key, amount):
            return claim
        if Status.PAID not in Claim.TRANSITIONS[Status(claim.status)]:
            words = claim.get_status_display().lower()
            raise InvalidTransition(f"This claim is {words}. An insurer pays one that was sent.")
        if bill.status in (Bill.Status.CANCELLED, Bill.Status.REFUNDED):
            raise Conflict(f"This bill is {bill.get_status_display().lower()}. It takes no payment.")
        if key and Payment.objects.filter(pk=key).exists():
            raise KeyReused("This answer was taken back. Open the page again to record another one.")
        _check(bill, amount, contractual)
        payment, before = None, split_of(bill)
        if amount:
            shares = [payments.Share(bill, amount)] if bill.outstanding_amount else []
            payment = payments.take_payment(
                bill.patient.kept_record,
                amount=amount,
                shares=shares,
                method=Method.INSURANCE,
                currency=bill.currency,
                by=by,
                at=at,
                reference=reference,
                key=key,
                keep_rest_as_credit=True,
                insurer=claim.payer,
            )
            lock(bill)
        if contractual:
            corrections.adjust_bill(
                bill, amount=contractual, reason=f"Agreed with the insurer, claim {claim.control_number}", by=by, at=at
            )
        advance(claim, Status.PAID, at=at, paid_at=at, payment=payment, split_before=before)
        _leave_rest_to_patient(bill)
        record(claim, "pay", by=by, payment=payment.receipt_number if payment else "none")
    return claim


def _check(bill: Bill, amount: Decimal, contractual: Decimal) -> None:
    for figure in (amount, contractual):
        if figure < ZERO:
            raise BadAmount("Enter an amount of nothing or more.")
        if round_money(figure, bill.currency) != figure:
            raise BadAmount("The amount has more decimal places than the currency.")
    if contractual and contractual > bill.outstanding_amount - min(amount, bill.outstanding_amount):
        raise TooMuch("The agreed reduction is more than the payment leaves open.")


def _is_repeated(claim: Claim, key: UUID | None, amount: Decimal) -> bool:
    """Tell whether the same answer came again. Raises KeyReused when its key stands for another payment."""
    if claim.payment is None:
        return not amount
    if key is None or claim.payment_id != key:
        return False
    if claim.payment.amount != amount:
        raise KeyReused("This request was used for another payment. Open the page again.")
    return True


def _leave_rest_to_patient(bill: Bill) -> None:
    """Let the split follow the insurer's answer: what the patient paid or owes is theirs, the rest is covered."""
    split = owing.split_one(bill)
    theirs = max(ZERO, min(bill.total_amount, split.patient_paid + split.patient_owes))
    bill.patient_responsibility = theirs
    bill.insurance_covered_amount = bill.total_amount - theirs
    if bill.copay_amount is not None:
        bill.copay_amount = min(bill.copay_amount, theirs)
    if bill.deductible_amount is not None:
        bill.deductible_amount = min(bill.deductible_amount, theirs - (bill.copay_amount or ZERO))
    bill.save(update_fields=["patient_responsibility", "insurance_covered_amount", "copay_amount", "deductible_amount"])
