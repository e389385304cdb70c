"""What billing keeps of a patient, and how it goes when they are erased.

Tax and commercial law ask for what was charged, paid and when, for six to ten years; they do not ask whose illness it
was. So amounts, dates, numbers and the kind of service stay, in the books as in the bills, and the ledger adds up as
before. Whose bill it was, the diagnoses, the insurance, claims and every free word go.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.models import Bill, BillMessage
from synapse.common import erasures
from synapse.encryption import erasing
from synapse.encryption.erasing import Rows
from synapse.notifications import sms

SERVICE = "Service"
BOOKS = "an amount of the books: tax law keeps it, and the ledger has to add up"
AMOUNTS = (
    "line_items",  # without its words: see `_blank_lines`
    "subtotal",
    "discount_amount",
    "discount_percent",
    "tax_rate",
    "tax_amount",
    "total_amount",
    "paid_amount",
    "outstanding_amount",
    "insurance_covered_amount",
    "patient_responsibility",
    "copay_amount",
    "deductible_amount",
)


def register() -> None:
    """Register step and files; called when the app is ready."""
    erasing.register(
        "billing",
        _blank_lines,
        Rows("billing.BillLink", ("patient", "bill__patient"), "links to documents", is_deleted=True),
        Rows(
            "billing.BillMessage",
            ("patient",),
            "messages about money",
            also=lambda at: {"provider_reference": "", "updated_at": at},
        ),
        Rows("billing.PaymentLink", ("bill__patient",), "payment links", keep={"amount": BOOKS}),
        Rows("billing.Claim", ("bill__patient",), "insurance claims", keep={"claimed_amount": BOOKS}),
        Rows("billing.LedgerEntry", ("patient",), "ledger entries", keep={"amount": BOOKS}),
        Rows("billing.Payment", ("patient",), "payments", keep={"amount": BOOKS}),
        Rows("billing.PatientAccount", ("patient",), "accounts", keep={"credit": BOOKS}),
        Rows("billing.Bill", ("patient",), "bills", keep=dict.fromkeys(AMOUNTS, BOOKS)),
    )
    erasures.register_files("billing", remove_files)


def remove_files(patient_id: UUID) -> int:
    """Remove the messages a demonstration wrote to files."""
    return sms.forget(BillMessage.objects.filter(patient=patient_id).values_list("pk", flat=True))


def _blank_lines(patient_id: UUID, at: datetime) -> dict[str, int]:
    for bill in Bill.objects.filter(patient=patient_id).only("line_items").iterator():
        Bill.objects.filter(pk=bill.pk).update(line_items=[_without_words(line) for line in bill.line_items])
    return {}


def _without_words(line: Mapping[str, Any]) -> dict[str, Any]:
    return {**line, "description": SERVICE, "note": "", "diagnosis_pointers": []}
