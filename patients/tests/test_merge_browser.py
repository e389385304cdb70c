"""Two records of one person become one and two again, as a doctor does it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from patients import services
from patients.consents import services as consent
from patients.models import Patient
from patients.tests.factories import make_patient
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_doctor_merges_two_records_and_parts_them_again(browse, asha, ben):
    now = timezone.now()
    kept = make_patient(asha, first_name="Mira", last_name="Banerjee", allergies="Penicillin", tags=["Anxious"])
    other = make_patient(
        ben, first_name="Mira", last_name="Banerjee", email="mira@example.org", allergies="Latex", occupation="Nurse"
    )
    services.share_patient(other, doctor=asha, by=ben, at=now)
    consent.record_consent(other, "recording", method="verbal", by=ben, at=now - timedelta(days=1))

    page = browse(asha, f"/patients/{kept.pk}/profile/")
    page.get_by_role("link", name="Same person as").click()
    assert_page_is_clean(page)
    page.get_by_role("link", name=f"Compare with {other.patient_id}").click()
    page.get_by_role("group", name="Mobile").get_by_label(other.patient_id).check()
    page.get_by_role("button", name="Merge into").click()
    page.get_by_text("Say how you know").first.wait_for()
    assert page.get_by_role("group", name="Mobile").get_by_label(other.patient_id).is_checked()
    page.get_by_label("How do you know").fill("Same identity card.")
    assert_page_is_clean(page, allowed=("422",))
    page.get_by_role("button", name="Merge into").click()
    page.get_by_text(f"(also {other.patient_id})").wait_for()
    kept.refresh_from_db()
    assert (kept.phone_primary, kept.email, kept.allergies) == (other.phone_primary, other.email, "Penicillin, Latex")

    page.goto(f"/patients/{other.pk}/consents/")
    page.get_by_text(f"{other.patient_id} was merged into this record").wait_for()
    assert str(kept.pk) in page.url
    page.get_by_role("link", name="Profile").click()
    assert_page_is_clean(page, allowed=("422",))
    page.get_by_role("button", name="Undo the merge of").click()
    page.get_by_role("button", name="Undo the merge", exact=True).click()
    page.get_by_text("is a record of its own again").wait_for()
    assert Patient.objects.get(pk=other.pk).archived_at is None

    page = browse(asha, f"/patients/{kept.pk}/merge/?with={other.pk}", viewport=PHONE, dark=True)
    assert_page_is_clean(page)
