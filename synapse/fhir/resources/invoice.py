"""An issued bill as an Invoice. Diagnoses and what the clinic notes for itself are in none."""

from decimal import Decimal
from typing import Any

from billing.bills.lines import lines_of, totals_of
from billing.models import Bill
from billing.money import HUNDRED, ZERO, Line
from reports.writers.fhir.values import Resource, organization_id, system
from synapse.fhir.resources.meta import finished, refer

CPT = "http://www.ama-assn.org/go/cpt"
Status = Bill.Status
STATUS = {
    Status.SENT: "issued",
    Status.PARTIALLY_PAID: "issued",
    Status.OVERDUE: "issued",
    Status.PAID: "balanced",
    Status.REFUNDED: "balanced",
    Status.CANCELLED: "cancelled",
}


def invoice_resource(bill: Bill) -> Resource:
    """Return an issued bill with its lines, discount and taxes; a draft is refused by ValueError."""
    if not bill.bill_number or bill.status not in STATUS or bill.bill_date is None:
        raise ValueError("Only issued bills are handed out.")
    is_cancelled = bill.status == Status.CANCELLED
    patient = refer("Patient", bill.patient.kept_id)
    due = f"Due {bill.due_date.isoformat()}." if bill.due_date else ""
    resource = {
        "resourceType": "Invoice",
        "identifier": [{"system": system("bill"), "value": bill.bill_number}],
        "status": STATUS[Status(bill.status)],
        "cancelledReason": (bill.cancelled_reason or "Cancelled") if is_cancelled else None,
        "type": {"text": bill.get_bill_type_display()},
        "subject": patient,
        "recipient": patient,
        "date": bill.bill_date.isoformat(),
        "participant": [{"actor": refer("Practitioner", bill.doctor_id)}],
        "issuer": refer("Organization", organization_id()),
        "lineItem": [_line(bill, line, place) for place, line in enumerate(lines_of(bill), start=1)],
        "totalPriceComponent": _components(bill),
        "totalNet": _money(bill, bill.total_amount - bill.tax_amount),
        "totalGross": _money(bill, bill.total_amount),
        "paymentTerms": ". ".join(part for part in (bill.payment_terms, due) if part),
        "note": [{"text": bill.notes}] if bill.notes else [],
    }
    return finished(resource, bill.pk, updated_at=bill.updated_at)


def _line(bill: Bill, line: Line, place: int) -> Resource:
    coding = [{"system": CPT, "code": line.cpt_code}] if line.cpt_code else []
    return {
        "sequence": place,
        "chargeItemCodeableConcept": {"coding": coding, "text": line.description},
        "priceComponent": [
            {
                "type": "base",
                # R4 has no quantity here: it is the factor between the unit's price and the amount.
                "factor": line.quantity if line.quantity != 1 else None,
                "amount": _money(bill, line.amount(bill.currency)),
            }
        ],
    }


def _components(bill: Bill) -> list[Resource]:
    totals = totals_of(bill)
    discount = {"type": "discount", "code": {"text": "Discount"}, "amount": _money(bill, bill.discount_amount)}
    taxes = [
        {
            "type": "tax",
            "code": {"text": "Tax included in the prices" if bill.prices_include_tax else "Tax"},
            "factor": _number(part.rate / HUNDRED),
            "amount": _money(bill, part.tax),
        }
        for part in totals.taxes
        if part.tax
    ]
    return [discount, *taxes] if bill.discount_amount > ZERO else taxes


def _money(bill: Bill, amount: Decimal) -> Resource:
    return {"value": _number(amount), "currency": bill.currency}


def _number(value: Decimal) -> Any:
    """Return a figure for JSON. The columns hold 12 digits: a float of 15 writes each of them as it is."""
    return float(value)
