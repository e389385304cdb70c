"""The ledger: entries that are never changed, and the sums that follow from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Case, IntegerField, QuerySet, When

from billing.errors import BadAmount
from billing.models import Bill, LedgerEntry, LedgerMonth, Method, PatientAccount, Payment
from billing.money import LARGEST_TOTAL, ZERO
from billing.reminders.collection import resting_state
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User

Kind = LedgerEntry.Kind
Status = Bill.Status
Collection = Bill.Collection

# What an entry does to what is open on its bill, and to the patient's credit. A reversal does the opposite of the entry
# it reverses.
ON_BILL: dict[str, int] = {
    Kind.CHARGE: 1,
    Kind.DEBIT_ADJUSTMENT: 1,
    Kind.CREDIT_ADJUSTMENT: -1,
    Kind.WRITE_OFF: -1,
    Kind.PAYMENT: -1,
    Kind.CREDIT_APPLIED: -1,
    Kind.REFUND: 1,
}
ON_CREDIT: dict[str, int] = {Kind.OVERPAYMENT: 1, Kind.CREDIT_APPLIED: -1, Kind.CREDIT_REFUND: -1}
# The column of the month an entry counts in, and its sign there.
IN_MONTH: dict[str, tuple[str, int]] = {
    Kind.CHARGE: ("charged", 1),
    Kind.DEBIT_ADJUSTMENT: ("adjusted", 1),
    Kind.CREDIT_ADJUSTMENT: ("adjusted", -1),
    Kind.WRITE_OFF: ("written_off", 1),
    Kind.PAYMENT: ("received", 1),
    Kind.OVERPAYMENT: ("received", 1),
    Kind.REFUND: ("refunded", 1),
    Kind.CREDIT_REFUND: ("refunded", 1),
    Kind.CREDIT_APPLIED: ("credit_applied", 1),
}
MONTH_COLUMNS = ("charged", "adjusted", "written_off", "received", "refunded", "credit_applied")
# Entries that make a payment's or a credit's share of a bill; the others make up what is charged.
PAYING = frozenset({Kind.PAYMENT, Kind.CREDIT_APPLIED, Kind.REFUND})


@dataclass(frozen=True)
class Balance:
    """What the entries of a bill add up to: charged with its adjustments, less what was written off; paid."""

    charged: Decimal
    written_off: Decimal
    paid: Decimal

    @property
    def outstanding(self) -> Decimal:
        return self.charged - self.written_off - self.paid


@dataclass(frozen=True)
class MonthKey:
    """The row of a month an entry counts in."""

    period: str
    currency: str
    doctor_id: UUID | None
    bill_type: str
    paid_by: str


def kind_and_sign(entry: LedgerEntry) -> tuple[str, int]:
    """Return what an entry is about and its direction: of a reversal, the reversed entry's kind and -1."""
    if entry.reverses is not None:
        return entry.reverses.kind, -1
    return entry.kind, 1


def on_bill(entry: LedgerEntry) -> Decimal:
    """Return what an entry adds to what is open on its bill."""
    kind, sign = kind_and_sign(entry)
    return entry.amount * ON_BILL.get(kind, 0) * sign


def on_credit(entry: LedgerEntry) -> Decimal:
    """Return what an entry adds to its patient's credit."""
    kind, sign = kind_and_sign(entry)
    return entry.amount * ON_CREDIT.get(kind, 0) * sign


def add_up_entries(entries: Iterable[LedgerEntry]) -> Balance:
    """Return the balance of one bill's entries."""
    charged = written_off = paid = ZERO
    for entry in entries:
        kind, _ = kind_and_sign(entry)
        if kind in PAYING:
            paid -= on_bill(entry)
        elif kind == Kind.WRITE_OFF:
            written_off -= on_bill(entry)
        else:
            charged += on_bill(entry)
    return Balance(charged, written_off, paid)


def entries_of(bill: Bill) -> list[LedgerEntry]:
    """Return the entries of a bill with what they reverse, the first one first."""
    return list(bill.ledger_entries.select_related("reverses").order_by("position"))


def standing_entries(bill: Bill) -> list[LedgerEntry]:
    """Return the entries of a bill that no later one reverses and that reverse none."""
    return list(bill.ledger_entries.filter(reverses__isnull=True, reversed_by__isnull=True).order_by("position"))


def status_of(bill: Bill, balance: Balance, *, today: date) -> str:
    """Return the status an issued bill has by its ledger and the clinic's date.

    Cancelled and refunded bills stay what they are: they are closed by a decision. A bill without an open amount is
    settled, also when part of it was written off.
    """
    if bill.status in (Status.CANCELLED, Status.REFUNDED, Status.PENDING):
        return str(bill.status)
    if balance.outstanding <= ZERO:
        return Status.PAID
    if bill.due_date is not None and bill.due_date < today:
        return Status.OVERDUE
    return Status.PARTIALLY_PAID if balance.paid > ZERO else Status.SENT


def collection_of(bill: Bill, balance: Balance) -> str:
    """Return the collection status a bill has by its ledger: what is not settled keeps the one it has."""
    if balance.outstanding <= ZERO:
        return Collection.WRITTEN_OFF if balance.written_off > ZERO else Collection.NONE
    if bill.collection_status == Collection.WRITTEN_OFF:
        return resting_state(bill)
    return str(bill.collection_status)


def accounts_of(patient: Patient) -> QuerySet[PatientAccount]:
    """Return the accounts of a person: those of every record merged into one, the kept one's first."""
    is_own = Case(When(patient=patient.kept_id, then=0), default=1, output_field=IntegerField())
    return PatientAccount.objects.filter(patient__in=patient.records()).order_by(is_own, "pk")


