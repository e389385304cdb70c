"""The calendar in a browser: clean in both themes and sizes, its window, its clicks, booking with the keyboard."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from patients.tests.factories import make_patient
from scheduling.models import Appointment
from scheduling.tests.factories import make_appointment
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(DESKTOP, False), (PHONE, True)]


@pytest.fixture
def tomorrow():
    """Ten o'clock at the clinic on the next day that is no Sunday."""
    day = timezone.now().astimezone(timezone.get_default_timezone()) + timedelta(days=1)
    day = day.replace(hour=4, minute=30, second=0, microsecond=0)
    return day + timedelta(days=1) if day.weekday() == 6 else day


@pytest.fixture
def visits(asha, ben, tomorrow):
    """Visits of two doctors at one time, confirmed and not."""
    make_appointment(ben, scheduled_at=tomorrow, duration_minutes=30)
    make_appointment(asha, scheduled_at=tomorrow + timedelta(hours=2), status="confirmed")
    return make_appointment(asha, scheduled_at=tomorrow, chief_complaint="Cannot sleep")


def address(day, view):
    return f"/calendar/?day={day:%Y-%m-%d}&view={view}"


@pytest.mark.parametrize(("viewport", "dark"), LOOKS)
@pytest.mark.parametrize("view", ["week", "day", "doctors"])
def test_the_calendar_is_clean(browse, rita, visits, tomorrow, view, viewport, dark):
    page = browse(rita, address(tomorrow, view), viewport=viewport, dark=dark)

    assert_page_is_clean(page)


@pytest.mark.parametrize(("viewport", "dark"), LOOKS)
def test_the_pages_of_one_visit_are_clean(browse, rita, visits, viewport, dark):
    page = browse(rita, f"/calendar/{visits.pk}/", viewport=viewport, dark=dark)

    assert_page_is_clean(page)
    for path in ("move/", "cancel/", "../new/"):
        page.goto(f"/calendar/{visits.pk}/{path}")
        assert_page_is_clean(page)


def test_a_visits_window_opens_beside_it_and_escape_gives_the_focus_back(browse, asha, visits, tomorrow):
    page = browse(asha, address(tomorrow, "week"))
    block = page.locator(f'[data-grid] [data-visit="{visits.pk}"]')

    block.click()
    window = page.get_by_role("dialog", name="Kavya Iyer")
    window.wait_for()
    assert "Cannot sleep" in window.inner_text()
    assert_page_is_clean(page)
    page.keyboard.press("Escape")

    assert window.count() == 0
    assert block.evaluate("node => node === document.activeElement")


def test_a_click_on_free_time_books_there(browse, rita, asha, visits, tomorrow):
    page = browse(rita, address(tomorrow, "doctors"))
    column = page.locator(f'[data-book*="{asha.pk}"]')
    box = column.bounding_box()
    first_hour = int(page.locator("[data-grid]").get_attribute("data-first-hour"))
    rows = int(column.evaluate("node => [...node.classList].find((name) => /^ln/.test(name)).slice(2)"))
    quarter = box["height"] / rows

    # 14:40 at the clinic is meant as 14:30.
    page.mouse.click(box["x"] + 40, box["y"] + quarter * ((14 - first_hour) * 4 + 2.7))
    page.locator("#visit-dialog #id_clock").wait_for()

    assert page.locator("#id_clock").input_value() == "14:30"
    assert page.locator("#id_day").input_value() == f"{tomorrow:%Y-%m-%d}"
    assert page.locator("#id_doctor").input_value() == str(asha.pk)


def test_the_desk_books_by_search_and_free_time(browse, rita, asha, visits, tomorrow):
    make_patient(doctor=asha, first_name="Tomás", last_name="Herrera")
    page = browse(rita, f"/calendar/new/?day={tomorrow:%Y-%m-%d}&doctor={asha.pk}")

    page.get_by_label("Find the patient").press_sequentially("herr")
    page.get_by_label("Tomás Herrera").check()
    page.get_by_role("group", name="Free that day").first.get_by_role("button", name="15:00").click()
    assert page.locator("#id_clock").input_value() == "15:00"
    page.get_by_label("Reason").fill("Panic attacks")
    page.get_by_role("button", name="Book").click()
    page.wait_for_url("**/calendar/?day=*")

    booked = Appointment.objects.latest("created_at")
    assert (booked.patient.last_name, booked.doctor, booked.chief_complaint) == ("Herrera", asha, "Panic attacks")
    assert f"{booked.scheduled_at:%H:%M}" == "09:30"
    assert_page_is_clean(page)


def test_errors_of_the_booking_form_take_the_focus(browse, rita, asha, visits):
    page = browse(rita, "/calendar/new/")

    page.get_by_role("button", name="Book").click()
    summary = page.locator("[data-error-summary]")

    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Choose the patient")
    expect(page).to_have_title(re.compile("^Error: "))
    assert_page_is_clean(page, allowed=("422",))


def test_n_opens_the_booking_form(browse, rita, visits, tomorrow):
    page = browse(rita, address(tomorrow, "week"))

    page.keyboard.press("n")
    page.locator("#visit-dialog #id_clock").wait_for()

    assert page.locator("#id_day").input_value() == f"{tomorrow:%Y-%m-%d}"
