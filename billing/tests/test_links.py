"""Links to documents about money: what they show, to whom, for how long, and what stays in the trail."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from billing.messages.link_views import THROTTLE_PURPOSE
from billing.models import Bill, BillLink, PaymentLink
from billing.services import corrections, links, messages, payments, sending
from billing.tests.factories import make_bill
from billing.tests.papers import set_up
from patients.tests.factories import make_patient
from synapse.accounts.models import SignInThrottle
from synapse.audit.models import AuditEvent
from synapse.audit.services import unit_of_work
from synapse.common.errors import NotAllowed
from synapse.links.logs import MaskTokens

PAY_PAGE = "https://pay.example/abc"
SECRETS = ("Kavya", "Iyer", "Psychotherapy", "90834", "F32")


@pytest.fixture
def bill(asha):
    set_up(asha)
    patient = make_patient(doctor=asha, email="kavya@example.org")
    return make_bill(asha, patient=patient, status=Bill.Status.SENT, at=timezone.now())


def send(document, about, **fields):
    """Send a document by mail and return the address in it."""
    with unit_of_work():
        messages.queue_message(
            document, **{"patient": about.patient, "bill": about, "by": about.doctor, "at": timezone.now(), **fields}
        )
    sending.send_due(timezone.now() + timedelta(seconds=1))
    return address_in(mail.outbox[-1].body)


def address_in(body):
    return re.search(r"/document/[\w-]+/", body)[0]


def make_payment_link(bill, **changes):
    values = {"url": PAY_PAGE, "amount": bill.total_amount, **changes}
    return PaymentLink.objects.create(
        bill=bill, provider="example", provider_reference="1", currency="INR", created_by=bill.doctor, **values
    )


def text_of(response):
    return PdfReader(BytesIO(response.content)).pages[0].extract_text()


def mail_about(document, bill):
    send(document, bill)
    return mail.outbox[-1].body


def open_it(client, address):
    response = client.post(address)
    assert response.status_code == 302
    return client.get(response["Location"])


def test_opening_the_address_tells_nothing_and_counts_nothing(client, bill):
    response = client.get(send("invoice", bill))

    html = response.content.decode()
    assert response.status_code == 200
    assert not [word for word in (*SECRETS, bill.bill_number, "1,000", "Invoice") if word in html]
    assert BillLink.objects.get().opened_count == 0
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response["X-Robots-Tag"]


def test_pressing_the_button_shows_amount_due_and_how_to_pay(client, bill):
    response = open_it(client, send("invoice", bill))

    html = response.content.decode()
    for words in (
        bill.bill_number,
        "₹1,000.00",
        "At the desk, by cash or card.",
        "banyanclinic@okbank",
        "data:image/png",
    ):
        assert words in html
    assert not [word for word in SECRETS if word in html]
    link = BillLink.objects.get()
    assert (link.opened_count, link.last_opened_at is not None) == (1, True)


def test_the_file_is_saved_in_the_same_browser_only(client, bill, asha):
    address = send("invoice", bill)
    open_it(client, address)

    response = client.get(f"{address}file/")

    text = PdfReader(BytesIO(response.content)).pages[0].extract_text()
    assert response["Content-Disposition"] == f'attachment; filename="{bill.bill_number}.pdf"'
    assert "Psychotherapy" in text
    client.cookies.clear()
    assert client.get(f"{address}file/").status_code == 404
    assert client.get(f"{address}read/").status_code == 404


def test_a_link_is_used_up_by_its_button(client, bill):
    address = send("invoice", bill)
    open_it(client, address)

    assert client.get(address).headers["Location"] == f"{address}read/"
    client.cookies.clear()
    assert (client.get(address).status_code, client.post(address).status_code) == (404, 404)
    assert BillLink.objects.get().opened_count == 1


def test_a_link_opens_no_other_link(client, bill, asha):
    other = make_bill(asha, patient=make_patient(doctor=asha, email="t@example.org"), status=Bill.Status.SENT)
    mine, theirs = send("invoice", bill), send("invoice", other)
    opened = client.post(mine)
    client.cookies["synapse_link"]["path"] = "/"
    assert opened.status_code == 302

    assert client.get(f"{theirs}read/").status_code == 404


def test_what_was_paid_meanwhile_asks_for_nothing(client, bill):
    address = send("invoice", bill)
    payments.record_payment(bill, amount=bill.total_amount, method="cash", by=bill.doctor, at=timezone.now())

    html = open_it(client, address).content.decode()

    assert "There is nothing to pay." in html
    assert "data:image/png" not in html


def test_an_open_payment_page_is_offered(client, bill):
    address = send("invoice", bill)
    make_payment_link(bill)

    assert PAY_PAGE not in client.get(address).content.decode()
    html = open_it(client, address).content.decode()
    assert f'href="{PAY_PAGE}" rel="noopener noreferrer"' in html
    assert PAY_PAGE in text_of(client.get(f"{address}file/"))
    assert PAY_PAGE in mail_about("invoice", bill)
    assert PAY_PAGE not in mail_about("superbill", bill)

    # Until the provider has withdrawn it, it asks for what is no longer owed.
    payments.record_payment(bill, amount=Decimal(100), method="cash", by=bill.doctor, at=timezone.now())

    assert "https://pay.example/abc" not in open_it(client, address).content.decode()


@pytest.mark.parametrize(
    "changes",
    [{"amount": Decimal(999)}, {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"url": ""}, {"status": "cancelled"}],
)
def test_a_payment_page_that_is_over_or_asks_for_another_amount_leaves_no_trace(client, bill, changes):
    make_payment_link(bill, **changes)
    address = send("invoice", bill)

    said = mail.outbox[-1].body + open_it(client, address).content.decode() + text_of(client.get(f"{address}file/"))

    assert not [words for words in (PAY_PAGE, "Pay online", "Online:") if words in said]


def test_a_receipt_and_a_statement_have_their_pages(client, bill):
    payment = payments.record_payment(bill, amount=Decimal(400), method="upi", by=bill.doctor, at=timezone.now())

    receipt = open_it(client, send("receipt", bill, bill=None, payment=payment)).content.decode()
    statement = open_it(client, send("statement", bill, bill=None)).content.decode()

    assert payment.receipt_number in receipt
    assert "₹400.00" in receipt
    assert "₹600.00" in statement
    assert bill.bill_number in statement
    assert not [word for word in SECRETS if word in receipt + statement]


def test_a_reminder_keeps_the_date_and_figures_it_was_written_with(client, asha, now):
    set_up(asha)
    bill = make_bill(asha, patient=make_patient(doctor=asha, email="k@example.org"), status=Bill.Status.OVERDUE, at=now)
    written = (now - timedelta(days=1)).date()
    address = send("reminder", bill, number=1, stage=1, by=None, letter_date=written)
    payments.record_payment(bill, amount=Decimal(400), method="upi", by=asha, at=timezone.now() + timedelta(minutes=1))
    open_it(client, address)

    text = " ".join(PdfReader(BytesIO(client.get(f"{address}file/").content)).pages[0].extract_text().split())

    assert f"Date {written:%-d %B %Y}" in text
    assert "₹1,000.00 is still open" in text
    assert "Open today: ₹600.00." in text


def test_the_page_speaks_the_patients_language_after_the_button_only(client, bill):
    bill.patient.preferred_language = "Deutsch"
    bill.patient.save()
    address = send("invoice", bill)

    assert '<html lang="en"' in client.get(address).content.decode()
    html = open_it(client, address).content.decode()
    assert '<html lang="de"' in html
    assert "Zu zahlen" in html


def ended(bill, address):
    links.revoke_link(BillLink.objects.get(), by=bill.doctor, at=timezone.now())


def expired(bill, address):
    BillLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def cancelled(bill, address):
    corrections.cancel_bill(bill, reason="Slip", by=bill.doctor, at=timezone.now())


@pytest.mark.parametrize("change", [ended, expired, cancelled])
def test_links_that_open_nothing_look_the_same(client, bill, change):
    address = send("invoice", bill)
    open_it(client, address)
    change(bill, address)

    made_up = client.get(reverse("document:open", args=["x" * 43]))
    answers = [client.get(address), client.post(address), client.get(f"{address}read/"), client.get(f"{address}file/")]

    assert {answer.status_code for answer in (*answers, made_up)} == {404}
    assert {plain(answer) for answer in answers} == {plain(made_up)}


def plain(response):
    """Return a page without what differs with each answer: the tokens against forged requests."""
    return re.sub(r'content="[A-Za-z0-9]{64}"', "", response.content.decode())


def test_guessing_is_slowed_down(client, bill):
    address = reverse("document:open", args=["x" * 43])
    for _ in range(10):
        client.get(address)

    assert client.get(address).status_code == 429
    assert SignInThrottle.objects.exists()
    assert THROTTLE_PURPOSE


def test_each_opening_is_in_the_trail(client, bill):
    address = send("invoice", bill)
    open_it(client, address)
    client.get(f"{address}file/")

    events = AuditEvent.objects.filter(detail__has_key="link").order_by("seq")
    assert [event.detail["verb"] for event in events] == ["open", "read", "download"]
    assert {event.patient_id for event in events} == {bill.patient_id}


def test_a_token_is_stored_as_a_hash_and_masked_in_logs(bill):
    address = send("invoice", bill)
    token = address.split("/")[2]

    assert token not in str(BillLink.objects.values())
    record = type("Record", (), {"getMessage": lambda self: f"Not Found: {address}", "msg": "", "args": ()})()
    MaskTokens().filter(record)
    assert token not in record.msg


def test_staff_see_a_link_and_end_it(client, signed_in, rita, bill):
    address = send("invoice", bill)
    desk = signed_in(rita)
    page = reverse("billing:detail", args=[bill.pk])
    assert "Links sent to the patient" in desk.get(page).content.decode()

    desk.post(reverse("billing:revoke_link", args=[BillLink.objects.get().pk]), {"next": page})

    assert client.get(address).status_code == 404
    assert "Ended" in desk.get(page).content.decode()


def test_a_stranger_ends_no_link(signed_in, ben, bill):
    send("invoice", bill)

    assert signed_in(ben).post(reverse("billing:revoke_link", args=[BillLink.objects.get().pk])).status_code == 404
    assert BillLink.objects.get().revoked_at is None


def test_ending_a_link_needs_the_right_to_work_with_bills(bill, omar):
    send("invoice", bill)
    omar.role = "nobody"

    with pytest.raises(NotAllowed):
        links.revoke_link(BillLink.objects.get(), by=omar, at=datetime(2026, 3, 2, tzinfo=UTC))
