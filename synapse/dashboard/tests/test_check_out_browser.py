"""From a visit's check-out to its payment and receipt: a receptionist with the mouse, by phone, and by keyboard only."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from billing.models import Bill, Payment
from billing.services import payments
from billing.tests.factories import make_fee
from synapse.dashboard.tests.factories import let_it_be_noon, make_day
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
REFUSED = "422"


@pytest.fixture
def visit(asha, ben, rita, now):
    """Henrik has been seen; his bill of 2,000 is a draft."""
    make_fee()
    let_it_be_noon([rita], now)
    return make_day(asha, ben, rita, at=now)["Henrik"]


def bill_of(visit):
    return Bill.objects.get(session=visit.session_id or type(visit).objects.get(pk=visit.pk).session_id)


def payment_of(visit):
    return Payment.objects.get(patient=visit.patient)


def test_a_visit_is_paid_at_check_out_and_its_receipt_handed_over(browse, visit, rita):
    page = browse(rita, "/desk/")
    page.locator(f'[data-row="{visit.pk}"]').get_by_role("link", name="Check out").click()
    page.get_by_role("heading", name="Bill of this visit").wait_for()
    assert_page_is_clean(page)

    # Less cash than the amount is refused with everything kept; then the change is worked out while it is typed.
    page.get_by_label("Cash", exact=True).check()
    page.get_by_label("Cash given").fill("1500")
    page.get_by_role("button", name="Record payment").click()
    page.get_by_text("₹500.00 less than the amount").first.wait_for()
    assert_page_is_clean(page, allowed=(REFUSED,))
    page.get_by_label("Cash given").fill("2500")
    expect(page.locator("[data-change-amount]")).to_have_text("₹500.00")
    page.get_by_role("button", name="Record payment").click()
    page.locator(".receipts").wait_for()

    # Back where one came from: nothing is to pay, the receipt is a click away, the visit can be checked out.
    receipt = page.get_by_role("link", name=payment_of(visit).receipt_number, exact=True)
    receipt.wait_for()
    expect(page.locator(".owed .v")).to_have_text("₹0.00")
    assert_page_is_clean(page, allowed=(REFUSED,))
    with page.expect_download() as download:
        page.get_by_role("link", name="Print receipt").click()
    assert download.value.suggested_filename.endswith(".pdf")
    receipt.click()
    page.get_by_role("heading", name=payment_of(visit).receipt_number).wait_for()
    assert_page_is_clean(page, allowed=(REFUSED,))
    page.get_by_role("link", name="Go on").click()
    page.get_by_role("button", name="Check out").click()
    page.get_by_text("Checked out.").wait_for()
    visit.refresh_from_db()
    assert visit.checked_out_at is not None
    assert bill_of(visit).status == Bill.Status.PAID


def test_a_visit_is_paid_by_keyboard_only(browse, visit, rita):
    page = browse(rita, f"/desk/{visit.pk}/check-out/")
    page.get_by_label("Amount").focus()

    page.keyboard.press("Control+a")
    page.keyboard.type("2500")
    expect(page.locator("[data-rest-amount]")).to_have_text("₹500.00")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Keep what is over")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")  # to the chosen method
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Card", exact=True)).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("SLIP 7")
    page.keyboard.press("Enter")

    page.get_by_role("link", name="RCP-").first.wait_for()
    payment = payment_of(visit)
    assert (payment.amount, payment.method, payment.reference) == (Decimal(2500), "card", "SLIP 7")


def test_credit_and_a_payment_by_phone(browse, visit, rita, now):
    payments.take_payment(
        visit.patient, amount=Decimal(300), shares=[], method="cash", by=rita, at=now, keep_rest_as_credit=True
    )
    page = browse(rita, f"/desk/{visit.pk}/check-out/", viewport=PHONE, dark=True)
    assert_page_is_clean(page)

    page.get_by_role("button", name="Use ₹300.00").click()
    expect(page.get_by_label("Amount")).to_have_value("1700.00")
    page.get_by_label("UPI").check()
    page.get_by_role("button", name="Record payment").click()
    page.get_by_role("link", name="RCP-").first.wait_for()

    assert_page_is_clean(page)
    assert bill_of(visit).status == Bill.Status.PAID
    page.goto(f"/bills/account/{visit.patient_id}/")
    assert_page_is_clean(page)
    assert Payment.objects.filter(patient=visit.patient).count() == 2
