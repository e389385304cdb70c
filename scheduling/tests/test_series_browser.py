"""Visits that repeat in a browser: booked with a conflict and a holiday, moved, moved on, cancelled one by one and all."""

from datetime import datetime, time, timedelta

import pytest
from django.utils import timezone

from patients.tests.factories import make_patient
from scheduling.models import Appointment, AppointmentSeries, Holiday
from scheduling.tests.factories import make_appointment
from scheduling.tests.test_series import KOLKATA, make_series
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tuesday():
    """The Tuesday after next, as the clinic counts."""
    today = timezone.localdate(timezone=KOLKATA)
    return today + timedelta(days=(1 - today.weekday()) % 7 + 7)


def at(day, hour):
    return datetime.combine(day, time(hour), tzinfo=KOLKATA)


def shown(page):
    return page.locator(".rowset .nm a").all_inner_texts()


def test_the_desk_books_a_series_moves_and_cancels_of_it(browse, rita, asha, tuesday):
    patient = make_patient(doctor=asha, first_name="Tomás", last_name="Herrera")
    make_appointment(asha, scheduled_at=at(tuesday + timedelta(weeks=2), 10))
    Holiday.objects.create(day=tuesday + timedelta(weeks=4), name="Founders’ day")
    page = browse(rita, f"/calendar/new/?patient={patient.pk}&doctor={asha.pk}&day={tuesday}&time=10:00")

    # Ten visits, one of them at another time, one made up for.
    page.get_by_label("Reason").fill("Panic attacks")
    page.get_by_label("Reason").blur()
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Make it repeat").click()
    page.wait_for_url("**/calendar/series/new/")
    assert page.get_by_label("Reason").input_value() == "Panic attacks"
    page.get_by_role("button", name="Show the dates").click()
    page.get_by_text("1 to decide").first.wait_for()
    assert_page_is_clean(page)
    conflict = tuesday + timedelta(weeks=2)
    page.locator(f"#do-{conflict}").select_option(label="Take 9:00 instead")
    page.get_by_role("button", name="Book 10 visits").click()
    page.wait_for_url("**/calendar/series/*-*/")
    series = AppointmentSeries.objects.get()
    assert page.locator(".left").inner_text().split() == ["10", "to", "come"]
    assert page.get_by_text("Every week on Tuesday at 10:00, 10 times").count()
    assert_page_is_clean(page)

    # One alone.
    page.get_by_role("link", name=f"Move the visit of {tuesday:%-d %B}").click()
    page.get_by_label("Time", exact=True).fill("15:00")
    page.get_by_role("button", name="Move").click()
    page.wait_for_url("**/calendar/?day=*")
    # One and those after it.
    page.goto(f"/calendar/series/{series.pk}/")
    later = tuesday + timedelta(weeks=6)
    page.get_by_role("link", name=f"Move the visit of {later:%-d %B}").click()
    page.get_by_label("This and the following").check()
    page.get_by_label("Time", exact=True).fill("16:30")
    page.get_by_role("button", name="Move").click()
    page.wait_for_url("**/series/?scope=following*")
    page.get_by_role("button", name="Change 5 visits").click()
    page.wait_for_url("**/calendar/series/*-*/")
    assert page.get_by_text("Every week on Tuesday at 16:30, 5 times").count()
    assert all("16:30" in text for text in shown(page)[-5:])

    # One is cancelled, then the rest.
    page.get_by_role("link", name=f"Cancel the visit of {later:%-d %B}").click()
    page.get_by_label("Reason").fill("On holiday")
    page.get_by_role("button", name="Cancel visit").click()
    page.wait_for_url("**/calendar/?day=*")
    page.goto(f"/calendar/series/{series.pk}/")
    page.get_by_role("link", name="Cancel the rest").click()
    page.get_by_label("Reason").fill("Moves away")
    page.get_by_role("button", name="Cancel visit").click()
    page.wait_for_url("**/calendar/?day=*")

    assert not Appointment.objects.filter(patient=patient, status__in=Appointment.OPEN).exists()
    assert Appointment.objects.filter(patient=patient, status="cancelled").count() == 10


def test_the_pages_of_a_series_are_clean_on_a_phone(browse, asha, tuesday):
    row = make_series(asha, first_day=tuesday, at=timezone.now())
    visit = row.appointments.order_by("series_day")[1]

    page = browse(asha, f"/calendar/series/{row.pk}/", viewport=PHONE, dark=True)
    assert_page_is_clean(page)
    page.goto(f"/calendar/{visit.pk}/series/")
    page.get_by_text("3 visits").first.wait_for()
    page.get_by_label("Repeat more or less often").check()
    assert_page_is_clean(page)
    page.goto(f"/calendar/{visit.pk}/move/")
    assert_page_is_clean(page)
    page.goto(f"/calendar/series/new/?patient={row.patient_id}&day={tuesday}&time=10:00")
    page.get_by_role("button", name="Show the dates").click()
    page.get_by_text("4 to decide").or_(page.get_by_text("10 visits")).first.wait_for()
    assert_page_is_clean(page)
