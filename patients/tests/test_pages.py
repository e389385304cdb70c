"""Every page of patients in a browser: nothing logged, no CSP violation, no sideways scroll, nothing for axe."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from patients import services
from patients.consents import services as consent
from patients.models import PatientAccess
from patients.tests.factories import make_patient
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Each page both ways: wide and light, narrow and dark.
VIEWS = [(DESKTOP, False), (PHONE, True)]
TABS = ["", "profile/", "history/", "medications/", "consents/", "sharing/", "edit/"]


def shot(page, name):
    """Keep a picture when PATIENTS_SHOTS names a folder: to look at, not to compare."""
    folder = os.environ.get("PATIENTS_SHOTS")
    if folder:
        scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
        page.wait_for_timeout(300)
        page.screenshot(path=Path(folder) / f"{name}-{scheme}-{page.viewport_size['width']}.png", full_page=True)


@pytest.fixture
def kavya(asha, ben):
    now = timezone.now()
    patient = make_patient(
        asha,
        at=now - timedelta(days=200),
        phone_secondary="+912026050123",
        email="kavya.iyer@example.in",
        address="14 Prabhat Road, Erandwane\nPune 411004",
        emergency_contact_name="Anjali Iyer",
        emergency_contact_relationship="sibling",
        emergency_contact_phone="+919820266410",
        insurance_provider="Star Health",
        insurance_policy_number="P/171130/4412",
        occupation="Product designer",
        blood_group="B+",
        allergies="Penicillin (rash), Latex",
        current_medications="Sertraline 50 mg, mornings\nMelatonin 2 mg, at night if needed",
        medical_history="Depressive episode, moderate (F32.1), since February 2025\nInsomnia",
        notes="Prefers to sit near the door.",
        tags=["Mornings", "Prefers SMS"],
    )
    services.grant_access(patient, doctor=asha, source=PatientAccess.Source.SEEN, by=asha, at=now - timedelta(days=3))
    services.share_patient(patient, doctor=ben, by=asha, at=now)
    consent.record_consent(patient, "recording", method="written", by=asha, at=now - timedelta(days=30))
    consent.record_consent(patient, "ai_note", method="verbal", by=asha, at=now - timedelta(days=400))
    consent.decline_consent(patient, "data_sharing", method="verbal", by=asha, at=now)
    return patient


@pytest.mark.parametrize(("viewport", "dark"), VIEWS)
def test_a_chart_is_clean(browse, asha, kavya, viewport, dark):
    page = browse(asha, f"/patients/{kavya.pk}/", viewport=viewport, dark=dark)

    for tab in TABS:
        page.goto(f"/patients/{kavya.pk}/{tab}")
        page.wait_for_load_state("networkidle")
        shot(page, f"chart-{tab.strip('/') or 'detail'}")
        assert_page_is_clean(page)


def test_reception_sees_a_clean_chart_and_form(browse, rita, kavya):
    chart = browse(rita, f"/patients/{kavya.pk}/")
    chart.wait_for_load_state("networkidle")
    shot(chart, "reception-chart")
    assert_page_is_clean(chart)

    form = browse(rita, "/patients/new/")
    shot(form, "reception-new")
    assert_page_is_clean(form)


@pytest.mark.parametrize(("viewport", "dark"), VIEWS)
def test_the_list_and_its_search_are_clean(browse, asha, kavya, viewport, dark):
    for first, last in (("Kavyashree", "Rao"), ("Kaavya", "Menon"), ("Daniel", "Okafor")):
        make_patient(asha, first_name=first, last_name=last)
    page = browse(asha, "/patients/", viewport=viewport, dark=dark)
    shot(page, "list")
    assert_page_is_clean(page)

    page.locator("#q").press_sequentially("kavya")
    page.wait_for_selector("#found .res-g")
    shot(page, "search")
    assert_page_is_clean(page)
    page.locator("#q").press("ArrowDown")
    page.locator("#q").press("Enter")

    page.wait_for_url("**/patients/*-*/")
    assert page.locator("h1").inner_text() == "Kavyashree Rao"


def test_a_list_without_patients_and_a_search_without_hits_are_clean(browse, asha):
    page = browse(asha, "/patients/")
    shot(page, "list-empty")
    assert_page_is_clean(page)

    page.locator("#q").press_sequentially("zzz")
    page.wait_for_selector("#found .empty")
    shot(page, "search-empty")
    assert_page_is_clean(page)


def test_slash_finds_a_patient_from_any_page(browse, asha, kavya):
    page = browse(asha, "/settings/")

    page.keyboard.press("/")
    page.keyboard.type("iyer")
    page.wait_for_selector("#find-rail-results .res-g")
    shot(page, "rail")
    assert_page_is_clean(page)
    page.keyboard.press("Enter")

    page.wait_for_url("**/patients/*-*/")


@pytest.mark.parametrize(("viewport", "dark"), VIEWS)
def test_a_patient_is_registered_after_errors_and_a_warning(browse, asha, kavya, viewport, dark):
    page = browse(asha, "/patients/new/", viewport=viewport, dark=dark)
    shot(page, "new")
    assert_page_is_clean(page)
    page.get_by_label("First name").fill("Kavya")
    page.get_by_label("Last name").fill("Iyer")
    page.get_by_role("button", name="Save patient").click()
    page.wait_for_selector("[data-error-summary]")
    shot(page, "new-errors")
    assert page.title().startswith("Error: ")
    assert_page_is_clean(page, allowed=("422",))

    page.get_by_label("Day").fill("2")
    page.get_by_label("Month").fill("5")
    page.get_by_label("Year").fill("1991")
    page.get_by_label("Mobile").fill("98200 55999")
    page.get_by_text("Yes, the patient said so").click()
    page.get_by_role("button", name="Save patient").click()
    page.wait_for_selector(".note.warn")
    shot(page, "new-duplicate")
    assert_page_is_clean(page, allowed=("422", "409"))
    page.get_by_role("button", name="Register anyway", exact=True).click()

    page.wait_for_url("**/patients/*-*/")
    assert page.locator(".chips").inner_text().count("Recording") == 1


def test_a_consent_is_recorded_in_its_dialog(browse, asha, kavya):
    page = browse(asha, f"/patients/{kavya.pk}/consents/")
    page.get_by_role("button", name="Ask Meet by video or telephone").click()
    shot(page, "consent-dialog")
    assert_page_is_clean(page)

    page.get_by_role("button", name="Kavya agrees").click()
    page.wait_for_selector("dialog[open] [data-error-summary]")
    shot(page, "consent-error")
    assert_page_is_clean(page, allowed=("422",))
    page.locator("dialog[open]").get_by_text("Said it in the room").click()
    page.get_by_role("button", name="Kavya agrees").click()

    page.wait_for_selector("[data-dialog-open=withdraw-telehealth]")
