"""Take money, spread it over bills, keep what is left as credit, and take back what was mistyped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

from billing import permissions
from billing.errors import BadAmount, KeyReused, Locked, TooMuch
from billing.ledger import entries as ledger
from billing.models import Bill, LedgerEntry, Method, PatientAccount, Payer, Payment
from billing.money import ZERO, round_money
from billing.services.claim_reopening import reopen_claims
from billing.services.claim_settling import payer_of_waiting, settle_waiting
from billing.services.issuing import issue_locked
from billing.services.rows import check_amount, check_reason, find_repeated, lock, note_last_payment, record, settle
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.audit.services import unit_of_work
from synapse.common.numbering import next_receipt_number

Kind = LedgerEntry.Kind
PaidBy = Payment.PaidBy


@dataclass(frozen=True)
class Share:
    """What of a payment goes to one bill."""

    bill: Bill
    amount: Decimal


def record_payment(
    bill: Bill,
    *,
    amount: Decimal,
    method: str,
    by: User | None,
    at: datetime,
    reference: str = "",
    key: UUID | None = None,
    keep_rest_as_credit: bool = False,
    insurer: Payer | None = None,
) -> Payment:
    """Take a payment of one bill and issue it when needed.

    More than is open is refused, unless the rest is to be kept as the patient's credit. `key` becomes the payment's
    id: the same key again returns the first payment, so a repeated form pays once. Raises BadAmount, Locked,
    KeyReused and NotIssuable.
    """
    return take_payment(
        bill.patient.kept_record,
        amount=amount,
        shares=[Share(bill, amount)],
        method=method,
        by=by,
        at=at,
        reference=reference,
        key=key,
        keep_rest_as_credit=keep_rest_as_credit,
        insurer=insurer,
    )


def take_payment(
    patient: Patient,
    *,
    amount: Decimal,
    shares: Sequence[Share],
    method: str,
    by: User | None,
    at: datetime,
    currency: str = "",
    reference: str = "",
    key: UUID | None = None,
    keep_rest_as_credit: bool = False,
    insurer: Payer | None = None,
) -> Payment:
    """Take one payment of a patient for any number of their bills; what no bill takes is kept as credit if wanted.

    A share above what is open on its bill leaves the difference over. Draft bills are issued first. `by` is None when
    a payment provider reports it. The receipt and the credit are the kept record's. An insurer's payment settles its
    claims that wait for an answer about these bills. Raises BadAmount when the shares are more than the payment or
    something is left over unasked, Locked when a bill takes no payment, KeyReused, NotIssuable, and DomainError when
    the claims of several insurers wait and none is named.
    """
    if by is not None:
        permissions.check_can_work_with_bills(by)
    patient = patient.kept_record
    currency = currency or (shares[0].bill.currency if shares else ClinicSettings.load().currency)
    with unit_of_work():
        account = ledger.lock_account(patient, currency)
        repeated = Payment.objects.filter(pk=key).first() if key else None
        if repeated is not None:
            _check_same(repeated, patient=patient, amount=amount, method=method, bills=[each.bill for each in shares])
            return repeated
        amount = check_amount(amount, limit=amount, currency=currency)
        if sum((each.amount for each in shares), ZERO) > amount:
            raise BadAmount("The bills take more than was paid.")
        booked_on = ClinicSettings.load().date_of(at)
        payment = Payment(
            id=key or uuid4(),
            receipt_number=next_receipt_number(booked_on),
            patient=patient,
            currency=currency,
            amount=amount,
            method=method,
            paid_by=PaidBy.INSURER if insurer or method == Method.INSURANCE else PaidBy.PATIENT,
            insurer=insurer,
            reference=reference.strip(),
            at=at,
            booked_on=booked_on,
            by=by,
        )
        takes = _prepare_shares(shares, patient=patient, currency=currency, by=by, at=at)
        paid = [each.bill for each in takes]
        if payment.paid_by == PaidBy.INSURER and insurer is None:
            payment.insurer = payer_of_waiting(paid)
        rest = amount - sum((each.amount for each in takes), ZERO)
        if rest and not keep_rest_as_credit:
            raise TooMuch("The amount is more than is open.")
        payment.save(force_insert=True)
        for each in takes:
            _pay(each.bill, each.amount, payment=payment, by=by, at=at)
        if payment.insurer is not None:
            settle_waiting(paid, payment, by=by, at=at)
        if rest:
            ledger.add_account_entry(
                account, Kind.OVERPAYMENT, rest, by=by, at=at, payment=payment, method=method, reference=reference
            )
            _record_credit(payment.patient, "keep_credit", by=by, payment=payment.receipt_number)
    return payment


def apply_credit(bill: Bill, *, amount: Decimal, by: User, at: datetime, key: UUID | None = None) -> LedgerEntry:
    """Pay a bill from the person's credit, that of the kept record first; return the first entry.

    Raises BadAmount, Locked, KeyReused and NotIssuable.
    """
    permissions.check_can_work_with_bills(by)
    with unit_of_work():
        accounts = ledger.lock_accounts(bill.patient, bill.currency)
        lock(bill)
        repeated = find_repeated(key, kind=Kind.CREDIT_APPLIED, amount=amount, currency=bill.currency, bill=bill)
        if repeated is not None:
            return repeated
        check_takes_payment(bill)
        issue_locked(bill, by=by, at=at)
        credit = sum((account.credit for account in accounts), ZERO)
        amount = check_amount(amount, limit=min(bill.outstanding_amount, credit), currency=bill.currency)
        first: LedgerEntry | None = None
        for account, part in _draw(accounts, amount):
            entry = ledger.add_entry(
                bill, Kind.CREDIT_APPLIED, part, by=by, at=at, key=None if first else key, account=account
            )
            first = first or entry
        assert first is not None  # an amount above zero was drawn
        settle(bill, at=at)
        record(bill, "apply_credit", by=by, entry=str(first.pk))
    return first


def pay_out_credit(
    account: PatientAccount,
    *,
    amount: Decimal,
    method: str,
    reason: str,
    by: User,
    at: datetime,
    key: UUID | None = None,
) -> LedgerEntry:
    """Give a person their credit back, that of any of their records; return the first entry.

    Raises BadAmount, NotAllowed, KeyReused, and DomainError without a reason.
    """
    permissions.check_can_pay_out(by)
    reason = check_reason(reason)
    patient, currency = account.patient, account.currency
    with unit_of_work():
        accounts = ledger.lock_accounts(patient, currency)
        repeated = find_repeated(
            key, kind=Kind.CREDIT_REFUND, amount=amount, currency=currency, patient_id=patient.kept_id
        )
        if repeated is not None:
            return repeated
        credit = sum((each.credit for each in accounts), ZERO)
        amount = check_amount(amount, limit=credit, currency=currency, limited_by="the credit")
        first: LedgerEntry | None = None
        for each, part in _draw(accounts, amount):
            entry = ledger.add_account_entry(
                each,
                Kind.CREDIT_REFUND,
                part,
                by=by,
                at=at,
                key=None if first else key,
                method=method,
                reason=reason,
            )
            first = first or entry
        assert first is not None  # an amount above zero was drawn
        _record_credit(patient, "pay_out_credit", by=by, entry=str(first.pk))
    return first


def reverse_payment(payment: Payment, *, reason: str, by: User, at: datetime) -> None:
    """Take back a payment that was recorded wrongly: its bills are open again, its credit is gone.

    The claims it settled wait for their answer again. No money goes out; that is a refund. Whoever recorded it may on the
    same day, see `permissions.check_can_reverse`. Raises NotAllowed, Locked when it was taken back before or its credit
    was used, and DomainError without a reason.
    """
    reason = check_reason(reason)
    with unit_of_work():
        account = ledger.lock_account(payment.patient, payment.currency)
        standing = list(
            payment.entries.filter(reverses__isnull=True, reversed_by__isnull=True)
            .select_related("bill__patient", "bill__doctor")
            .order_by("bill_id")
        )
        if not standing:
            raise Locked("This payment was taken back before.")
        permissions.check_can_reverse(by, payment, [entry.bill for entry in standing if entry.bill], at=at)
        for entry in standing:
            if entry.bill is None:
                if account.credit < entry.amount:
                    raise Locked("What was kept as credit is used. Take that back first.")
                ledger.add_account_entry(
                    account,
                    Kind.REVERSAL,
                    entry.amount,
                    by=by,
                    at=at,
                    payment=payment,
                    reverses=entry,
                    reason=reason,
                    method=entry.method,
                )
                _record_credit(payment.patient, "reverse_credit", by=by, payment=payment.receipt_number)
                continue
            bill = entry.bill
            lock(bill)
            if bill.is_closed:
                raise Locked(f"The bill {bill.bill_number} is closed. Its payments stay.")
            if bill.paid_amount < entry.amount:
                raise Locked(f"Part of this payment of {bill.bill_number} was refunded. It stays.")
            ledger.add_entry(
                bill,
                Kind.REVERSAL,
                entry.amount,
                by=by,
                at=at,
                payment=payment,
                reverses=entry,
                reason=reason,
                method=entry.method,
            )
            note_last_payment(bill, by=by)
            settle(bill, at=at)
            record(bill, "reverse_payment", by=by, payment=payment.receipt_number)
        if payment.insurer_id is not None:
            reopen_claims(payment, reason=reason, by=by, at=at)


def _prepare_shares(
    shares: Sequence[Share], *, patient: Patient, currency: str, by: User | None, at: datetime
) -> list[Share]:
    """Lock the bills in the order of their ids, issue them, and cut each share to what is open."""
    takes = []
    if len({share.bill.pk for share in shares}) < len(shares):
        raise BadAmount("A bill is named twice. Give it one amount.")
    for share in sorted(shares, key=lambda share: share.bill.pk):
        bill = share.bill
        lock(bill)
        if bill.currency != currency or bill.patient.kept_id != patient.kept_id:
            raise BadAmount("One payment pays the bills of one patient in one currency.")
        check_takes_payment(bill)
        issue_locked(bill, by=by, at=at)
        if round_money(share.amount, currency) != share.amount or share.amount <= ZERO:
            raise BadAmount("Enter an amount above zero, with the decimal places of the currency.")
        amount = min(share.amount, bill.outstanding_amount)
        if amount:
            takes.append(Share(bill, amount))
    return takes


def _pay(bill: Bill, amount: Decimal, *, payment: Payment, by: User | None, at: datetime) -> None:
    ledger.add_entry(
        bill,
        Kind.PAYMENT,
        amount,
        by=by,
        at=at,
        payment=payment,
        method=payment.method,
        reference=payment.reference,
    )
    note_last_payment(bill, by=by)
    settle(bill, at=at)
    record(bill, "payment", by=by, payment=payment.receipt_number)


def _draw(accounts: Sequence[PatientAccount], amount: Decimal) -> list[tuple[PatientAccount, Decimal]]:
    """Return what each account gives towards an amount, in their order."""
    drawn = []
    for account in accounts:
        part = min(amount, account.credit)
        if part > ZERO:
            drawn.append((account, part))
            amount -= part
    return drawn


def _record_credit(patient: Patient, verb: str, *, by: User | None, **detail: str) -> None:
    audit.record(Action.UPDATE, by=by, target=patient, patient_id=patient.pk, detail={"verb": verb, **detail})


def check_takes_payment(bill: Bill) -> None:
    """Raise Locked, in words, for a bill that is paid, closed or written off."""
    if bill.collection_status == Bill.Collection.WRITTEN_OFF:
        raise Locked(
            "This bill was written off. Ask its doctor or an administrator to take that back, then record the payment; "
            "until then the money can be kept as credit."
        )
    if not bill.is_open:
        raise Locked(f"This bill is {bill.get_status_display().lower()}. It takes no payment.")


def _check_same(payment: Payment, *, patient: Patient, amount: Decimal, method: str, bills: Sequence[Bill]) -> None:
    """Raise KeyReused unless the repeated request asks for what the first one did."""
    asked = (patient.kept_id, amount, method)
    paid = {entry.bill_id for entry in payment.entries.all() if entry.bill_id}
    if asked != (payment.patient.kept_id, payment.amount, payment.method) or paid - {bill.pk for bill in bills}:
        raise KeyReused("This request was used for another payment. Open the page again.")
