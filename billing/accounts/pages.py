"""What a patient's account shows: all their records' bills, payments, credit and what they were sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from billing import permissions, queries
from billing.bills.pages import words_of
from billing.ledger import entries as ledger
from billing.ledger import owing
from billing.models import Bill, LedgerEntry, PatientAccount, Payment
from billing.money import ZERO
from billing.paying import pages as paying_pages
from billing.services import corrections
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.common.errors import NotAllowed

Kind = LedgerEntry.Kind
MOST_CLOSED = 50
CREDIT_KINDS = [Kind.OVERPAYMENT, Kind.CREDIT_REFUND, Kind.CREDIT_APPLIED]


@dataclass(frozen=True)
class BillRow:
    """One bill of the account and what the patient owes on it."""

    bill: Bill
    owed: Decimal
    expected: Decimal
    days_late: int


@dataclass(frozen=True)
class CreditRow:
    """One movement of the credit; `amount` is below zero when it was used or given back."""

    entry: LedgerEntry
    words: str
    amount: Decimal
    balance: Decimal
    can_reverse: bool


@dataclass(frozen=True)
class Standing:
    """What a person owes and has to their credit in one currency, all records together."""

    owed: Decimal
    expected: Decimal
    credit: Decimal
    count: int
    currency: str


def currencies_of(patient: Patient) -> list[str]:
    """Return the currencies of a person's account: first those with something open, among them the clinic's first."""
    records = patient.records()
    bills = Bill.objects.filter(patient__in=records)
    used = set(bills.values_list("currency", flat=True).distinct())
    used |= set(PatientAccount.objects.filter(patient__in=records).values_list("currency", flat=True))
    owing_in = set(bills.filter(status__in=Bill.OWING).values_list("currency", flat=True).distinct())
    own = ClinicSettings.load().currency
    return sorted(used | {own}, key=lambda each: (each not in owing_in, each != own, each))


def bill_rows(bills: Iterable[Bill], *, today: date) -> list[BillRow]:
    """Return bills with what the patient owes on each; two queries however many there are."""
    bills = list(bills)
    owed = owing.owed_by_patients(bills)
    return [
        BillRow(
            bill,
            owed[bill.pk],
            (bill.outstanding_amount if bill.is_open else ZERO) - owed[bill.pk],
            max(0, (today - bill.due_date).days) if bill.due_date else 0,
        )
        for bill in bills
    ]


def owing_bills(user: User, patient: Patient, currency: str) -> list[Bill]:
    """Return the issued bills of a person with something open, the oldest first."""
    bills = queries.list_patient_bills(user, patient).filter(currency=currency, status__in=Bill.OWING)
    return list(bills.order_by("due_date", "bill_number"))


def standing_from(rows: Iterable[BillRow], credit: Decimal, currency: str) -> Standing:
    """Return the sums of bills that were read."""
    rows = [row for row in rows if row.bill.status in Bill.OWING and row.bill.currency == currency]
    owed = sum((row.owed for row in rows), ZERO)
    return Standing(owed, sum((row.expected for row in rows), ZERO), credit, len(rows), currency)


def credit_rows(user: User, patient: Patient, currency: str, *, at: datetime) -> list[CreditRow]:
    """Return what moved a person's credit, with what was left after each movement, the first one first."""
    moves = Q(kind__in=CREDIT_KINDS) | Q(reverses__kind__in=CREDIT_KINDS)
    found = LedgerEntry.objects.filter(moves, patient__in=patient.records(), currency=currency)
    entries = list(found.select_related("reverses", "bill", "payment", "by").order_by("at", "position"))
    undone = {entry.reverses_id for entry in entries}
    balance, rows = ZERO, []
    for entry in entries:
        amount = ledger.on_credit(entry)
        if not amount:
            continue
        balance += amount
        can_reverse = (
            entry.kind in corrections.REVERSIBLE
            and entry.pk not in undone
            and permissions.can_take_back(user, entry, at=at)
        )
        rows.append(CreditRow(entry, words_of(entry), amount, balance, can_reverse))
    return rows


def account_context(
    user: User, patient: Patient, *, currency: str, bills: list[Bill], at: datetime, page: Any
) -> dict[str, Any]:
    """Return the account of a person in one currency. `page` holds the payments that are shown."""
    seen = queries.list_patient_bills(user, patient).filter(currency=currency)
    rows = bill_rows(bills, today=ClinicSettings.load().date_of(at))
    credit = ledger.credit_of(patient, currency)
    shown = paying_pages.payment_rows(list(page))
    return {
        "patient": patient,
        "currency": currency,
        "open_rows": rows,
        "drafts": list(seen.filter(status=Bill.Status.PENDING)),
        "closed": list(seen.exclude(status__in=Bill.OPEN)[:MOST_CLOSED]),
        "standing": standing_from(rows, credit, currency),
        "payments": shown,
        "page": page,
        "credit_moves": credit_rows(user, patient, currency, at=at),
        "can_pay_out": credit > ZERO and can_pay_out(user),
        "statement_address": paying_pages.address("statement", patient.pk),
    }


def payments_of(user: User, patient: Patient, currency: str) -> Any:
    """Return the payments of a person, the newest first."""
    seen = Payment.objects.visible_to(user).filter(patient__in=patient.records(), currency=currency)
    return seen.select_related("by", "insurer").order_by("-at")


def can_pay_out(user: User) -> bool:
    try:
        permissions.check_can_pay_out(user)
    except NotAllowed:
        return False
    return True


def bills_named(user: User, patient: Patient, keys: Iterable[UUID]) -> list[Bill]:
    """Return the bills of a person a form names, in whatever state they are by now."""
    bills = queries.list_patient_bills(user, patient).filter(pk__in=list(keys))
    return list(bills.order_by("due_date", "bill_number"))
