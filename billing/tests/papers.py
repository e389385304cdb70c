"""Seventeen documents of different kinds and languages, for the tests and for looking at.

`PAPERS_TO=/some/folder pytest billing/tests/test_papers.py` writes them there as PDFs.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw

from billing.documents import sheets as documents
from billing.models import Bill, BillingSettings, BillMessage, ReminderStage
from billing.money import Line
from billing.services import collecting, corrections, issuing, messages, payments
from billing.services.editing import edit_lines
from billing.services.payments import Share
from billing.tests.factories import make_bill
from patients.models import Patient
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings, User, UserProfile
from synapse.audit.services import unit_of_work

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TODAY = AT + timedelta(days=75)
PAPERS: dict[str, Callable[[User], bytes]] = {}
ADDRESS = "14 Prabhat Road, Erandwane\nPune 411004"
IBAN = "DE02120300000000202051"


def paper(make: Callable[[User], bytes]) -> Callable[[User], bytes]:
    """Put a document on the list under its function's name."""
    PAPERS[make.__name__] = make
    return make


def set_up(doctor: User, **clinic: Any) -> None:
    """Give the clinic a head, a logo, a tax number and an account."""
    ClinicSettings.load()
    values = {"name": "Banyan Clinic", "address": "12 Karve Road, Pune 411004", "phone": "+91 20 5550 4410"}
    values |= {"payment_instructions": "At the desk, by cash or card.", **clinic}
    ClinicSettings.objects.update(**values)
    label, number = {"INR": ("GST", "27AAKCB1234F1Z5"), "USD": ("Tax", "94-1234567")}.get(
        str(values.get("currency", "INR")), ("VAT", "DE123456789")
    )
    BillingSettings.load()
    BillingSettings.objects.update(
        tax_label=label,
        tax_number=number,
        upi_id="banyanclinic@okbank",
        iban=IBAN,
        bic="BYLADEM1001",
        account_holder="Banyan Mind Care",
    )
    UserProfile.objects.filter(user=doctor).update(
        logo=_logo(), license_number="MCI-48211", specialization="Psychiatry"
    )


def draft(doctor: User, lines: list[Line], *, at: datetime = AT, patient: Patient | None = None, **edit: Any) -> Bill:
    """Draft a bill with these lines."""
    bill = make_bill(doctor, patient=patient or make_patient(doctor=doctor, address=ADDRESS), total=None, at=at)
    values = {"discount": Decimal(0), "tax_rate": Decimal(0), **edit}
    return edit_lines(bill, lines=lines, by=doctor, at=at, **values)


def issue(bill: Bill, *, at: datetime = AT) -> Bill:
    return issuing.issue_bill(bill, by=bill.doctor, at=at)


def _logo() -> bytes:
    picture = Image.new("RGBA", (168, 168), (255, 255, 255, 0))
    drawing = ImageDraw.Draw(picture)
    drawing.ellipse((0, 0, 167, 167), fill=(223, 240, 236, 255))
    drawing.line((84, 40, 84, 128), fill=(10, 101, 88, 255), width=10)
    drawing.arc((44, 30, 124, 110), 180, 360, fill=(10, 101, 88, 255), width=10)
    output = BytesIO()
    picture.save(output, "PNG")
    return output.getvalue()


THERAPY = Line("Psychotherapy, 45 minutes", Decimal(2000), cpt_code="90834")
REVIEW = Line("Medication review", Decimal(800), cpt_code="99213")
SCORES = Line("PHQ-9 and GAD-7, scored", Decimal(100), quantity=2, cpt_code="96127")


@paper
def invoice_rupees(doctor: User) -> bytes:
    """The one of the design: three lines, an insurer's share, a part paid by UPI."""
    set_up(doctor)
    bill = issue(_insured(doctor))
    payments.record_payment(bill, amount=Decimal(500), method="upi", by=doctor, at=AT)
    return documents.render("invoice", bill=bill, at=AT)


@paper
def invoice_for_the_insurer(doctor: User) -> bytes:
    """The same bill with what a claim needs."""
    set_up(doctor)
    bill = issue(_insured(doctor))
    payments.record_payment(bill, amount=Decimal(500), method="upi", by=doctor, at=AT)
    return documents.render("invoice", bill=bill, copy="insurer", at=AT)


@paper
def invoice_euros_two_rates(doctor: User) -> bytes:
    """Two rates of tax, a discount in percent, a code for the European transfer."""
    set_up(doctor, currency="EUR", region="DE", name="Praxis am Markt", address="Marktplatz 3\n04109 Leipzig")
    lines = [
        Line("Sitzung, 50 Minuten", Decimal("110.00"), tax_rate=Decimal(0)),
        Line("Gutachten", Decimal("240.00"), tax_rate=Decimal(19)),
        Line("Fachbuch", Decimal("24.90"), quantity=2, tax_rate=Decimal(7)),
    ]
    patient = make_patient(
        doctor=doctor, first_name="Jörg", last_name="Müller-Weiß", address="Ringstraße 8\n04103 Leipzig"
    )
    bill = issue(draft(doctor, lines, patient=patient, discount_percent=Decimal(10)))
    return documents.render("invoice", bill=bill, at=AT)


