"""A doctor's side in a browser: the worklist by keyboard alone, a brief that begins the session, clean pages."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.tests.factories import make_bill
from patients.consents.services import record_consent
from patients.tests.factories import make_patient
from reports.tests.factories import make_report
from scheduling.models import Appointment
from scheduling.services import stages
from scheduling.tests.factories import make_appointment, make_hours
from sessions_app.models import ConsultationSession, Transcription
from synapse.dashboard.tests.factories import let_it_be_noon
from synapse.dashboard.tests.test_worklist import make_failed_words
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(DESKTOP, False), (PHONE, True)]


@pytest.fixture
def busy(asha):
    """A patient who is here, with a signed report; a draft, a failed transcript, visits to close, a bill to send."""
    now = timezone.now()
    let_it_be_noon([asha], now)
    make_hours(asha, days=range(7))
    patient = make_patient(
        doctor=asha,
        first_name="Meera",
        last_name="Shah",
        allergies="Penicillin",
        current_medications="Sertraline 50 mg in the morning\nMelatonin 3 mg at night",
    )
    report = make_report(asha, status="signed")
    visit = make_appointment(
        asha, patient=report.session.patient, scheduled_at=now + timedelta(minutes=4), chief_complaint="Low mood"
    )
    record_consent(visit.patient, "treatment", method="written", by=asha, at=now)
    stages.check_in(visit, by=asha, at=now - timedelta(minutes=6))
    make_appointment(asha, patient=patient, scheduled_at=now - timedelta(hours=23), duration_minutes=30)
    make_appointment(asha, patient=patient, scheduled_at=now + timedelta(minutes=70), chief_complaint="ADHD")
    make_report(asha, with_unsupported=True)
    make_failed_words(asha)
    make_bill(asha)
    make_bill(asha, status="overdue")
    return visit


def test_the_worklist_is_worked_off_by_keyboard_and_a_session_begins_from_the_brief(browse, asha, busy):
    page = browse(asha, "/")
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url("**/worklist/")
    assert_page_is_clean(page)
    page.keyboard.press("?")
    page.get_by_text("Next, previous row").wait_for()
    page.keyboard.press("Escape")

    _walk_to(page, "open-visits")
    page.keyboard.press("m")
    page.get_by_text("Noted that nobody came.").wait_for()
    assert Appointment.objects.filter(doctor=asha, status="no_show").exists()

    _walk_to(page, "transcripts")
    page.keyboard.press("x")
    page.get_by_text("Set aside. ").wait_for()
    page.keyboard.press("u")
    page.get_by_text("It is back on the list.").wait_for()
    _walk_to(page, "transcripts")
    page.keyboard.press("r")
    page.get_by_text("The words are being written again.").wait_for()
    assert Transcription.objects.filter(retry_count=1).exists()
    assert page.evaluate("document.activeElement.matches('[data-work-row]')")

    _walk_to(page, "to-sign")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reports/*/")

    page.goto("/")
    page.get_by_text(re.compile(r"arrived \d+")).wait_for()

    page.get_by_role("link", name="Prepare the visit of Kavya Iyer").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Low mood").wait_for()
    dialog.get_by_text("thoughts of suicide").first.wait_for()
    dialog.get_by_role("button", name="Start session").click()

    page.wait_for_url("**/sessions/*/")
    busy.refresh_from_db()
    assert busy.session.status == ConsultationSession.Status.IN_PROGRESS


def test_the_pages_are_clean(browse, asha, ben, rita, busy):
    """With a second doctor the numbers have their table by clinician, the widest thing on the page."""
    for person, first, second in (
        (asha, "/worklist/", f"/visits/{busy.pk}/brief/"),
        (rita, "/numbers/?period=quarter", "/numbers/?period=custom&first=2026-01-01&last=2025-01-01"),
    ):
        for viewport, dark in LOOKS:
            page = browse(person, first, viewport=viewport, dark=dark)
            assert_page_is_clean(page)
            page.goto(second)
            assert_page_is_clean(page)


def _walk_to(page, source):
    """Go to the top with K, then press J until a row of the source has the focus."""
    for _ in range(12):
        page.keyboard.press("k")
    for _ in range(20):
        if page.evaluate("(name) => document.activeElement.id.startsWith(`row-${name}-`)", source):
            return
        page.keyboard.press("j")
    pytest.fail(f"no row of {source} was reached")
