"""The receipt of one payment: what it paid on which bills, what stays as credit, and that it was taken back."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing.documents.sheets import Sheet, Subject, letterhead
from billing.ledger import entries as ledger
from billing.models import Bill, LedgerEntry, Payment
from billing.money import ZERO, format_money
from billing.phrases import Words
from synapse.accounts.models import User

Kind = LedgerEntry.Kind


@dataclass(frozen=True)
class Use:
    """What of a payment went to one bill, and what was open on it then."""

    number: str
    bill_date: date | None
    due_date: date | None
    amount: Decimal
    open_after: Decimal


def receipt_sheet(subject: Subject) -> Sheet:
    """Return the receipt of a payment."""
    payment = subject.the_payment
    entries = list(payment.entries.select_related("bill__doctor", "reverses").order_by("at", "position"))
    received = [entry for entry in entries if entry.reverses is None]
    reversed_on = max((entry.booked_on for entry in entries if entry.reverses is not None), default=None)
    received_at = payment.at.astimezone(subject.clinic.zone).replace(tzinfo=None)
    uses = [_use(entry, entry.bill) for entry in received if entry.bill is not None]
    credit = sum((ledger.on_credit(entry) for entry in received), ZERO)
    labels, payer = subject.words.labels, payer_of(payment, subject.words)
    context = {
        **letterhead(subject, _doctor_of(received)),
        "payment": payment,
        "patient": subject.patient,
        "received_from": labels["received_for"].format(payer=payer) if payer else labels["received_from"],
        # The hour is told by the clock of today's zone: where that has another date, the date alone is true.
        "received_at": received_at if received_at.date() == payment.booked_on else None,
        "uses": sorted(uses, key=lambda use: use.number),
        "credit": credit,
        "closing": labels["taken_back_on"].format(day=subject.words.day(reversed_on))
        if reversed_on
        else labels["thanks"],
        "credit_stays": labels["credit_stays"].format(amount=format_money(credit, payment.currency)),
        "taken_by": payment.by.display_name if payment.by else "",
    }
    return Sheet(
        template="receipt",
        title=f"{labels['receipt']} {payment.receipt_number}",
        file_name=f"{payment.receipt_number}.pdf",
        context=context,
        stamp=labels["stamp_reversed"] if reversed_on else "",
    )


def payer_of(payment: Payment, words: Words) -> str:
    """Return who paid where it was not the patient; nothing otherwise."""
    if payment.paid_by == Payment.PaidBy.PATIENT:
        return ""
    if payment.insurer:
        return payment.insurer.name
    return words.labels["insurer" if payment.paid_by == Payment.PaidBy.INSURER else "somebody_else"]


def _use(entry: LedgerEntry, bill: Bill) -> Use:
    before = [each for each in ledger.entries_of(bill) if each.position <= entry.position]
    return Use(
        number=bill.bill_number or "",
        bill_date=bill.bill_date,
        due_date=bill.due_date,
        amount=entry.amount,
        open_after=ledger.add_up_entries(before).outstanding,
    )


def _doctor_of(entries: list[LedgerEntry]) -> User | None:
    """Return the practitioner whose bills were paid when it is one; a receipt over more is the clinic's."""
    doctors = {entry.bill.doctor_id: entry.bill.doctor for entry in entries if entry.bill is not None}
    return next(iter(doctors.values())) if len(doctors) == 1 else None
