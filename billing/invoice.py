"""The invoice: what stands on it, and as a PDF. It names no diagnosis."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string

from billing.models import Bill, LedgerEntry
from billing.money import Line, load_line
from billing.queries import list_ledger
from reports.rendering import header_of
from synapse.accounts.models import ClinicSettings, User
from synapse.documents.pdf import html_to_pdf
from synapse.documents.text import printable

Kind = LedgerEntry.Kind


@dataclass(frozen=True)
class Movement:
    """A payment or refund as the invoice prints it; a refund has its sign turned."""

    label: str
    amount: Decimal


def invoice_context(bill: Bill) -> dict[str, Any]:
    """Return what an invoice shows, on the page and in the PDF."""
    doctor = doctor_of(bill)
    clinic = ClinicSettings.load()
    visit_at = bill.session.started_at if bill.session else None
    return {
        "bill": bill,
        "header": header_of(doctor),
        "doctor": doctor,
        "clinic": clinic,
        # Without a zone, so that the invoice says the clinic's time to every reader.
        "visit_at": visit_at.astimezone(ZoneInfo(clinic.timezone)).replace(tzinfo=None) if visit_at else None,
        "lines": [(line, line.amount(bill.currency)) for line in lines_of(bill)],
        "movements": _movements(bill, ZoneInfo(clinic.timezone)),
    }


def invoice_pdf(bill: Bill) -> bytes:
    """Render an issued bill as a PDF. Raises DocumentError."""
    html = printable(render_to_string("documents/invoice.html", invoice_context(bill)))
    return html_to_pdf(html, title=f"Invoice {bill.bill_number}")


def lines_of(bill: Bill) -> list[Line]:
    return [load_line(stored) for stored in bill.line_items]


def doctor_of(bill: Bill) -> User:
    """Return the practitioner whose header the invoice carries."""
    if bill.session is not None:
        return bill.session.doctor
    if bill.appointment is not None:
        return bill.appointment.doctor
    return bill.generated_by


def _movements(bill: Bill, zone: ZoneInfo) -> list[Movement]:
    movements = []
    for entry in list_ledger(bill):
        day = f"{entry.at.astimezone(zone):%-d %B}"
        if entry.kind == Kind.PAYMENT:
            movements.append(Movement(f"Paid {day}, {entry.get_method_display()}", -entry.amount))
        elif entry.kind == Kind.REFUND:
            movements.append(Movement(f"Refunded {day}", entry.amount))
    return movements
