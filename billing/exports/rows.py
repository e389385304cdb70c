"""Rows of the files that leave billing: bills, movements of money, the journal for accountants.

They are read in chunks and given row by row, so a file of years needs no more memory than one of a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from billing.bills.lines import totals_of
from billing.exports import journal
from billing.ledger import entries as ledger
from billing.models import Bill, BillingSettings, BillQuerySet, LedgerEntry, Method
from billing.services.day_close import MONEY
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User

Kind = LedgerEntry.Kind
CHUNK = 500
BILL_COLUMNS = (
    *("bill_number", "bill_date", "due_date", "status", "collection", "kind", "clinician", "patient_number", "patient"),
    *("currency", "total", "tax", "paid", "open", "last_payment", "reminders", "last_reminder"),
)
MONEY_COLUMNS = (
    *("date", "time", "what", "method", "paid_by", "insurer", "amount", "currency", "receipt_number", "bill_number"),
    *("patient_number", "recorded_by"),
)
JOURNAL_COLUMNS = (
    *(
        "date",
        "journal_number",
        "account",
        "account_name",
        "debit",
        "credit",
        "currency",
        "document",
        "receipt",
        "text",
    ),
)


@dataclass(frozen=True)
class Span:
    """Whole days of the clinic, the first and the last included."""

    first: date
    last: date


def bill_rows(bills: BillQuerySet) -> Iterator[list[object]]:
    """Yield bills as rows of BILL_COLUMNS."""
    shown = bills.select_related("patient", "doctor").only(
        *("bill_number", "bill_date", "due_date", "status", "collection_status", "bill_type", "currency"),
        *("total_amount", "tax_amount", "paid_amount", "outstanding_amount", "last_payment_date"),
        *("reminder_sent_count", "last_reminder_sent_at", "patient__patient_id", "patient__first_name"),
        *("patient__last_name", "doctor__first_name", "doctor__last_name", "doctor__username", "doctor__role"),
    )
    clinic = ClinicSettings.load()
    for bill in shown.order_by("created_at", "pk").iterator(chunk_size=CHUNK):
        reminded = bill.last_reminder_sent_at
        yield [
            *(bill.bill_number, bill.bill_date, bill.due_date, bill.get_status_display()),
            *(bill.get_collection_status_display(), bill.get_bill_type_display(), bill.doctor.display_name),
            *(bill.patient.patient_id, bill.patient.full_name, bill.currency),
            *(bill.total_amount, bill.tax_amount, bill.paid_amount, bill.outstanding_amount, bill.last_payment_date),
            *(bill.reminder_sent_count, clinic.date_of(reminded) if reminded else None),
        ]


def money_rows(user: User, span: Span) -> Iterator[list[object]]:
    """Yield the movements of money of a span as rows of MONEY_COLUMNS; what goes out or is taken back is below zero."""
    clinic = ClinicSettings.load()
    entries = (
        entries_of(user, span)
        .filter(kind__in=[*MONEY, Kind.REVERSAL])
        .select_related("payment__insurer", "bill", "patient", "by", "reverses")
        .only(
            *("at", "booked_on", "kind", "method", "amount", "currency", "payment__receipt_number", "payment__paid_by"),
            *("payment__insurer__name", "bill__bill_number", "patient__patient_id", "reverses__kind"),
            *("reverses__method", "by__username", "by__first_name", "by__last_name", "by__role"),
        )
    )
    for entry in entries.iterator(chunk_size=CHUNK):
        kind, sign = ledger.kind_and_sign(entry)
        if kind not in MONEY:
            continue
        method = (entry.reverses.method if entry.reverses else "") or entry.method
        payment = entry.payment
        yield [
            *(entry.booked_on, f"{entry.at.astimezone(clinic.zone):%H:%M}", entry.get_kind_display()),
            Method(method).label if method else "",
            payment.get_paid_by_display() if payment else "",
            payment.insurer.name if payment and payment.insurer else "",
            entry.amount * MONEY[Kind(kind)] * sign,
            entry.currency,
            payment.receipt_number if payment else "",
            entry.bill.bill_number if entry.bill else "",
            entry.patient.patient_id,
            entry.by.display_name if entry.by else "",
        ]


def journal_rows(user: User, span: Span) -> Iterator[list[object]]:
    """Yield the journal of a span as rows of JOURNAL_COLUMNS; it names no patient."""
    accounts = BillingSettings.load().journal_accounts
    entries = (
        entries_of(user, span)
        .select_related("payment", "bill", "reverses")
        .only(
            *("booked_on", "kind", "method", "amount", "currency", "position", "payment__receipt_number"),
            *("reverses__kind", "reverses__method", "bill__bill_number", "bill__bill_type", "bill__currency"),
            *("bill__total_amount", "bill__line_items", "bill__discount_amount", "bill__tax_rate"),
            "bill__prices_include_tax",
        )
    )
    known: dict[UUID, journal.Charged] = {}
    for entry in entries.iterator(chunk_size=CHUNK):
        receipt = entry.payment.receipt_number if entry.payment else ""
        document = entry.bill.bill_number if entry.bill else ""
        number = f"{document}-{entry.position:02}" if entry.bill else f"CRD-{entry.pk.hex[:12]}"
        for line in journal.lines_of(entry, _charged(entry.bill, known)):
            account, name = journal.account_of(line, accounts)
            yield [
                *(entry.booked_on, number, account, name),
                *(_or_nothing(line.debit), _or_nothing(line.credit), entry.currency),
                *(document, receipt, entry.get_kind_display()),
            ]


def entries_of(user: User, span: Span) -> QuerySet[LedgerEntry]:
    """Return the ledger entries of a span this person may see, in the order they were written."""
    entries = LedgerEntry.objects.filter(booked_on__range=(span.first, span.last))
    return entries.filter(patient__in=Patient.objects.in_care_of(user)).order_by("at", "bill", "position", "pk")


def _charged(bill: Bill | None, known: dict[UUID, journal.Charged]) -> journal.Charged | None:
    """Return what the journal needs of a bill; bills come again with each of their entries."""
    if bill is None:
        return None
    if bill.pk not in known:
        if len(known) >= CHUNK:
            known.clear()
        taxes = [(part.rate, part.tax) for part in totals_of(bill).taxes]
        known[bill.pk] = journal.Charged(bill.bill_type, bill.currency, bill.total_amount, taxes)
    return known[bill.pk]


def _or_nothing(amount: Decimal) -> Decimal | None:
    return amount or None
