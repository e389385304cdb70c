"""Examples of the document that describes the API."""

from drf_spectacular.utils import OpenApiExample

PATIENT = "0198c2f4-6d1e-7a40-9c55-0d6f6f0b1a01"
DOCTOR = "0198c2f4-6d1e-7a40-9c55-0d6f6f0b1a02"
LINES = [
    {
        "description": "Psychotherapy, 45 minutes",
        "quantity": 1,
        "unit_price": "2500.00",
        "amount": "2500.00",
        "cpt_code": "90834",
    },
    {
        "description": "Letter to the family doctor",
        "quantity": 2,
        "unit_price": "300.00",
        "amount": "600.00",
        "cpt_code": "",
    },
]
MORE_OF_LINE: dict[str, object] = {
    "modifiers": [],
    "diagnosis_pointers": [],
    "tax_rate": None,
    "note": "",
    "price_missing": False,
}

NEW_BILL = OpenApiExample(
    "A bill of two lines",
    value={
        "patient": PATIENT,
        "bill_type": "followup",
        "line_items": LINES,
        "discount_amount": "100.00",
        "tax_rate": "18.00",
        "notes": "Thank you for your visit.",
    },
    request_only=True,
)
BILL = OpenApiExample(
    "A draft",
    value={
        "id": "0198c2f4-6d1e-7a40-9c55-0d6f6f0b1a03",
        "bill_number": None,
        "patient": PATIENT,
        "doctor": DOCTOR,
        "bill_type": "followup",
        "status": "pending",
        "currency": "INR",
        "line_items": [{**line, **MORE_OF_LINE} for line in LINES],
        "subtotal": "3100.00",
        "discount_amount": "100.00",
        "tax_rate": "18.00",
        "tax_amount": "540.00",
        "total_amount": "3540.00",
        "paid_amount": "0.00",
        "outstanding_amount": "3540.00",
        "payment_history": [],
    },
    response_only=True,
)
PAYMENT = OpenApiExample(
    "A transfer", value={"amount": "1500.00", "method": "upi", "reference": "52839917"}, request_only=True
)
REFUND = OpenApiExample("A part", value={"amount": "500.00", "reason": "One letter was not needed"}, request_only=True)
