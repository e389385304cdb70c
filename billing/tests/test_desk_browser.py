"""The desk's day in a browser: filter, choose two, state, pay from a row, close the day; and every page of it is clean."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from billing.desk import listing
from billing.models import Bill, BillMessage, DayClose, Payment
from billing.services import day_close
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Status = Bill.Status


def test_a_day_of_the_desk(browse, asha, rita, now):
    leela = make_patient(asha, first_name="Leela", last_name="Kulkarni", email="leela@example.in")
    rohan = make_patient(asha, first_name="Rohan", last_name="Deshpande")
    late = make_bill(asha, patient=leela, status=Status.OVERDUE, total="1500", at=now)
    plain = make_bill(asha, patient=rohan, status=Status.SENT, total="700", at=now)
    make_bill(asha, status=Status.PAID, total="90", at=now - timedelta(days=40))
    page = browse(rita, "/bills/")

    # What is late, by a press on its age; then everybody's of this month, dearest first.
    page.get_by_role("link", name="1 to 30 days").click()
    expect(page.locator("[data-bill]")).to_have_count(1)
    page.get_by_role("link", name="Open 2").click()
    page.get_by_role("link", name="Amount").click()
    page.get_by_role("link", name="Amount").click()
    expect(page.locator("[data-bill]").first).to_contain_text("Leela")

    # Both are chosen with the keyboard and reminded of; what is not late is left out and says so.
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-chosen-text]")).to_have_text("2 chosen, ₹2,200.00")
    assert_page_is_clean(page)
    page.get_by_role("button", name="Remind").click()
    expect(page.get_by_role("region", name="Left out")).to_contain_text(plain.bill_number)
    expect(page.get_by_role("region", name="Done")).to_contain_text(late.bill_number)
    assert BillMessage.objects.get().patient == leela

    # Found by name, paid from the row without leaving the list.
    page.get_by_role("link", name="Back to the bills").click()
    page.get_by_label("Find bills by patient or number").fill("rohan")
    page.keyboard.press("Enter")
    expect(page.locator("[data-bill]")).to_have_count(1)
    assert "rohan" not in page.url
    page.get_by_role("link", name=f"Pay {plain.bill_number}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Cash", exact=True).check()
    dialog.get_by_role("button", name="Record payment").click()
    page.get_by_text("Cash payment recorded").wait_for()
    assert Payment.objects.count() == 2
    plain.refresh_from_db()
    assert plain.status == Status.PAID


def test_a_day_is_closed_ten_short(browse, asha, rita, now):
    make_bill(asha, status=Status.PAID, total="700", at=now)
    page = browse(rita, "/bills/day-close/")

    page.get_by_text("Count notes and coins").click()
    page.get_by_label("500", exact=True).fill("1")
    page.get_by_label("100", exact=True).fill("1")
    page.get_by_label("50", exact=True).fill("1")
    page.get_by_label("20", exact=True).fill("2")
    expect(page.get_by_label("Cash counted")).to_have_value("690.00")
    page.get_by_label("Why Cash differs").fill("Change for the taxi")
    assert_page_is_clean(page)
    page.get_by_role("button", name="Close the day").click()
    page.get_by_text("Change for the taxi").wait_for()
    assert DayClose.objects.get().counted["cash"] == "690"


def test_a_phone_shows_how_far_the_count_is_off(browse, asha, rita, now):
    make_bill(asha, status=Status.PAID, total="700", at=now)
    page = browse(rita, "/bills/day-close/", viewport=PHONE)

    page.get_by_label("Cash counted").fill("690")

    difference = page.locator("[data-line][data-cash] [data-difference]")
    expect(difference).to_have_text("−10.00")
    box = difference.bounding_box()
    assert box["x"] + box["width"] <= PHONE["width"]


def test_the_cash_in_the_drawer_is_told_with_the_float(browse, asha, rita, now):
    make_bill(asha, status=Status.PAID, total="700", at=now)
    page = browse(rita, "/bills/day-close/")
    cash = page.locator("[data-line][data-cash]")
    expect(cash.locator("[data-in-drawer]")).to_be_hidden()

    page.get_by_label("Opening float").fill("1,000")
    page.get_by_label("Cash counted").fill("700")

    expect(cash.locator("[data-in-drawer]")).to_have_text("With the float 1700.00")
    expect(cash.locator("[data-difference]")).to_have_text("−1000.00")
    assert_page_is_clean(page)


def test_all_bills_of_a_long_list_are_chosen_beside_the_numbers_of_the_rail(browse, asha, rita, now, monkeypatch):
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    for _ in range(3):
        make_bill(asha, status=Status.SENT, total="100", at=now)
    page = browse(rita, "/bills/")

    with page.expect_response("**/counts/"):
        page.evaluate("document.dispatchEvent(new Event('synapse:counts'))")
    page.locator("[data-bill] .ck").first.check()
    page.get_by_label("All 3 of this list").check()

    expect(page.locator("[data-chosen-text]")).to_have_text("3 chosen")
    assert_page_is_clean(page)


def test_what_was_recorded_is_said_beside_the_next_button_not_upon_it(browse, asha, rita, now):
    visit = make_appointment(asha, scheduled_at=now - timedelta(hours=1))
    bill = make_bill(asha, patient=visit.patient, status=Status.SENT, total="700", at=now)
    Bill.objects.filter(pk=bill.pk).update(appointment=visit)
    page = browse(rita, f"/desk/{visit.pk}/check-out/", viewport={"width": 1440, "height": 600})

    page.get_by_role("button", name="Record payment").click()

    said = page.locator(".toast").filter(has_text="payment recorded")
    said.wait_for()
    bar = page.locator(".savebar").bounding_box()
    toast = said.bounding_box()
    assert bar["y"] + bar["height"] > 500  # it stands at the foot of the window
    assert toast["y"] + toast["height"] <= bar["y"]


def test_both_files_for_the_accountant_come_from_one_page(browse, asha, omar, now):
    make_bill(asha, status=Status.PAID, total="700", at=now)
    page = browse(omar, "/bills/export/")

    for name, file in (("Journal", "journal"), ("Payments and refunds", "payments"), ("Journal", "journal")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        assert download.value.suggested_filename.startswith(file)


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, True), (PHONE, False)])
def test_every_page_of_the_desk_is_clean(browse, asha, omar, now, viewport, dark):
    for status in (*Status.values, Status.SENT):
        make_bill(asha, status=status, at=now)
    day = ClinicSettings.load().date_of(now)
    sheet = day_close.read_day(day, "INR")
    close = day_close.close_day(day, counted=sheet.expected, fingerprint=sheet.fingerprint, by=omar, at=now)

    page = browse(omar, "/bills/", viewport=viewport, dark=dark)
    page.locator("[data-bill] .ck").first.check()
    assert_page_is_clean(page)
    for path in (
        "?show=all",
        "figures/?period=twelve",
        "day-close/",
        f"day-close/{close.pk}/",
        "export/",
        "export/accounts/",
        "unbilled/",
    ):
        page.goto(f"/bills/{path}")
        assert_page_is_clean(page)
