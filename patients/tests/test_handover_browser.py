"""A doctor goes on leave: she hands her patients over until a day, sees that it holds, and ends it earlier."""

from datetime import timedelta

import pytest
from django.utils import timezone

from patients.tests.factories import make_patient
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_doctor_hands_her_patients_over_until_a_day(browse, asha, ben):
    patient = make_patient(asha)
    day = timezone.localdate() + timedelta(days=7)

    page = browse(asha, "/patients/")
    page.get_by_role("link", name="Hand over my patients").click()
    page.get_by_label("To", exact=True).select_option(label=ben.display_name)
    for part, value in (("Day", day.day), ("Month", day.month), ("Year", day.year)):
        page.get_by_role("textbox", name=part, exact=True).fill(str(value))
    page.get_by_label("Reason").fill("Parental leave")
    assert_page_is_clean(page)
    page.get_by_role("button", name="Hand over").click()
    page.get_by_text("Holds now").wait_for()
    assert_page_is_clean(page)

    other = browse(ben, f"/patients/{patient.pk}/", viewport=PHONE, dark=True)
    other.get_by_text("covers for").wait_for()
    other.goto("/patients/")
    other.get_by_text("You cover for").wait_for()
    assert_page_is_clean(other)

    page.get_by_role("button", name="End it now").click()
    page.get_by_role("button", name="End the cover").click()
    page.get_by_text("has ended").first.wait_for()
    other.goto(f"/patients/{patient.pk}/")
    assert "404" in other.title() or other.get_by_text("covers for").count() == 0