def credit_of(patient: Patient, currency: str) -> Decimal:
    """Return what a person has to their credit, on whichever of their records it was kept."""
    return sum((account.credit for account in accounts_of(patient).filter(currency=currency)), ZERO)


def lock_accounts(patient: Patient, currency: str) -> list[PatientAccount]:
    """Return the accounts of a person, the kept record's first, all rows held until the transaction ends.

    Take them before any bill's row. They are locked in the order of their keys.
    """
    lock_account(patient.kept_record, currency)
    of_person = PatientAccount.objects.filter(patient__in=patient.records(), currency=currency)
    locked = list(of_person.select_for_update(of=("self",)).select_related("patient").order_by("pk"))
    return sorted(locked, key=lambda account: account.patient_id != patient.kept_id)


def lock_account(patient: Patient, currency: str) -> PatientAccount:
    """Return the account of a patient, its row held until the transaction ends; take it before any bill's row."""
    PatientAccount.objects.get_or_create(patient=patient, currency=currency, defaults={"credit": ZERO})
    return PatientAccount.objects.select_for_update().get(patient=patient, currency=currency)


def add_entry(
    bill: Bill,
    kind: str,
    amount: Decimal,
    *,
    by: User | None,
    at: datetime,
    key: UUID | None = None,
    account: PatientAccount | None = None,
    payment: Payment | None = None,
    reverses: LedgerEntry | None = None,
    method: str = "",
    reference: str = "",
    reason: str = "",
) -> LedgerEntry:
    """Write an entry of a bill and let the bill, the credit and the month follow.

    The caller holds the bill's row lock, and the account's when the entry moves credit: pass it then. Raises BadAmount
    when a sum becomes more than its column holds.
    """
    entry = LedgerEntry(
        id=key or uuid4(),
        patient=account.patient if account else bill.patient,
        currency=bill.currency,
        bill=bill,
        position=bill.ledger_entries.count() + 1,
        kind=kind,
        reverses=reverses,
        payment=payment,
        amount=amount,
        method=method,
        reference=reference,
        reason=reason,
        at=at,
        booked_on=ClinicSettings.load().date_of(at),
        by=by,
    )
    entry.save(force_insert=True)
    balance = add_up_entries(entries_of(bill))
    if max(balance.paid, balance.outstanding) > LARGEST_TOTAL:
        raise BadAmount("The bill comes to more than it can hold.")
    bill.paid_amount = balance.paid
    bill.outstanding_amount = balance.outstanding
    bill.save(update_fields=["paid_amount", "outstanding_amount"])
    _move_credit(entry, account)
    _add_to_month(entry, bill)
    return entry


def add_account_entry(
    account: PatientAccount,
    kind: str,
    amount: Decimal,
    *,
    by: User | None,
    at: datetime,
    key: UUID | None = None,
    payment: Payment | None = None,
    reverses: LedgerEntry | None = None,
    method: str = "",
    reference: str = "",
    reason: str = "",
) -> LedgerEntry:
    """Write an entry of a patient's credit that is on no bill. The caller holds the account's row lock.

    Raises BadAmount when the credit becomes more than it can hold.
    """
    own = LedgerEntry.objects.filter(patient=account.patient, currency=account.currency, bill__isnull=True)
    entry = LedgerEntry(
        id=key or uuid4(),
        patient=account.patient,
        currency=account.currency,
        position=own.count() + 1,
        kind=kind,
        reverses=reverses,
        payment=payment,
        amount=amount,
        method=method,
        reference=reference,
        reason=reason,
        at=at,
        booked_on=ClinicSettings.load().date_of(at),
        by=by,
    )
    entry.save(force_insert=True)
    _move_credit(entry, account)
    _add_to_month(entry, None)
    return entry


def month_key(entry: LedgerEntry, bill: Bill | None) -> MonthKey:
    """Return the month's row an entry counts in. Money goes back to whom its method belongs."""
    kind, _ = kind_and_sign(entry)
    payment = entry.payment
    paid_by = ""
    if payment is not None:
        paid_by = payment.paid_by
    elif kind in (Kind.REFUND, Kind.CREDIT_REFUND, Kind.CREDIT_APPLIED):
        paid_by = Payment.PaidBy.INSURER if entry.method == Method.INSURANCE else Payment.PaidBy.PATIENT
    return MonthKey(
        period=f"{entry.booked_on:%Y%m}",
        currency=entry.currency,
        doctor_id=bill.doctor_id if bill else None,
        bill_type=bill.bill_type if bill else "",
        paid_by=paid_by,
    )


def in_month(entry: LedgerEntry) -> tuple[str, Decimal]:
    """Return the column of the month an entry counts in and what it adds there."""
    kind, sign = kind_and_sign(entry)
    column, direction = IN_MONTH[kind]
    return column, entry.amount * direction * sign


def _move_credit(entry: LedgerEntry, account: PatientAccount | None) -> None:
    moved = on_credit(entry)
    if not moved:
        return
    if account is None:
        raise ValueError("An entry that moves credit needs the account's lock.")
    if account.credit + moved > LARGEST_TOTAL:
        raise BadAmount("The credit comes to more than it can hold.")
    account.credit += moved
    account.save(update_fields=["credit"])


def _add_to_month(entry: LedgerEntry, bill: Bill | None) -> None:
    key = month_key(entry, bill)
    facts: dict[str, Any] = vars(key)
    LedgerMonth.objects.get_or_create(**facts, defaults=dict.fromkeys(MONTH_COLUMNS, ZERO))
    month = LedgerMonth.objects.select_for_update().get(**facts)
    column, amount = in_month(entry)
    setattr(month, column, getattr(month, column) + amount)
    month.save(update_fields=[column])
