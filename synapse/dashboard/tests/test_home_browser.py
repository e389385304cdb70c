"""The home pages in a browser: clean in both themes and sizes, and one press from the session."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.tests.factories import make_bill, make_fee
from patients.consents.services import record_consent
from scheduling.tests.factories import make_appointment
from sessions_app.models import ConsultationSession
from sessions_app.tests.factories import make_session, make_transcription
from synapse.dashboard.tests.factories import let_it_be_noon
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(DESKTOP, False), (PHONE, True)]


@pytest.fixture
def busy_day(asha):
    """A visit soon, one without consent, a failed transcript, an overdue bill."""
    make_fee()
    now = timezone.now()
    let_it_be_noon([asha], now)
    make_transcription(make_session(asha, status="completed"), status="failed")
    make_bill(asha, status="overdue")
    visit = make_appointment(asha, scheduled_at=now + timedelta(seconds=20), chief_complaint="Cannot sleep")
    record_consent(visit.patient, "recording", method="written", by=asha, at=now)
    return visit


@pytest.mark.parametrize(("viewport", "dark"), LOOKS)
def test_the_doctors_day_is_clean(browse, asha, busy_day, viewport, dark):
    page = browse(asha, "/", viewport=viewport, dark=dark)

    page.get_by_text("Needs attention").wait_for()
    assert_page_is_clean(page)


@pytest.mark.parametrize(("viewport", "dark"), LOOKS)
def test_the_overview_is_clean(browse, omar, busy_day, viewport, dark):
    assert_page_is_clean(browse(omar, "/", viewport=viewport, dark=dark))


def test_an_empty_day_is_clean(browse, asha):
    assert_page_is_clean(browse(asha, "/"))


def test_the_next_session_is_one_press_away_and_can_be_continued(browse, asha, busy_day):
    page = browse(asha, "/")

    page.get_by_role("button", name="Start session").first.click()
    page.wait_for_url("**/sessions/*/")
    busy_day.refresh_from_db()
    assert busy_day.session.status == ConsultationSession.Status.IN_PROGRESS
    page.goto("/")
    page.get_by_role("link", name="Continue session").click()

    page.wait_for_url(f"**/sessions/{busy_day.session_id}/")
