"""The pages of bills: who gets in, what they show, what a click does."""

from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from pypdf import PdfReader

from billing.models import Bill, FeeScheduleItem
from billing.services import payments, sending
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent

Status = Bill.Status


def page(name, *args):
    return reverse(f"billing:{name}", args=args)


def text_of(pdf):
    return "\n".join(each.extract_text() for each in PdfReader(BytesIO(pdf)).pages)


def test_strangers_are_led_to_sign_in(client, db):
    assert client.get(page("list")).status_code == 302


@pytest.mark.parametrize("name", ["detail", "edit", "pay", "refund", "cancel", "pdf"])
def test_a_bill_of_somebody_elses_patient_is_not_there(signed_in, asha, ben, name):
    bill = make_bill(asha, status=Status.PAID)

    assert signed_in(ben).get(page(name, bill.pk)).status_code == 404


@pytest.mark.parametrize("name", ["edit", "pay", "refund", "cancel", "pdf", "send", "draft_again"])
def test_a_bill_of_somebody_elses_patient_cannot_be_changed(signed_in, asha, ben, name):
    bill = make_bill(asha)

    assert signed_in(ben).post(page(name, bill.pk)).status_code == 404
    bill.refresh_from_db()
    assert (bill.status, bill.bill_number) == (Status.PENDING, None)


@pytest.mark.parametrize("name", ["refund", "cancel"])
def test_the_desk_gives_nothing_back(signed_in, asha, rita, name):
    bill = make_bill(asha, status=Status.PAID)

    assert signed_in(rita).get(page(name, bill.pk)).status_code == 403
    assert signed_in(rita).post(page(name, bill.pk), {"amount": "1", "reason": "x"}).status_code == 403


@pytest.mark.parametrize("name", ["send", "draft_again"])
def test_changes_are_posted(signed_in, asha, name):
    assert signed_in(asha).get(page(name, make_bill(asha).pk)).status_code == 405


@pytest.mark.parametrize("name", ["list", "detail"])
def test_pages_are_read(signed_in, asha, name):
    args = [make_bill(asha).pk] if name == "detail" else []

    assert signed_in(asha).post(page(name, *args)).status_code == 405


def test_a_bill_shows_lines_reasons_ledger_and_is_recorded_as_read(signed_in, asha, now):
    bill = make_bill(asha, total=None, minutes=46)
    payments.record_payment(bill, amount=Decimal(500), method="upi", reference="52839917", by=asha, at=now)

    html = signed_in(asha).get(page("detail", bill.pk)).content.decode()

    for text in ("Psychotherapy, 45 minutes", "7 minutes short of 90837", "52839917", "₹1,500.00", bill.bill_number):
        assert text in html
    assert AuditEvent.objects.filter(action="read", target_id=str(bill.pk)).exists()


def test_a_missing_price_is_said_and_nothing_goes_out(signed_in, asha):
    FeeScheduleItem.objects.update(is_active=False)
    bill = make_bill(asha, total=None)
    client = signed_in(asha)

    html = client.get(page("detail", bill.pk)).content.decode()
    refused = client.post(page("send", bill.pk), {"how": "desk"})

    assert "Price missing" in html
    assert "Record payment" not in html
    assert refused.status_code == 409
    assert "price is missing" in refused.content.decode()


def test_a_cancelled_bills_session_can_be_billed_again(signed_in, asha):
    bill = make_bill(asha, status=Status.SENT)
    client = signed_in(asha)

    client.post(page("cancel", bill.pk), {"reason": "Wrong price"})
    response = client.post(page("draft_again", bill.pk))

    bill.refresh_from_db()
    again = Bill.objects.exclude(pk=bill.pk).get()
    assert bill.status == Status.CANCELLED
    assert response["Location"] == page("detail", again.pk)
    assert again.status == Status.PENDING


def test_handing_over_writes_no_mail(signed_in, rita, asha):
    bill = make_bill(asha)

    signed_in(rita).post(page("send", bill.pk), {"how": "desk"})

    bill.refresh_from_db()
    assert (bill.status, bool(bill.bill_number)) == (Status.SENT, True)
    assert [(row.channel, row.status) for row in bill.messages.all()] == [("print", "sent")]
    assert mail.outbox == []


