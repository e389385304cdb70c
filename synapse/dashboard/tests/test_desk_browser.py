"""The front desk in a browser: a receptionist's hour on a desktop, a short look by phone."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from billing.tests.factories import make_fee
from scheduling.models import Appointment
from scheduling.services import stages
from synapse.dashboard.tests.factories import let_it_be_noon, make_day
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def day(asha, ben, rita, now):
    make_fee()
    let_it_be_noon([rita], now)
    return make_day(asha, ben, rita, at=now)


def test_an_hour_at_the_desk(browse, day, asha, rita, omar, now):
    tomas, joseph, kavya = day["Tomás"], day["Joseph"], day["Kavya"]
    page = browse(rita, "/desk/")
    page.clock.install()
    page.goto("/desk/")
    assert_page_is_clean(page)

    def row_of(visit):
        return page.locator(f'[data-row="{visit.pk}"]')

    # Check in: the wait begins, the focus stays on the row's next step, the minutes pass without a reload.
    row_of(tomas).get_by_role("button", name="Check in").press("Enter")
    expect(row_of(tomas)).to_contain_text("Waiting 0 min")
    expect(row_of(tomas).get_by_role("button", name="Show in")).to_be_focused()
    expect(row_of(tomas)).to_contain_text("2 consents missing")
    Appointment.objects.filter(pk=tomas.pk).update(arrived_at=now - timedelta(minutes=16))
    page.clock.fast_forward(61_000)
    expect(row_of(tomas)).to_contain_text("Waiting 16 min")

    # A colleague shows somebody in: it is seen here while a menu is open, and the menu stays.
    row_of(joseph).get_by_role("link", name="More for Joseph Tan").click()
    menu = page.locator("[data-desk-menu]")
    expect(menu).to_contain_text("Called, nobody answered")
    stages.show_in(Appointment.objects.get(pk=kavya.pk), by=omar, at=now)
    expect(row_of(kavya)).to_contain_text("In the room")
    expect(menu).to_be_visible()
    assert_page_is_clean(page)
    menu.get_by_role("button", name="Confirm: they will come").click()
    expect(row_of(joseph)).to_contain_text("Confirmed")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Checked: insurance of Tomás Herrera").wait_for(state="detached")

    # Show in, check out; the bill of a visit with a session, the question about one without.
    row_of(tomas).get_by_role("button", name="Show in").click()
    row_of(tomas).get_by_role("link", name="Check out").click()
    page.get_by_label("The visit took place").wait_for()
    assert_page_is_clean(page)
    page.goto(f"/desk/{day['Henrik'].pk}/check-out/")
    expect(page.get_by_role("button", name="Record payment")).to_be_visible()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Check out").click()
    expect(row_of(day["Henrik"])).to_contain_text("Left ")

    # A walk-in who is new here.
    page.get_by_role("link", name="Walk-in", exact=True).click()
    page.get_by_label("Name, phone").press_sequentially("leila")
    expect(page.get_by_text("Has a visit today")).to_be_visible()
    page.get_by_label("New patient").check()
    for label, text in (("First name", "Uma"), ("Last name", "Nair"), ("Mobile", "98200 55555")):
        page.get_by_label(label).fill(text)
    for label, text in (("Day", "2"), ("Month", "5"), ("Year", "1991")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Dr Asha Rao").check()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Check in").click()
    page.wait_for_url("**/desk/")
    uma = Appointment.objects.get(is_walk_in=True)
    expect(row_of(uma)).to_contain_text("Walk-in")
    expect(row_of(uma)).to_contain_text("2 consents missing")
    assert (uma.doctor, uma.overbooking_reason) == (asha, "Walk-in")


def test_the_desk_by_phone(browse, day, rita):
    page = browse(rita, "/desk/", viewport=PHONE, dark=True)
    assert_page_is_clean(page)

    page.get_by_role("button", name="Check in Sofia Khan").tap()
    page.get_by_role("button", name="Show in Sofia Khan").wait_for()
    page.get_by_role("button", name="Close message").tap()
    page.get_by_role("link", name="More for Sofia Khan").tap()
    page.get_by_role("button", name="Take back: checked in").wait_for()
    assert_page_is_clean(page)
    page.get_by_role("button", name="Take back: checked in").tap()
    page.get_by_role("button", name="Check in Sofia Khan").wait_for()
    page.goto("/desk/walk-in/")
    assert_page_is_clean(page)
    page.get_by_label("What they want or look like").fill("Blue coat")
    page.get_by_role("button", name="Put on the sheet without a name").tap()

    expect(page.get_by_text("Blue coat · name not taken yet")).to_be_visible()
    assert_page_is_clean(page)
