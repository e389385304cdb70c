"""Doors of documents: who gets which file, what the trail keeps, and the ways to send."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from billing.models import Bill, BillMessage
from billing.services import payments, sending
from billing.tests.factories import make_bill
from billing.tests.papers import set_up
from patients.tests.factories import make_patient
from synapse.audit.models import AuditEvent

Status = Bill.Status


@pytest.fixture
def bill(asha):
    set_up(asha)
    patient = make_patient(doctor=asha, email="kavya@example.org")
    return make_bill(asha, patient=patient, status=Status.SENT, at=timezone.now())


@pytest.fixture
def payment(asha, bill):
    return payments.record_payment(bill, amount=Decimal(400), method="upi", by=asha, at=timezone.now())


def page(name, *args):
    return reverse(f"billing:{name}", args=args)


def text_of(response):
    return "\n".join(each.extract_text() for each in PdfReader(BytesIO(response.content)).pages)


def send_now():
    sending.send_due(timezone.now() + timedelta(seconds=1))


def last_export():
    return AuditEvent.objects.filter(action="export").order_by("-seq").first()


def test_the_insurers_copy_is_another_file(signed_in, asha, bill):
    Bill.objects.filter(pk=bill.pk).update(place_of_service="11")
    bill.refresh_from_db()
    bill.primary_diagnosis_code = "F32.1"
    bill.save()
    client = signed_in(asha)

    ours, theirs = client.get(page("pdf", bill.pk)), client.get(page("pdf", bill.pk), {"copy": "insurer"})

    assert "F32.1" not in text_of(ours)
    assert "F32.1" in text_of(theirs)
    assert theirs["Content-Disposition"] == f'attachment; filename="{bill.bill_number}-insurer.pdf"'


def test_a_receipt_is_a_file_that_the_trail_knows_of(signed_in, rita, payment):
    response = signed_in(rita).get(page("receipt", payment.pk))

    assert payment.receipt_number in text_of(response)
    assert response["Cache-Control"] == "no-store"
    event = last_export()
    assert (event.target_id, event.patient_id) == (str(payment.pk), payment.patient_id)


def test_a_statement_is_shown_and_saved(signed_in, rita, bill):
    client = signed_in(rita)

    html = client.get(page("statement", bill.patient_id)).content.decode()
    response = client.get(page("statement_pdf", bill.patient_id))

    assert bill.bill_number in html
    assert "₹1,000.00" in html
    assert bill.bill_number in text_of(response)
    assert last_export().target_id == str(bill.patient_id)


def test_the_letter_of_a_message_is_the_one_that_was_sent(signed_in, rita, asha, bill):
    client = signed_in(rita)
    client.post(page("send", bill.pk), {"how": "desk"})

    response = client.get(page("letter", BillMessage.objects.get().pk))

    assert bill.bill_number in text_of(response)


@pytest.mark.parametrize("name", ["receipt", "send_receipt"])
def test_strangers_find_no_receipt(signed_in, ben, payment, name):
    client = signed_in(ben)

    answer = client.get if name == "receipt" else client.post
    assert answer(page(name, payment.pk)).status_code == 404


@pytest.mark.parametrize("name", ["statement", "statement_pdf", "send_statement"])
def test_strangers_find_no_statement(signed_in, ben, bill, name):
    client = signed_in(ben)

    answer = client.post if name == "send_statement" else client.get
    assert answer(page(name, bill.patient_id), {"how": "mail"}).status_code == 404


@pytest.mark.parametrize(
    ("how", "row"),
    [
        ("mail", ("email", "due", False)),
        ("attach", ("email", "due", True)),
        ("desk", ("print", "sent", False)),
        ("print", ("print", "sent", False)),
    ],
)
def test_a_bill_goes_out_the_way_that_was_chosen(signed_in, rita, asha, how, row):
    bill = make_bill(asha, patient=make_patient(doctor=asha, email="kavya@example.org"))

    response = signed_in(rita).post(page("send", bill.pk), {"how": how})

    bill.refresh_from_db()
    message = BillMessage.objects.get()
    assert bill.status == Status.SENT
    assert (message.channel, message.status, message.with_attachment) == row
    assert response["Location"] == page("pdf" if how == "print" else "detail", bill.pk)


def test_a_way_that_is_none_is_refused(signed_in, rita, bill):
    assert signed_in(rita).post(page("send", bill.pk), {"how": "pigeon"}).status_code == 400
    assert signed_in(rita).post(page("send_statement", bill.patient_id), {"how": ""}).status_code == 400
    assert not BillMessage.objects.exists()


def test_a_receipt_is_mailed_after_the_payment(signed_in, rita, payment):
    response = signed_in(rita).post(page("send_receipt", payment.pk), {"next": page("list")})
    send_now()

    assert response["Location"] == page("list")
    assert payment.receipt_number in mail.outbox[0].subject


def test_a_statement_is_mailed_printed_and_listed(signed_in, rita, bill):
    client = signed_in(rita)
    client.post(page("send_statement", bill.patient_id), {"how": "mail"})
    printed = client.post(page("send_statement", bill.patient_id), {"how": "print"})
    send_now()

    html = client.get(page("statement", bill.patient_id)).content.decode()

    assert printed["Location"] == page("statement_pdf", bill.patient_id)
    assert len(mail.outbox) == 1
    assert "Statements sent" in html
    assert "not opened yet" in html


def test_a_statement_that_asks_for_nothing_is_not_offered_for_sending(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.PAID)
    client = signed_in(rita)

    assert "send-statement" not in client.get(page("statement", bill.patient_id)).content.decode()
    assert client.post(page("send_statement", bill.patient_id), {"how": "mail"}).status_code == 409


def test_what_was_sent_is_sent_again_with_a_new_link(signed_in, rita, bill):
    client = signed_in(rita)
    client.post(page("send", bill.pk), {"how": "mail"})
    send_now()

    client.post(page("send_again", BillMessage.objects.get().pk), {"next": page("detail", bill.pk)})
    send_now()

    assert len(mail.outbox) == 2
    assert BillMessage.objects.filter(status="sent", link__isnull=False).count() == 2


def test_a_patient_who_wants_no_messages_is_said_so_and_not_written_to(signed_in, rita, bill, now):
    bill.patient.messages_stopped_at = now
    bill.patient.save()
    client = signed_in(rita)

    assert "The patient wants no messages" in client.get(page("detail", bill.pk)).content.decode()
    assert client.post(page("send", bill.pk), {"how": "mail"}).status_code == 409


def test_a_paid_bill_can_still_be_sent(signed_in, rita, asha):
    bill = make_bill(asha, patient=make_patient(doctor=asha, email="kavya@example.org"), status=Status.PAID)
    client = signed_in(rita)

    assert "send-bill" in client.get(page("detail", bill.pk)).content.decode()
    client.post(page("send", bill.pk), {"how": "mail"})
    send_now()
    assert "There is nothing to pay." in mail.outbox[0].body


@pytest.mark.parametrize("name", ["send_receipt", "send_statement", "send_again", "revoke_link"])
def test_changes_are_posted(signed_in, rita, bill, name):
    assert signed_in(rita).get(page(name, bill.pk)).status_code == 405
