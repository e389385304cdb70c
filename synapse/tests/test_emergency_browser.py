"""Emergency access as a doctor meets it: the question, the strip over every page, the end."""

import pytest
from django.utils import timezone

from patients.emergency import services as emergency
from patients.models import EmergencyAccess
from patients.tests.factories import make_patient
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_doctor_opens_a_record_and_it_closes_by_itself(browse, asha, ben):
    patient = make_patient(doctor=asha, first_name="Kavya")
    page = browse(ben, "/patients/emergency/", viewport=PHONE)
    assert_page_is_clean(page)
    page.fill("#id_number", patient.patient_id)
    page.click("text=Look for this patient")
    assert_page_is_clean(page)
    page.check("input[value=danger]")
    page.fill("#id_reason", "Found unconscious, the ward asks what she takes.")
    page.click("button:has-text('Open for one hour')")
    page.wait_for_selector("h1:has-text('Kavya')")
    assert_page_is_clean(page)
    assert page.is_visible(".strip >> text=min left")

    EmergencyAccess.objects.update(expires_at=timezone.now())
    EmergencyAccess.objects.get().accesses.update(expires_at=timezone.now())
    page.evaluate("document.querySelector('[data-emergency-until]').dataset.emergencyUntil = '2020-01-01'")

    page.wait_for_selector("h1:has-text('Kavya')", state="detached")


def test_an_administrator_reviews_it(browse, asha, ben, omar):
    patient = make_patient(doctor=asha)
    reason = "Found unconscious, the ward asks what she takes."
    opened = emergency.open_record(patient, kind="danger", reason=reason, by=ben, at=timezone.now())
    emergency.end_early(opened, by=ben, at=timezone.now())
    page = browse(omar, "/emergencies/")
    assert_page_is_clean(page)

    page.click("a:has-text('Review')")
    assert_page_is_clean(page)
    page.check("input[value=justified]")
    page.click("text=Keep the review")

    page.wait_for_selector("text=Justified")
