"""What is printed about money: invoice, receipt, statement, reminder, superbill. One sheet each, one way to a PDF.

The same sheet feeds the page "As it will print", so that nothing on paper differs from what was seen.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.module_loading import import_string

from billing.models import Bill, BillingSettings, BillMessage, Payment
from billing.phrases import Words, words_for
from patients.models import Patient
from reports.printing.rendering import Header, header_of
from synapse.accounts.models import ClinicSettings, User
from synapse.documents.archive import for_keeping
from synapse.documents.paper import paper_of
from synapse.documents.pdf import html_to_pdf
from synapse.documents.text import printable

PATIENT, INSURER = "patient", "insurer"
# What a document is made by: a function from a Subject to its Sheet.
SHEETS = {
    "invoice": "billing.documents.invoice.invoice_sheet",
    "receipt": "billing.documents.receipt.receipt_sheet",
    "statement": "billing.documents.statement.statement_sheet",
    "reminder": "billing.reminders.letter.reminder_sheet",
    "superbill": "billing.claims.papers.superbill_sheet",
}


@dataclass(frozen=True)
class Subject:
    """What a document is about; `on` is its date, `at` the moment whose figures it shows."""

    patient: Patient
    bill: Bill | None
    payment: Payment | None
    message: BillMessage | None
    copy: str
    at: datetime
    on: date
    clinic: ClinicSettings
    billing: BillingSettings
    words: Words

    @property
    def the_bill(self) -> Bill:
        """The bill of a document that cannot be without one."""
        if self.bill is None:
            raise ValueError("This document is about a bill.")
        return self.bill

    @property
    def the_payment(self) -> Payment:
        """The payment of a document that cannot be without one."""
        if self.payment is None:
            raise ValueError("This document is about a payment.")
        return self.payment


@dataclass(frozen=True)
class Sheet:
    """What a template lays out. `title` and `file_name` hold no name of a patient; `stamp` goes across each page."""

    template: str
    title: str
    file_name: str
    context: dict[str, Any] = field(default_factory=dict)
    stamp: str = ""


def render(
    document: str,
    *,
    bill: Bill | None = None,
    payment: Payment | None = None,
    patient: Patient | None = None,
    copy: str = PATIENT,
    message: BillMessage | None = None,
    at: datetime | None = None,
) -> bytes:
    """Return a document as a PDF. Raises DocumentError."""
    return to_pdf(sheet_of(document, bill=bill, payment=payment, patient=patient, copy=copy, message=message, at=at))


def sheet_of(
    document: str,
    *,
    bill: Bill | None = None,
    payment: Payment | None = None,
    patient: Patient | None = None,
    copy: str = PATIENT,
    message: BillMessage | None = None,
    at: datetime | None = None,
) -> Sheet:
    """Return what a document says. With a message it is that letter: its date and its figures, however late it is read.

    Raises ValueError without what the document is about.
    """
    about = bill or payment or message
    patient = patient or (about.patient if about is not None else None)
    if patient is None:
        raise ValueError("A document is about a bill, a payment or a patient.")
    clinic = ClinicSettings.load()
    moment = at or timezone.now()
    # An insurer reads the clinic's language, and a reminder has the clinic's own words.
    is_for_patient = copy == PATIENT and document != BillMessage.Document.REMINDER
    subject = Subject(
        patient=patient.kept_record,
        bill=bill,
        payment=payment,
        message=message,
        copy=copy,
        at=moment,
        on=message.letter_date if message else clinic.date_of(moment),
        clinic=clinic,
        billing=BillingSettings.load(),
        words=words_for(patient.kept_record.preferred_language if is_for_patient else "", clinic.language),
    )
    sheet: Sheet = import_string(SHEETS[document])(subject)
    return sheet


def to_pdf(sheet: Sheet) -> bytes:
    """Render a sheet as PDF/A-1b. Raises DocumentError."""
    html = printable(render_to_string(f"documents/{sheet.template}.html", {"title": sheet.title, **sheet.context}))
    pdf = html_to_pdf(html, title=sheet.title)
    return for_keeping(pdf, title=sheet.title, at=timezone.now(), stamp=sheet.stamp)


def letterhead(subject: Subject, doctor: User | None) -> dict[str, Any]:
    """Return what every document carries: who writes it, the tax number, the paper, the language."""
    return {
        "header": header_of(doctor) if doctor else clinic_header(subject.clinic),
        "doctor": doctor,
        "clinic": subject.clinic,
        "tax_id": tax_id(subject.billing),
        "paper": paper_of(subject.clinic.region),
        "words": subject.words,
        "labels": subject.words.labels,
        "on": subject.on,
    }


def clinic_header(clinic: ClinicSettings) -> Header:
    """Return the head of a document that is about more than one practitioner."""
    return Header(clinic.name, clinic.address, clinic.phone, practitioner="", specialization="", license_number="")


def tax_id(billing: BillingSettings) -> str:
    """Return the clinic's number as it is printed: `GSTIN 27AAKCB1234F1Z5`."""
    if not billing.tax_number:
        return ""
    # The number's own name differs from the tax's only in India; elsewhere it follows the tax.
    label = {"GST": "GSTIN", "VAT": "VAT no.", "TAX": "Tax no."}.get(
        billing.tax_label.upper(), f"{billing.tax_label} no."
    )
    return f"{label} {billing.tax_number}"
