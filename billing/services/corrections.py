"""Give money back, change what is charged, write off, call bills off: always new entries."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing import permissions
from billing.errors import Locked
from billing.ledger import entries as ledger
from billing.models import Bill, LedgerEntry, PatientAccount
from billing.money import ZERO
from billing.services.claim_withdrawal import withdraw_live_claims
from billing.services.rows import check_amount, check_reason, find_repeated, lock, record, settle
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.audit.services import unit_of_work
from synapse.common.errors import DomainError
from synapse.common.transitions import advance

Status = Bill.Status
Kind = LedgerEntry.Kind
REVERSIBLE = frozenset(
    {
        Kind.DEBIT_ADJUSTMENT,
        Kind.CREDIT_ADJUSTMENT,
        Kind.WRITE_OFF,
        Kind.CREDIT_APPLIED,
        Kind.REFUND,
        Kind.CREDIT_REFUND,
    }
)


def refund_payment(
    bill: Bill, *, amount: Decimal, reason: str, by: User, at: datetime, method: str = "", key: UUID | None = None
) -> LedgerEntry:
    """Give money back, at most what was paid; without a method the way it came.

    All of it ends the bill as refunded and takes its charge back, part of it opens a paid bill again. The same key
    again returns the first refund. Raises BadAmount, Locked, KeyReused, and DomainError when nothing says how the
    money goes back.
    """
    permissions.check_can_give_back(by, bill)
    reason = check_reason(reason)
    with unit_of_work():
        lock(bill)
        repeated = find_repeated(key, kind=Kind.REFUND, amount=amount, currency=bill.currency, bill=bill)
        if repeated is not None:
            return repeated
        if bill.status not in (Status.PARTIALLY_PAID, Status.PAID, Status.OVERDUE) or not bill.paid_amount:
            raise Locked("There is no payment on this bill to give back.")
        amount = check_amount(amount, bill.paid_amount, bill.currency, limited_by="was paid")
        method = method or bill.payment_method
        if not method:
            raise DomainError("The bill was paid from credit: say how the money goes back.", code="method_missing")
        entry = ledger.add_entry(bill, Kind.REFUND, amount, by=by, at=at, key=key, reason=reason, method=method)
        if bill.paid_amount:
            settle(bill, at=at)
        else:
            _take_charge_back(bill, reason=reason, by=by, at=at)
            advance(bill, Status.REFUNDED, at=at, collection_status=Bill.Collection.NONE)
        record(bill, "refund", by=by, entry=str(entry.pk))
    return entry


def cancel_bill(bill: Bill, *, reason: str, by: User, at: datetime) -> Bill:
    """Call a bill off; a number it has stays taken. Raises Locked when money was paid on it: refund that first."""
    permissions.check_can_give_back(by, bill)
    reason = check_reason(reason)
    with unit_of_work():
        lock(bill)
        if bill.is_closed:
            raise Locked(f"This bill is {bill.get_status_display().lower()} already.")
        if bill.paid_amount:
            raise Locked("Money was paid on this bill. Refund it instead.")
        if bill.bill_number:
            _take_charge_back(bill, reason=reason, by=by, at=at)
        advance(
            bill,
            Status.CANCELLED,
            at=at,
            outstanding_amount=ZERO,
            cancelled_reason=reason,
            collection_status=Bill.Collection.NONE,
        )
        record(bill, "cancel", by=by)
    return bill


def adjust_bill(
    bill: Bill, *, amount: Decimal, reason: str, by: User, at: datetime, is_more: bool = False, key: UUID | None = None
) -> LedgerEntry:
    """Charge less on an issued bill, at most what is open, or more. Raises BadAmount, Locked and NotAllowed."""
    kind = Kind.DEBIT_ADJUSTMENT if is_more else Kind.CREDIT_ADJUSTMENT
    return _change_charge(bill, kind, amount=amount, reason=reason, by=by, at=at, key=key)


def write_off(
    bill: Bill, *, amount: Decimal, reason: str, by: User, at: datetime, key: UUID | None = None
) -> LedgerEntry:
    """Give up what is open on a bill, or part of it. Raises BadAmount, Locked and NotAllowed."""
    return _change_charge(bill, Kind.WRITE_OFF, amount=amount, reason=reason, by=by, at=at, key=key)


def reverse_entry(entry: LedgerEntry, *, reason: str, by: User, at: datetime) -> LedgerEntry:
    """Take back an adjustment, a write-off, a use or paying out of credit, or a refund that was recorded wrongly.

    Payments are taken back whole by `payments.reverse_payment`, charges by cancelling the bill. Raises Locked,
    NotAllowed and DomainError without a reason.
    """
    reason = check_reason(reason)
    if entry.kind not in REVERSIBLE:
        raise Locked("This entry is not taken back by itself.")
    permissions.check_can_take_back(by, entry, at=at)
    with unit_of_work():
        account = ledger.lock_account(entry.patient, entry.currency) if entry.kind in ledger.ON_CREDIT else None
        if entry.bill is not None:
            lock(entry.bill)
        if LedgerEntry.objects.filter(reverses=entry).exists():
            raise Locked("This entry was taken back before.")
        if entry.bill is not None:
            return _reverse_on_bill(entry.bill, entry, account=account, reason=reason, by=by, at=at)
        assert account is not None  # only credit has entries without a bill
        reversal = ledger.add_account_entry(
            account, Kind.REVERSAL, entry.amount, by=by, at=at, reverses=entry, reason=reason, method=entry.method
        )
        detail = {"verb": "reverse_credit", "entry": str(entry.pk)}
        audit.record(Action.UPDATE, by=by, target=entry.patient, patient_id=entry.patient_id, detail=detail)
    return reversal


def _reverse_on_bill(
    bill: Bill, entry: LedgerEntry, *, account: PatientAccount | None, reason: str, by: User, at: datetime
) -> LedgerEntry:
    if bill.is_closed:
        raise Locked("This bill is closed.")
    if ledger.on_bill(entry) > bill.outstanding_amount:
        raise Locked("Taking this back would leave less than nothing open on the bill.")
    if entry.kind == Kind.CREDIT_APPLIED and entry.amount > bill.paid_amount:
        raise Locked("Part of what was paid on this bill was refunded. This use of credit stays.")
    reversal = ledger.add_entry(
        bill,
        Kind.REVERSAL,
        entry.amount,
        by=by,
        at=at,
        account=account,
        reverses=entry,
        reason=reason,
        method=entry.method,
    )
    settle(bill, at=at)
    record(bill, "reverse", by=by, entry=str(entry.pk))
    return reversal


def _change_charge(
    bill: Bill, kind: Kind, *, amount: Decimal, reason: str, by: User, at: datetime, key: UUID | None
) -> LedgerEntry:
    permissions.check_can_give_back(by, bill)
    reason = check_reason(reason)
    with unit_of_work():
        lock(bill)
        repeated = find_repeated(key, kind=kind, amount=amount, currency=bill.currency, bill=bill)
        if repeated is not None:
            return repeated
        if bill.status in (Status.PENDING, Status.CANCELLED, Status.REFUNDED):
            raise Locked("Only an issued bill is adjusted or written off.")
        limit = amount if kind == Kind.DEBIT_ADJUSTMENT else bill.outstanding_amount
        amount = check_amount(amount, limit, bill.currency)
        entry = ledger.add_entry(bill, kind, amount, by=by, at=at, key=key, reason=reason)
        settle(bill, at=at)
        record(bill, kind.value, by=by, entry=str(entry.pk))
    return entry


def _take_charge_back(bill: Bill, *, reason: str, by: User, at: datetime) -> None:
    """Reverse every entry that makes up what is charged, so that nothing is open or claimed."""
    withdraw_live_claims(bill, by=by, at=at)
    for entry in ledger.standing_entries(bill):
        if entry.kind not in ledger.PAYING:
            ledger.add_entry(bill, Kind.REVERSAL, entry.amount, by=by, at=at, reverses=entry, reason=reason)
