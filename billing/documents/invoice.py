"""The invoice: what stands on it, for the patient without a diagnosis, for the insurer with what a claim needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.bills.lines import diagnoses_of, lines_of, totals_of
from billing.documents.qr import payment_code
from billing.documents.sheets import INSURER, PATIENT, Sheet, Subject, letterhead, sheet_of
from billing.ledger import entries as ledger
from billing.ledger import owing
from billing.models import Bill, LedgerEntry
from billing.money import ZERO, Line, format_money
from billing.payment_links.open_links import address_to_pay
from billing.phrases import Words
from billing.queries import list_ledger

Kind = LedgerEntry.Kind
Status = Bill.Status
# An entry that was taken back, and what took it back, are not printed: the balance is the same without both.
LABELS = {
    Kind.PAYMENT: "paid_on",
    Kind.CREDIT_APPLIED: "credit_applied_on",
    Kind.REFUND: "refunded_on",
    Kind.DEBIT_ADJUSTMENT: "added_on",
    Kind.CREDIT_ADJUSTMENT: "reduced_on",
    Kind.WRITE_OFF: "written_off_on",
}


@dataclass(frozen=True)
class PrintedLine:
    """One service as it is printed."""

    description: str
    code: str
    quantity: int
    unit_price: Decimal
    amount: Decimal
    tax: str


@dataclass(frozen=True)
class Movement:
    """What changed the sum after the lines: below zero what takes from it."""

    label: str
    amount: Decimal


def invoice_context(bill: Bill, *, copy: str = PATIENT) -> dict[str, Any]:
    """Return what an invoice shows, on the page and in the PDF."""
    return sheet_of("invoice", bill=bill, copy=copy).context


def invoice_sheet(subject: Subject) -> Sheet:
    """Return the invoice of a bill, in the copy asked for."""
    bill = subject.the_bill
    entries = list_ledger(bill)
    split = owing.split_one(bill)
    is_for_insurer = subject.copy == INSURER
    visit_at = bill.session.started_at if bill.session else None
    code = None
    if bill.bill_number and not is_for_insurer:
        code = payment_code(
            split.patient_owes,
            bill.currency,
            number=bill.bill_number,
            billing=subject.billing,
            clinic=subject.clinic,
        )
    words, labels, lines = subject.words, subject.words.labels, printed_lines(bill)
    insurer = bill.insurance_provider or labels["insurer"]
    has_codes = any(line.code for line in lines)
    has_tax_column = len(_rates(bill)) > 1
    context = {
        **letterhead(subject, bill.doctor),
        "bill": bill,
        "is_for_insurer": is_for_insurer,
        # Without a zone, so that the invoice says the clinic's time to every reader.
        "visit_at": visit_at.astimezone(subject.clinic.zone).replace(tzinfo=None) if visit_at else None,
        "lines": [(line, line.amount(bill.currency)) for line in lines_of(bill)],
        "printed_lines": lines,
        "has_codes": has_codes,
        # What the other columns leave of a hundred, less 17 for the amounts.
        "service_width": 60 - (14 if has_codes else 0) - (9 if has_tax_column else 0),
        "has_tax_column": has_tax_column,
        "tax_label": subject.billing.tax_label,
        "discount_label": discount_label(bill, words),
        "taxes": taxes_of(bill, subject.billing.tax_label, words),
        "movements": movements_of(bill, entries, words),
        "policy_group": labels["group"].format(group=bill.insurance_group_number)
        if bill.insurance_group_number
        else "",
        "claimed": labels["claimed"].format(insurer=insurer),
        "of_which": labels["of_which"].format(insurer=insurer),
        "insurer_expected": split.insurer_expected,
        "to_pay": split.open if is_for_insurer else split.patient_owes,
        "code": code,
        "pay_address": "" if is_for_insurer else address_to_pay(bill, at=subject.at),
        "diagnoses": diagnoses_of(bill),
        "closing": closing_words(bill, split.patient_owes, words),
        "quote": words.quote.format(number=bill.bill_number) if bill.bill_number else "",
    }
    number = bill.bill_number or "draft"
    return Sheet(
        template="invoice",
        title=f"{labels['invoice']} {number}",
        file_name=f"{number}-insurer.pdf" if is_for_insurer else f"{number}.pdf",
        context=context,
        stamp=labels["stamp_cancelled"] if bill.status == Status.CANCELLED else "",
    )


def printed_lines(bill: Bill) -> list[PrintedLine]:
    """Return the services of a bill."""
    return [
        PrintedLine(
            description=line.description,
            code=coded(line),
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount(bill.currency),
            tax=f"{_plain(rate)} %",
        )
        for line, rate in zip(lines_of(bill), _rates_of_lines(bill), strict=True)
    ]


def coded(line: Line) -> str:
    """Write a line's code with its modifiers: `90834-95-GT`."""
    return "-".join(part for part in (line.cpt_code, *line.modifiers) if part)