def test_a_mailed_bill_says_number_amount_and_how_to_pay_and_nothing_clinical(signed_in, rita, asha):
    ClinicSettings.load()
    ClinicSettings.objects.update(name="Banyan Clinic", payment_instructions="UPI banyan@bank")
    bill = make_bill(asha, patient=make_patient(doctor=asha, email="kavya@example.in"))

    signed_in(rita).post(page("send", bill.pk), {"how": "mail"})
    sending.send_due(timezone.now())

    bill.refresh_from_db()
    [message] = mail.outbox
    assert message.to == ["kavya@example.in"]
    assert bill.bill_number in message.subject
    assert "₹1,000.00" in message.body
    assert "UPI banyan@bank" in message.body
    for secret in ("Kavya", "Iyer", "Psychotherapy", "90834"):
        assert secret not in message.body + message.subject


def test_without_an_address_nothing_is_mailed(signed_in, rita, asha):
    bill = make_bill(asha)

    response = signed_in(rita).post(page("send", bill.pk), {"how": "mail"})

    bill.refresh_from_db()
    assert response.status_code == 409
    assert bill.status == Status.PENDING


def test_the_pdf_carries_header_number_lines_payments_and_no_diagnosis(signed_in, asha, now):
    ClinicSettings.load()
    ClinicSettings.objects.update(
        name="Banyan Clinic", address="12 Karve Road\nPune 411004", payment_instructions="UPI banyan@bank"
    )
    asha.profile.license_number = "MMC-2011-04417"
    asha.profile.timezone = "Europe/Berlin"  # the invoice keeps the clinic's time
    asha.profile.save()
    at = datetime(2025, 10, 14, 6, tzinfo=UTC)
    bill = make_bill(
        asha, patient=make_patient(doctor=asha, address="14 Prabhat Road\nPune"), total=None, minutes=46, at=at
    )
    Bill.objects.filter(pk=bill.pk).update(primary_diagnosis_code="F32.1")
    payments.record_payment(bill, amount=Decimal(500), method="upi", by=asha, at=at)

    response = signed_in(asha).get(page("pdf", bill.pk))

    text = text_of(response.content)
    for expected in (
        "Banyan Clinic",
        "12 Karve Road",
        "INV-202510-000001",
        "Kavya Iyer",
        "14 Prabhat Road",
        "14 October 2025, 10:44",
        "28 October 2025",
        "Dr Asha Rao",
        "MMC-2011-04417",
        "Psychotherapy, 45 minutes",
        "90834",
        "₹2,000.00",
        "Paid 14 October, UPI",
        "−₹500.00",
        "₹1,500.00",
        "UPI banyan@bank",
        "Page 1 of 1",
    ):
        assert expected in text, expected
    assert "F32.1" not in text
    assert response["Content-Disposition"] == 'attachment; filename="INV-202510-000001.pdf"'
    assert AuditEvent.objects.filter(action="export", target_id=str(bill.pk)).exists()
    bill.refresh_from_db()
    assert bill.exported_formats == ["pdf"]


def test_a_logo_is_printed(signed_in, asha):
    picture = BytesIO()
    Image.new("RGB", (8, 8), "green").save(picture, "PNG")
    asha.profile.logo = picture.getvalue()
    asha.profile.save()

    response = signed_in(asha).get(page("pdf", make_bill(asha, status=Status.SENT).pk))

    assert b"/Image" in response.content


def test_opening_a_draft_as_pdf_issues_nothing_and_the_button_does(signed_in, asha):
    bill = make_bill(asha)
    client = signed_in(asha)

    opened = client.get(page("pdf", bill.pk))
    bill.refresh_from_db()
    assert (opened.status_code, bill.bill_number) == (409, None)

    issued = client.post(page("pdf", bill.pk))
    bill.refresh_from_db()
    assert issued.content.startswith(b"%PDF")
    assert (bool(bill.bill_number), bill.status) == (True, Status.SENT)


def test_the_panel_of_a_patient_lists_bills_in_scope(signed_in, asha, ben):
    bill = make_bill(asha, status=Status.SENT)
    address = page("for_patient", bill.patient_id)

    mine = signed_in(asha).get(address, headers={"HX-Request": "true"}).content.decode()

    assert bill.bill_number in mine
    assert "<html" not in mine
    assert signed_in(ben).get(address).status_code == 404
