"""Hours set and copied on a phone, then a new patient booked over the calendar, into a break, with the reason."""

from datetime import timedelta

import pytest
from django.utils import timezone

from scheduling.models import Appointment
from scheduling.services import closures
from scheduling.tests.factories import make_appointment, make_room, make_time_off
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_week_is_set_on_a_phone_and_a_newcomer_is_booked_into_its_break(browse, asha, rita):
    page = browse(asha, "/settings/calendar/", viewport=PHONE, dark=True)
    monday = page.get_by_role("group", name="Monday")
    monday.get_by_label("From", exact=True).fill("09:00")
    monday.get_by_label("To", exact=True).fill("17:00")
    monday.get_by_label("Break from").first.fill("13:00")
    monday.locator("[name=d0-break0_ends]").fill("14:00")
    page.get_by_role("button", name="Copy Monday").click()
    page.wait_for_function("document.querySelector('[name=d4-starts]').value === '09:00'")
    assert_page_is_clean(page)
    page.get_by_role("button", name="Save hours").click()
    page.get_by_text("What counts when").wait_for()
    assert asha.working_hours.count() == 10

    day = timezone.localdate() + timedelta(days=7 - timezone.localdate().weekday())
    page = browse(rita, f"/calendar/?day={day:%Y-%m-%d}&view=day")
    page.keyboard.press("n")
    dialog = page.locator("#visit-dialog")
    dialog.locator("summary", has_text="New patient").click()
    for label, value in (("First name", "Grace"), ("Last name", "Novak"), ("Mobile", "+91 98200 55123")):
        dialog.get_by_label(label).fill(value)
    for part, value in (("day", "2"), ("month", "5"), ("year", "1991")):
        dialog.locator(f"[name=new-date_of_birth_{part}]").fill(value)
    dialog.get_by_label("Doctor").select_option(str(asha.pk))
    dialog.get_by_role("group", name="Free that day").get_by_role("button", name="14:00").click()
    assert dialog.locator("#id_clock").input_value() == "14:00"
    dialog.locator("#id_clock").fill("13:00")
    dialog.get_by_role("button", name="Book", exact=True).click()
    dialog.get_by_text("The doctor has a break at this time.").first.wait_for()
    assert_page_is_clean(page, allowed=("409",))
    dialog.get_by_label("Why book it all the same").fill("In crisis")
    dialog.get_by_role("button", name="Book", exact=True).click()
    dialog.wait_for(state="hidden")
    page.locator("[data-visit]:visible", has_text="Novak").first.wait_for()

    booked = Appointment.objects.get()
    assert (booked.patient.last_name, booked.overbooking_reason) == ("Novak", "In crisis")


def test_the_settings_of_the_calendar_are_clean(browse, asha, omar, now):
    visit = make_appointment(asha, scheduled_at=now + timedelta(days=2))
    make_room("Room 1")
    make_time_off(None, visit.scheduled_at, visit.ends_at, kind="meeting", title="Team meeting")
    closures.import_holidays("IN", "MH", now.year + 1, by=omar, at=now)
    page = browse(omar, "/settings/calendar/", viewport=DESKTOP)

    for path in (f"hours/{asha.pk}/", "time-off/", "holidays/", "rooms/", "lengths/"):
        page.goto(f"/settings/calendar/{path}")
        assert_page_is_clean(page)
        if path == "time-off/":
            assert page.get_by_role("link", name="Move the visit of Kavya Iyer").count() == 1