def discount_label(bill: Bill, words: Words) -> str:
    label = words.labels["discount"]
    return f"{label} {_plain(bill.discount_percent)} %" if bill.discount_percent else label


def taxes_of(bill: Bill, label: str, words: Words) -> list[Movement]:
    """Return the tax of each rate, by the clinic's name of it. Tax that is in the prices says so: it adds nothing."""
    totals = totals_of(bill)
    has_several = len(totals.taxes) > 1
    movements = []
    for part in totals.taxes:
        written = f"{label} {_plain(part.rate)} %"
        if has_several or bill.prices_include_tax:
            written = words.labels["tax_on"].format(tax=written, amount=format_money(part.base, bill.currency))
        if bill.prices_include_tax:
            written = words.labels["tax_included"].format(tax=written)
        movements.append(Movement(written, part.tax))
    return movements


def _plain(number: Decimal) -> str:
    """Write a rate without needless zeros: `18`, `7.5`."""
    return f"{number.normalize():f}"


def _rates_of_lines(bill: Bill) -> list[Decimal]:
    return [bill.tax_rate if line.tax_rate is None else line.tax_rate for line in lines_of(bill)]


def _rates(bill: Bill) -> set[Decimal]:
    return set(_rates_of_lines(bill))


def movements_of(bill: Bill, entries: Sequence[LedgerEntry], words: Words) -> list[Movement]:
    """Return what came after the lines, so that total and movements add up to what is open."""
    taken_back = {entry.reverses_id for entry in entries if entry.reverses_id}
    movements = []
    for entry in entries:
        signed = ledger.on_bill(entry)
        day = words.day_in(entry.booked_on, bill.bill_date.year if bill.bill_date else None)
        if entry.kind == Kind.REVERSAL and entry.reverses is not None and entry.reverses.kind == Kind.CHARGE:
            label = "cancelled_on" if bill.status == Status.CANCELLED else "charge_taken_back_on"
            movements.append(Movement(words.labels[label].format(day=day), signed))
        elif entry.kind in LABELS and entry.pk not in taken_back:
            movements.append(Movement(_written(bill, entry, day, words), signed))
    return movements


def _written(bill: Bill, entry: LedgerEntry, day: str, words: Words) -> str:
    labels = words.labels
    if entry.kind == Kind.PAYMENT and owing.is_from_insurer(entry):
        return labels["insurer_paid_on"].format(insurer=bill.insurance_provider or labels["insurer"], day=day)
    written = labels[LABELS[Kind(entry.kind)]].format(day=day)
    if entry.kind in (Kind.PAYMENT, Kind.REFUND) and entry.method:
        return f"{written}, {labels[entry.method]}"
    return written


def closing_words(bill: Bill, owes: Decimal, words: Words) -> str:
    """Return the sentence under the sums of a bill that asks for nothing."""
    closed = {Status.CANCELLED: "is_cancelled", Status.REFUNDED: "is_refunded", Status.PENDING: "is_draft"}
    if bill.status in closed:
        return words.labels[closed[Status(bill.status)]]
    if owes <= ZERO:
        return words.labels["is_paid" if bill.paid_amount else "is_nothing"]
    return ""