@paper
def invoice_dollars_letter_paper(doctor: User) -> bytes:
    """American paper and figures, modifiers, adjusted and written off in part."""
    set_up(doctor, currency="USD", region="US", name="Harbor Counseling", address="200 Main St\nPortland, OR 97201")
    lines = [
        Line("Psychotherapy, 45 minutes", Decimal("1185.00"), cpt_code="90834", modifiers=("95",)),
        Line("Medication review", Decimal("260.50"), cpt_code="99213", modifiers=("25", "95")),
    ]
    bill = issue(draft(doctor, lines, patient=make_patient(doctor=doctor, address="1 Pine Ave\nPortland, OR 97209")))
    corrections.adjust_bill(bill, amount=Decimal("45.50"), reason="Agreed", by=doctor, at=AT)
    corrections.write_off(bill, amount=Decimal(100), reason="Hardship", by=doctor, at=AT)
    payments.record_payment(bill, amount=Decimal(300), method="card", by=doctor, at=AT)
    return documents.render("invoice", bill=bill, at=AT)


@paper
def invoice_pounds_many_lines(doctor: User) -> bytes:
    """Forty lines on several pages, prices with tax in them."""
    set_up(doctor, currency="GBP", region="GB", name="Oak House", address="5 High Street\nBath BA1 5AH")
    lines = [
        Line(f"Session {count} of the intensive programme, with the notes of the group", Decimal("84.50"))
        for count in range(1, 41)
    ]
    bill = issue(draft(doctor, lines, tax_rate=Decimal(20), prices_include_tax=True))
    return documents.render("invoice", bill=bill, at=AT)


@paper
def invoice_cancelled(doctor: User) -> bytes:
    set_up(doctor)
    bill = issue(draft(doctor, [THERAPY, REVIEW]))
    corrections.cancel_bill(bill, reason="Made twice", by=doctor, at=AT + timedelta(days=1))
    return documents.render("invoice", bill=bill, at=AT)


@paper
def invoice_refunded(doctor: User) -> bytes:
    set_up(doctor)
    bill = issue(draft(doctor, [THERAPY]))
    payments.record_payment(bill, amount=Decimal(2000), method="cash", by=doctor, at=AT)
    corrections.refund_payment(
        bill, amount=Decimal(2000), reason="Charged twice", method="cash", by=doctor, at=AT + timedelta(days=2)
    )
    return documents.render("invoice", bill=bill, at=AT)


@paper
def invoice_in_other_scripts(doctor: User) -> bytes:
    """A long name and Devanagari; words too long for a line."""
    set_up(doctor)
    patient = make_patient(
        doctor=doctor,
        first_name="विश्वनाथन रामकृष्णन",
        last_name="चट्टोपाध्याय",
        address="१२, महात्मा गांधी मार्ग\nपुणे ४११००१",
    )
    lines = [
        Line("परामर्श, ४५ मिनट", Decimal(150000), cpt_code="90834"),
        Line(
            "Extended neuropsychological assessment with feedback to family, school and the referring physician",
            Decimal(262500),
            quantity=3,
        ),
    ]
    bill = issue(draft(doctor, lines, patient=patient, notes="कृपया रसीद सँभाल कर रखें।"))
    return documents.render("invoice", bill=bill, at=AT)


@paper
def receipt_over_three_bills(doctor: User) -> bytes:
    """One payment over three bills, more than they ask for."""
    set_up(doctor)
    return documents.render("receipt", payment=_paid_three(doctor), at=AT)


@paper
def receipt_reversed(doctor: User) -> bytes:
    set_up(doctor)
    payment = _paid_three(doctor)
    payments.reverse_payment(payment, reason="Typed twice", by=_admin(doctor), at=AT + timedelta(hours=3))
    return documents.render("receipt", payment=payment, at=AT)


@paper
def statement_with_ages(doctor: User) -> bytes:
    """Five open bills of every age, credit, an insurer's share, payments of the last weeks."""
    set_up(doctor)
    return _statement(doctor, make_patient(doctor=doctor, address=ADDRESS))


@paper
def statement_in_german(doctor: User) -> bytes:
    set_up(doctor, currency="EUR", region="DE")
    return _statement(doctor, make_patient(doctor=doctor, address=ADDRESS, preferred_language="Deutsch"))


@paper
def statement_in_hindi(doctor: User) -> bytes:
    set_up(doctor)
    return _statement(doctor, make_patient(doctor=doctor, address=ADDRESS, preferred_language="Hindi"))


