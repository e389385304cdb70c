"""Take what an insurer pays for a claim, and leave the rest to whom it belongs."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing import permissions
from billing.errors import BadAmount, KeyReused, TooMuch
from billing.ledger import entries as ledger
from billing.models import Bill, Claim, Method, Payment
from billing.money import ZERO, round_money
from billing.services import corrections, payments
from billing.services.claim_settling import leave_rest_to_patient, settle_claim
from billing.services.rows import lock
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict, InvalidTransition

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

    An amount of nothing is an answer too: all of it went to the deductible, and the claim ends as left to the patient.
    A refusal is `claims.mark_denied`. What is more than the bill has open becomes the patient's credit. `key` becomes
    the payment's id, so the same answer twice counts once. Raises BadAmount, InvalidTransition, NotAllowed when this
    person may not adjust bills, KeyReused.
    """
    permissions.check_can_work_with_bills(by)
    bill = claim.bill
    with unit_of_work():
        ledger.lock_account(bill.patient.kept_record, bill.currency)
        lock(bill)
        claim.refresh_from_db(from_queryset=Claim.objects.select_for_update())
        claim.bill = bill
        if claim.status in (Status.PAID, Status.TO_PATIENT) and _is_repeated(claim, key, amount):
            return claim
        _check_can_be_answered(claim, key)
        _check(bill, amount, contractual)
        payment = _take(claim, amount, by=by, at=at, reference=reference, key=key) if amount else None
        if claim.status in Claim.WAITING:  # nothing came, or the bill took none of it
            settle_claim(claim, payment, by=by, at=at)
        if contractual:
            corrections.adjust_bill(
                bill, amount=contractual, reason=f"Agreed with the insurer, claim {claim.control_number}", by=by, at=at
            )
            leave_rest_to_patient(bill, is_deductible=payment is None)
    return claim


def _check_can_be_answered(claim: Claim, key: UUID | None) -> None:
    """Raise InvalidTransition, Conflict or KeyReused unless the claim waits, its bill is open and the form is a new one."""
    bill = claim.bill
    if claim.status not in Claim.WAITING:
        words = claim.get_status_display().lower()
        raise InvalidTransition(f"This claim is {words}. An insurer pays one that was sent.")
    if bill.is_closed:
        raise Conflict(f"This bill is {bill.get_status_display().lower()}. It takes no payment.")
    if key and Payment.objects.filter(pk=key).exists():
        raise KeyReused("This answer was taken back. Open the page again to record another one.")


def _take(claim: Claim, amount: Decimal, *, by: User, at: datetime, reference: str, key: UUID | None) -> Payment:
    """Take the money; what is open of the bill settles the claim with it. Bill and claim are read again."""
    bill = claim.bill
    payment = payments.take_payment(
        bill.patient.kept_record,
        amount=amount,
        shares=[payments.Share(bill, amount)] if bill.outstanding_amount else [],
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
    claim.refresh_from_db()
    claim.bill = bill
    return payment


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
