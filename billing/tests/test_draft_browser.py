"""A draft in a browser: a line added by its code, a discount in percent, saved; clean on a desk and on a phone."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from billing.models import Bill
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_a_draft_is_edited(browse, asha, viewport, dark):
    patient = make_patient(doctor=asha, insurance_provider="Star Health")
    bill = make_bill(asha, patient=patient, total=None, minutes=46)
    Bill.objects.update(bill_type="telemedicine")
    page = browse(asha, f"/bills/{bill.pk}/edit/", viewport=viewport, dark=dark)
    assert_page_is_clean(page)

    page.get_by_role("button", name="Add: Modifier 95", exact=True).click()
    page.locator("#id_lines-0-modifiers").wait_for()
    assert page.locator("#id_lines-0-modifiers").input_value() == "95"
    page.get_by_role("button", name="Add line").click()
    page.locator("#id_lines-1-cpt_code:focus").wait_for()
    page.keyboard.type("90791")
    page.locator(".code-list [role=option]:visible").first.click()
    expect(page.locator("#id_lines-1-unit_price")).to_have_value("2500.00")
    page.locator("#id_discount").fill("10")
    page.locator("#id_discount_kind").select_option("percent")
    page.locator("#bill-totals").get_by_text("₹4,050.00").first.wait_for()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_text("Bill saved.").wait_for()

    bill.refresh_from_db()
    assert (bill.total_amount, bill.discount_percent) == (Decimal(4050), Decimal(10))
    assert [line["cpt_code"] for line in bill.line_items] == ["90834", "90791"]
    assert bill.line_items[0]["modifiers"] == ["95"]
    assert_page_is_clean(page)


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, True), (PHONE, False)])
def test_a_bill_by_hand_is_begun(browse, rita, asha, viewport, dark):
    make_bill(asha, patient=make_patient(doctor=asha, first_name="Kavya", last_name="Iyer"), status="cancelled")
    page = browse(rita, "/bills/new/", viewport=viewport, dark=dark)
    assert_page_is_clean(page)

    page.get_by_label("Find the patient").press_sequentially("Kavya")
    page.get_by_text("Kavya Iyer").first.click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Draft the bill").wait_for()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Draft the bill").click()
    page.locator("#bill-totals").wait_for()

    assert Bill.objects.filter(status="pending", generated_by=rita).count() == 1
