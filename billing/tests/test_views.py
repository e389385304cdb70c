"""The pages of bills: who gets in, what they show, what a click does."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image
from pypdf import PdfReader

from billing import services, tasks
from billing.models import Bill, FeeScheduleItem, LedgerEntry
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.models import Job

Status = Bill.Status


def page(name, *args):
    return reverse(f"billing:{name}", args=args)


def text_of(pdf):
    return "\n".join(each.extract_text() for each in PdfReader(BytesIO(pdf)).pages)


# Doors ----------------------------------------------------------------------------------------------------------------
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


# The list -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("open", {Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE}),
        ("draft", {Status.PENDING}),
        ("overdue", {Status.OVERDUE}),
        ("paid", {Status.PAID}),
        ("all", set(Status.values)),
        ("nonsense", {Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE}),
    ],
)
def test_the_list_shows_the_states_asked_for(signed_in, asha, show, expected):
    for status in Status.values:
        make_bill(asha, status=status)

    response = signed_in(asha).get(page("list"), {"show": show})

    assert {bill.status for bill in response.context["page"]} == expected


def test_open_money_is_added_up_by_age(signed_in, asha, rita, now):
    services.mark_overdue(now)
    for days, total in ((0, "100"), (20, "200"), (50, "400"), (80, "800"), (120, "1600")):
        make_bill(asha, status=Status.SENT, total=total, at=now - timedelta(days=days))
    make_bill(asha, status=Status.PAID)

    response = signed_in(rita).get(page("list"))
    aging = response.context["aging"]

    assert [bucket.amount for bucket in aging.buckets] == [100, 200, 400, 800, 1600]
    assert (aging.total, aging.count) == (3100, 5)
    assert "₹3,100.00 is open" in response.content.decode()
    one = signed_in(rita).get(page("list"), {"age": "60"})
    assert [bill.total_amount for bill in one.context["page"]] == [400]


def test_only_people_who_see_all_patients_see_the_clinics_month(signed_in, asha, rita):
    make_bill(asha, status=Status.PAID)

    assert "₹1,000.00 paid in" in signed_in(rita).get(page("list")).content.decode()
    assert "paid in" not in signed_in(asha).get(page("list")).content.decode()


def test_a_doctor_lists_the_bills_of_the_own_patients(signed_in, asha, ben):
    make_bill(asha, status=Status.SENT)

    assert list(signed_in(ben).get(page("list"), {"show": "all"}).context["page"]) == []


def test_a_long_list_takes_as_many_queries_as_a_short_one(signed_in, rita, asha):
    client = signed_in(rita)

    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get(page("list"))
        return len(queries)

    for _ in range(2):
        make_bill(asha, status=Status.SENT)
    client.get(page("list"))
    few = count()
    for _ in range(18):
        make_bill(asha, status=Status.SENT)

    assert count() == few


# One bill -------------------------------------------------------------------------------------------------------------
def test_a_bill_shows_lines_reasons_ledger_and_is_recorded_as_read(signed_in, asha, now):
    bill = make_bill(asha, total=None, minutes=46)
    services.record_payment(bill, amount=Decimal(500), method="upi", reference="52839917", by=asha, at=now)

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


def lines(*rows, initial=1):
    data = {"lines-TOTAL_FORMS": str(len(rows)), "lines-INITIAL_FORMS": str(initial)}
    for number, row in enumerate(rows):
        for name, value in {"quantity": "1", "cpt_code": "", **row}.items():
            data[f"lines-{number}-{name}"] = value
    return data


REST = {"discount": "0", "tax_rate": "0", "insurance_covered": "", "primary_diagnosis_code": "", "notes": ""}


def test_a_draft_is_edited(signed_in, rita, asha):
    bill = make_bill(asha)
    data = lines(
        {"description": "Psychotherapy", "unit_price": "2,000", "cpt_code": "90834"},
        {"description": "Questionnaire", "unit_price": "100", "quantity": "2", "cpt_code": "96127"},
        {"description": "", "unit_price": "", "quantity": "1"},
    )

    response = signed_in(rita).post(
        page("edit", bill.pk), data | REST | {"discount": "200", "primary_diagnosis_code": "f32.1"}
    )

    bill.refresh_from_db()
    assert response.status_code == 302
    assert (bill.subtotal, bill.total_amount) == (Decimal(2200), Decimal(2000))
    assert [line["cpt_code"] for line in bill.line_items] == ["90834", "96127"]
    assert bill.primary_diagnosis_code == "F32.1"


def test_a_line_can_be_removed_but_not_the_last(signed_in, asha):
    bill = make_bill(asha)
    row = {"description": "Psychotherapy", "unit_price": "1000", "DELETE": "on"}

    response = signed_in(asha).post(page("edit", bill.pk), lines(row) | REST)

    assert response.status_code == 422
    assert "at least one line" in response.content.decode()


def test_a_price_typed_by_hand_ends_the_missing_one_and_its_reason(signed_in, asha):
    FeeScheduleItem.objects.update(is_active=False)
    bill = make_bill(asha, total=None)
    stored = bill.line_items[0]
    row = {"description": stored["description"], "unit_price": "1500", "price_missing": "True", "note": stored["note"]}

    signed_in(asha).post(page("edit", bill.pk), lines(row) | REST)

    bill.refresh_from_db()
    assert (bill.line_items[0]["price_missing"], bill.line_items[0]["note"]) == (False, "")
    assert services.can_issue(bill)


def test_leaving_the_price_at_nothing_keeps_it_missing(signed_in, asha):
    FeeScheduleItem.objects.update(is_active=False)
    bill = make_bill(asha, total=None)
    stored = bill.line_items[0]
    row = {"description": stored["description"], "unit_price": "0.00", "price_missing": "True", "note": stored["note"]}

    signed_in(asha).post(page("edit", bill.pk), lines(row) | REST)

    bill.refresh_from_db()
    assert bill.line_items[0]["price_missing"] is True


def test_an_issued_bill_has_no_edit_page(signed_in, asha):
    assert signed_in(asha).get(page("edit", make_bill(asha, status=Status.SENT).pk)).status_code == 409


def test_a_payment_at_the_desk(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT)
    key = str(uuid4())
    data = {"amount": "400", "method": "upi", "reference": "UPI 1", "key": key}
    client = signed_in(rita)

    first = client.post(page("pay", bill.pk), data)
    second = client.post(page("pay", bill.pk), data)

    bill.refresh_from_db()
    assert (first.status_code, second.status_code) == (302, 302)
    assert (bill.paid_amount, bill.status) == (Decimal(400), Status.PARTIALLY_PAID)


def test_a_payment_above_what_is_open_is_explained(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT)

    response = signed_in(rita).post(page("pay", bill.pk), {"amount": "1000.01", "method": "cash", "key": str(uuid4())})

    assert response.status_code == 422
    assert "more than is open" in response.content.decode()
    assert not LedgerEntry.objects.filter(kind="payment").exists()


@pytest.mark.parametrize(
    "data", [{"amount": "x"}, {"amount": ""}, {"amount": "-5"}, {"method": "barter"}, {"key": "k"}]
)
def test_a_payment_form_with_errors_comes_back(signed_in, rita, asha, data):
    bill = make_bill(asha, status=Status.SENT)

    response = signed_in(rita).post(
        page("pay", bill.pk), {"amount": "100", "method": "cash", "key": str(uuid4()), **data}
    )

    assert response.status_code == 422


def test_a_refund_and_its_reason(signed_in, omar, asha):
    bill = make_bill(asha, status=Status.PAID)

    signed_in(omar).post(page("refund", bill.pk), {"amount": "250", "reason": "Shorter visit"})

    bill.refresh_from_db()
    assert (bill.status, bill.outstanding_amount) == (Status.PARTIALLY_PAID, Decimal(250))
    assert bill.ledger_entries.get(kind="refund").reason == "Shorter visit"


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


# Sending --------------------------------------------------------------------------------------------------------------
def test_handing_over_writes_no_mail(signed_in, rita, asha):
    bill = make_bill(asha)

    signed_in(rita).post(page("send", bill.pk), {"how": "desk"})

    bill.refresh_from_db()
    assert (bill.status, bool(bill.bill_number)) == (Status.SENT, True)
    assert not Job.objects.filter(kind="billing.tasks.mail_invoice").exists()


def test_a_mailed_bill_says_number_amount_and_how_to_pay_and_nothing_clinical(signed_in, rita, asha):
    ClinicSettings.load()
    ClinicSettings.objects.update(name="Banyan Clinic", payment_instructions="UPI banyan@bank")
    bill = make_bill(asha, patient=make_patient(doctor=asha, email="kavya@example.in"))

    signed_in(rita).post(page("send", bill.pk), {"how": "mail"})
    run_mail_job(bill)

    bill.refresh_from_db()
    [message] = mail.outbox
    assert message.to == ["kavya@example.in"]
    assert bill.bill_number in message.subject
    assert "₹1,000.00" in message.body
    assert "UPI banyan@bank" in message.body
    for secret in ("Kavya", "Iyer", "Psychotherapy", "90834"):
        assert secret not in message.body + message.subject


def run_mail_job(bill):
    tasks.mail_invoice.run(Job.objects.get(kind="billing.tasks.mail_invoice", object_id=bill.pk))


def test_without_an_address_nothing_is_mailed(signed_in, rita, asha):
    bill = make_bill(asha)

    response = signed_in(rita).post(page("send", bill.pk), {"how": "mail"})

    bill.refresh_from_db()
    assert response.status_code == 400
    assert bill.status == Status.PENDING


# The invoice ----------------------------------------------------------------------------------------------------------
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
    services.record_payment(bill, amount=Decimal(500), method="upi", by=asha, at=at)

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
    assert (bool(bill.bill_number), bill.status) == (True, Status.PENDING)


# The patient's panel --------------------------------------------------------------------------------------------------
def test_the_panel_of_a_patient_lists_bills_in_scope(signed_in, asha, ben):
    bill = make_bill(asha, status=Status.SENT)
    address = page("for_patient", bill.patient_id)

    mine = signed_in(asha).get(address, headers={"HX-Request": "true"}).content.decode()

    assert bill.bill_number in mine
    assert "<html" not in mine
    assert signed_in(ben).get(address).status_code == 404