@paper
def invoice_in_spanish(doctor: User) -> bytes:
    """An insurer's share, tax, a discount, money paid, given back and reduced."""
    set_up(doctor, currency="EUR", region="ES")
    patient = make_patient(doctor=doctor, address=ADDRESS, preferred_language="Spanish")
    bill = issue(_insured(doctor, patient, discount_percent=Decimal(10), tax_rate=Decimal(21)))
    payments.record_payment(bill, amount=Decimal(90), method="bank_transfer", by=doctor, at=AT)
    corrections.refund_payment(bill, amount=Decimal(10), reason="Too much", method="cash", by=doctor, at=AT)
    corrections.adjust_bill(bill, amount=Decimal(5), reason="Agreed", by=doctor, at=AT)
    return documents.render("invoice", bill=bill, at=AT)


@paper
def invoice_in_hindi(doctor: User) -> bytes:
    set_up(doctor)
    bill = issue(_insured(doctor, make_patient(doctor=doctor, address=ADDRESS, preferred_language="Hindi")))
    payments.record_payment(bill, amount=Decimal(90), method="cash", by=doctor, at=AT)
    return documents.render("invoice", bill=bill, at=AT)


@paper
def receipt_in_french(doctor: User) -> bytes:
    set_up(doctor, currency="EUR", region="FR")
    return documents.render("receipt", payment=_paid_three(doctor, preferred_language="French"), at=AT)


def _statement(doctor: User, patient: Patient) -> bytes:
    for days, total in ((150, "1600"), (110, "800"), (80, "125000"), (50, "200"), (3, "450.50")):
        at = TODAY - timedelta(days=days)
        bill = issue(
            draft(doctor, [Line("Psychotherapy", Decimal(total), cpt_code="90834")], patient=patient, at=at), at=at
        )
        if days == 110:
            payments.record_payment(bill, amount=Decimal(300), method="upi", by=doctor, at=TODAY - timedelta(days=20))
    bill = issue(_insured(doctor, patient), at=TODAY - timedelta(days=2))
    payments.record_payment(bill, amount=Decimal(750), method="card", by=doctor, at=TODAY - timedelta(days=2))
    payments.take_payment(
        patient, amount=Decimal(90), shares=[], method="cash", by=doctor, at=TODAY, keep_rest_as_credit=True
    )
    collecting.mark_overdue(TODAY)
    return documents.render("statement", patient=patient, at=TODAY)


@paper
def reminder_third(doctor: User) -> bytes:
    """The last letter before collection, with what went before it."""
    set_up(doctor)
    bill = issue(draft(doctor, [THERAPY, REVIEW, SCORES]))
    payments.record_payment(bill, amount=Decimal(500), method="upi", by=doctor, at=AT)
    collecting.mark_overdue(TODAY)
    bill.refresh_from_db()
    ReminderStage.objects.update_or_create(
        stage=3,
        defaults={
            "days_late": 45,
            "title": "Last reminder",
            "text": "We have written to you about invoice {number} before. It was due on {due}, and {amount} is still "
            "open.\n\nPlease pay it within ten days. If something is wrong with it, or if you cannot pay it at once, "
            "call {clinic}: we will find a way.",
        },
    )
    letters = [_letter(bill, number, TODAY - timedelta(days=50 - 15 * number)) for number in (1, 2, 3)]
    return documents.render("reminder", bill=bill, message=letters[-1], at=TODAY)


def _insured(doctor: User, patient: Patient | None = None, **edit: Any) -> Bill:
    bill = draft(
        doctor,
        [THERAPY, REVIEW, SCORES],
        patient=patient,
        insurance_covered=Decimal(2250),
        primary_diagnosis_code="F32.1",
        other_diagnosis_codes=["F41.1"],
        place_of_service="11",
        **edit,
    )
    bill.insurance_provider = "Star Health"
    bill.insurance_policy_number = "P/171130/01/2025/004412"
    bill.insurance_claim_number = "CLM-8841-20"
    bill.save()
    return bill


def _paid_three(doctor: User, **fields: Any) -> Any:
    patient = make_patient(doctor=doctor, address=ADDRESS, **fields)
    bills = [
        issue(draft(doctor, [Line("Psychotherapy", Decimal(total), cpt_code="90834")], patient=patient))
        for total in ("2000", "1200", "150.50")
    ]
    return payments.take_payment(
        patient,
        amount=Decimal(3500),
        shares=[Share(bills[0], Decimal(2000)), Share(bills[1], Decimal(700)), Share(bills[2], Decimal("150.50"))],
        method="bank_transfer",
        reference="UTR 5283 9917",
        by=doctor,
        at=AT,
        keep_rest_as_credit=True,
    )


def _letter(bill: Bill, number: int, at: datetime) -> BillMessage:
    with unit_of_work():
        return messages.queue_message(
            "reminder",
            patient=bill.patient,
            bill=bill,
            by=None,
            at=at,
            channel="print",
            number=number,
            stage=number,
            letter_date=date(at.year, at.month, at.day),
        )


def _admin(doctor: User) -> User:
    return User.objects.filter(role="admin").first() or User.objects.create_user(
        username="paper-admin", role="admin", password=None
    )
