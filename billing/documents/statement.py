"""The statement of one patient: every open bill, how late it is, credit, and what was paid lately. One currency each."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.documents.qr import PaymentCode, payment_code
from billing.documents.sheets import Sheet, Subject, letterhead
from billing.ledger import owing
from billing.models import Bill, BillingSettings, LedgerEntry, PatientAccount, Payment
from billing.money import ZERO, format_money
from billing.phrases import Words
from billing.queries import AGE_LIMITS, OLDEST_LABEL, age_key
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User

AGE_NAMES = ("not_due", "days_1_30", "days_31_60", "days_61_90", "days_older")
RECENT = timedelta(days=90)  # payments older than this stand on their receipts only


@dataclass(frozen=True)
class OpenBill:
    """A bill with something for the patient to pay."""

    bill: Bill
    amount: Decimal
    paid: Decimal
    open: Decimal
    days_late: int


@dataclass
class PaidLately:
    """A payment of the last weeks, whether it was taken back, and how it came in the reader's language."""

    payment: Payment
    is_reversed: bool
    method: str = ""


@dataclass
class Account:
    """What one patient owes and has to their credit in one currency."""

    currency: str
    bills: list[OpenBill] = field(default_factory=list)
    ages: list[tuple[str, Decimal]] = field(default_factory=list)
    credit: Decimal = ZERO
    with_insurer: Decimal = ZERO
    payments: list[PaidLately] = field(default_factory=list)
    code: PaymentCode | None = None
    claimed: str = ""

    @property
    def open(self) -> Decimal:
        return sum((each.open for each in self.bills), ZERO)

    @property
    def to_pay(self) -> Decimal:
        """What is left when the credit is used."""
        return max(ZERO, self.open - self.credit)


def statement_sheet(subject: Subject) -> Sheet:
    """Return the statement of a patient on a day, one page after the other where there are several currencies."""
    since, words = subject.on - RECENT, subject.words
    accounts = accounts_of(subject.patient, on=subject.on, since=since, clinic=subject.clinic)
    for account in accounts:
        account.code = code_of(account, subject.billing, subject.clinic)
        _put_into_words(account, words)
    context = {
        **letterhead(subject, _doctor_of(accounts)),
        "patient": subject.patient,
        "accounts": accounts,
        "since": since,
        "instructions": subject.clinic.payment_instructions,
        "has_open": any(account.open for account in accounts),
        "age_labels": [words.labels[name] for name in AGE_NAMES],
        "quote": words.quote.format(number=words.labels["invoice_numbers"]),
        "received_since": words.labels["received_since"].format(day=words.day(since)),
    }
    title = words.labels["statement_of"].format(day=words.day(subject.on))
    return Sheet("statement", title, f"statement-{subject.on:%Y-%m-%d}.pdf", context)


def accounts_of(patient: Patient, *, on: date, since: date, clinic: ClinicSettings) -> list[Account]:
    """Return what a patient owes by currency, the clinic's own first; none of nothing but the clinic's own."""
    records = patient.kept_record.records()
    bills = Bill.objects.filter(patient__in=records, status__in=Bill.OWING).select_related("doctor", "patient")
    owed = owing.owed_by_patients(rows := list(bills.order_by("bill_date", "bill_number")))
    accounts: dict[str, Account] = {clinic.currency: Account(clinic.currency)}

    def account(currency: str) -> Account:
        return accounts.setdefault(currency, Account(currency))

    for bill in rows:
        mine = account(bill.currency)
        patients_part = owed[bill.pk]
        mine.with_insurer += bill.outstanding_amount - patients_part
        if patients_part > ZERO:
            late = max(0, (on - bill.due_date).days) if bill.due_date else 0
            charged = bill.outstanding_amount + bill.paid_amount
            mine.bills.append(OpenBill(bill, charged, bill.paid_amount, patients_part, late))
    for row in PatientAccount.objects.filter(patient__in=records):
        account(row.currency).credit += row.credit
    payments = list(Payment.objects.filter(patient__in=records, booked_on__gte=since).order_by("at"))
    reversed_ones = _reversed(payments)
    for payment in payments:
        lately = PaidLately(payment, payment.pk in reversed_ones)
        account(payment.currency).payments.append(lately)
    for each in accounts.values():
        each.ages = ages_of(each.bills, on=on)
    return [each for each in accounts.values() if each.bills or each.credit or each.payments] or list(accounts.values())


def code_of(account: Account, billing: BillingSettings, clinic: ClinicSettings) -> PaymentCode | None:
    """Return the code that pays all of an account at once."""
    numbers = " ".join(each.bill.bill_number or "" for each in account.bills)
    return payment_code(account.to_pay, account.currency, number=numbers, billing=billing, clinic=clinic)


def ages_of(bills: Collection[OpenBill], *, on: date) -> list[tuple[str, Decimal]]:
    """Return what the patient owes by days past the due date."""
    ages = {str(limit): ZERO for limit, _ in AGE_LIMITS} | {"older": ZERO}
    for each in bills:
        ages[age_key(each.bill, on)] += each.open
    labels = [*(label for _, label in AGE_LIMITS), OLDEST_LABEL]
    return list(zip(labels, ages.values(), strict=True))


def owes_anything(patient: Patient) -> bool:
    """Tell whether a statement of this patient would ask for money."""
    bills = list(Bill.objects.filter(patient__in=patient.kept_record.records(), status__in=Bill.OWING))
    return any(amount > ZERO for amount in owing.owed_by_patients(bills).values())


def _put_into_words(account: Account, words: Words) -> None:
    """Say in the reader's language how each payment came, and what waits for an insurer."""
    if account.with_insurer:
        amount = format_money(account.with_insurer, account.currency)
        account.claimed = words.labels["with_insurer"].format(amount=amount)
    for each in account.payments:
        each.method = words.labels[each.payment.method]
        if each.is_reversed:
            each.method = words.labels["taken_back"].format(method=each.method)


def _reversed(payments: Collection[Payment]) -> set[UUID]:
    taken_back = LedgerEntry.objects.filter(payment__in=payments, reverses__isnull=False)
    return {payment_id for payment_id in taken_back.values_list("payment_id", flat=True) if payment_id}


def _doctor_of(accounts: list[Account]) -> User | None:
    """Return the practitioner of all open bills when it is one; else the statement is the clinic's."""
    doctors: dict[Any, User] = {each.bill.doctor_id: each.bill.doctor for account in accounts for each in account.bills}
    return next(iter(doctors.values())) if len(doctors) == 1 else None
