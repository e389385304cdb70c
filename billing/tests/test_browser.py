"""The bills in a browser: clean in both themes and sizes, and paid with a few clicks."""

from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Bill
from billing.services import payment_links
from billing.tests.factories import make_bill, make_fee
from patients.tests.factories import make_patient
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(DESKTOP, False), (PHONE, True)]
Status = Bill.Status


@pytest.mark.parametrize(("viewport", "dark"), LOOKS)
def test_the_list_is_clean(browse, rita, asha, viewport, dark):
    for status in Status.values:
        make_bill(asha, status=status)

    page = browse(rita, "/bills/?show=all", viewport=viewport, dark=dark)

    assert_page_is_clean(page)
    page.goto("/bills/?age=60")
    assert_page_is_clean(page)


@pytest.mark.parametrize(("viewport", "dark"), LOOKS)
def test_a_bill_and_its_forms_are_clean(browse, omar, asha, viewport, dark, settings, tmp_path):
    draft = make_bill(asha, patient=make_patient(doctor=asha, insurance_provider="Star Health"))
    part = make_bill(asha, status=Status.PARTIALLY_PAID)
    settings.PAYMENT_LINK_BACKEND, settings.DATA_DIR = "file", tmp_path
    payment_links.create_link(part, by=asha, at=timezone.now())
    payment = part.ledger_entries.get(kind="payment").payment

    page = browse(omar, f"/bills/{part.pk}/", viewport=viewport, dark=dark)

    assert_page_is_clean(page)
    for path in (
        f"{part.pk}/payment/",
        f"{part.pk}/refund/",
        f"{part.pk}/adjust/",
        f"{part.pk}/write-off/",
        f"{part.pk}/history/",
        f"payments/{payment.pk}/",
        f"payments/{payment.pk}/reverse/",
        f"account/{part.patient_id}/",
        f"{draft.pk}/",
        f"{draft.pk}/edit/",
        f"{draft.pk}/cancel/",
    ):
        page.goto(f"/bills/{path}")
        assert_page_is_clean(page)


def test_a_draft_is_sent_and_paid(browse, rita, asha):
    make_fee(unit_price="2000")
    bill = make_bill(asha, total=None)
    page = browse(rita, f"/bills/{bill.pk}/")

    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Handed over").click()
    page.get_by_role("link", name="Record payment").click()
    page.get_by_label("Amount").fill("500")
    page.get_by_label("Cash", exact=True).check()
    page.get_by_role("button", name="Record payment").click()
    page.get_by_text("Payment recorded").wait_for()

    bill.refresh_from_db()
    assert (bill.status, bill.paid_amount) == (Status.PARTIALLY_PAID, Decimal(500))
    assert bill.bill_number in page.content()
    assert_page_is_clean(page)


def test_a_bill_is_paid_from_the_list_in_a_dialog(browse, rita, asha):
    bill = make_bill(asha, status=Status.SENT)
    page = browse(rita, "/bills/")

    page.get_by_role("link", name=f"Pay {bill.bill_number}").click()
    dialog = page.get_by_role("dialog", name="Record payment")
    dialog.get_by_label("Amount").fill("1200")
    expect(dialog.locator("[data-rest-amount]")).to_have_text("₹200.00")
    dialog.get_by_role("button", name="Record payment").click()
    dialog.get_by_text("Only ₹1,000.00 is open").first.wait_for()
    assert_page_is_clean(page, allowed=("422",))
    dialog.get_by_label("Amount").fill("1000")
    dialog.get_by_role("button", name="Record payment").click()
    page.get_by_text("payment recorded, receipt").wait_for()

    bill.refresh_from_db()
    assert bill.status == Status.PAID


def test_the_invoice_is_downloaded(browse, asha):
    bill = make_bill(asha, status=Status.SENT)
    page = browse(asha, f"/bills/{bill.pk}/")

    with page.expect_download() as download:
        page.get_by_role("link", name="PDF", exact=True).click()

    assert download.value.suggested_filename == f"{bill.bill_number}.pdf"
