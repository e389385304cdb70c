"""The countdown, the deletion and its certificate as a doctor meets them."""

import os
from pathlib import Path

import pytest
from django.utils import timezone

from sessions_app import services
from sessions_app.recordings import audio
from sessions_app.tests.factories import make_session, make_transcription, record_audio
from sessions_app.tests.test_audio import speechlike
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ALLOWED = ("ERR_ABORTED",)  # a player that is closed ends its download


def shot(page, name):
    """Keep a picture when SESSIONS_SHOTS names a folder: to look at, not to compare."""
    folder = os.environ.get("SESSIONS_SHOTS")
    if folder:
        page.wait_for_timeout(300)
        page.screenshot(path=Path(folder) / f"{name}-{page.viewport_size['width']}.png", full_page=True)


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_a_doctor_sees_the_countdown_and_deletes_the_recording(browse, asha, omar, viewport, dark):
    session = make_session(asha)
    record_audio(session, speechlike(4), gap_before_ms=12_000)
    services.complete_session(session, by=asha, at=timezone.now())
    session.transcriptions.all().delete()
    audio.survey(session)
    make_transcription(session)

    page = browse(asha, f"/sessions/{session.pk}/transcript/", viewport=viewport, dark=dark)
    assert "at the latest on" in page.inner_text("[data-fate]")
    page.click("summary:has-text('Figures')")
    page.locator("[data-fate]").scroll_into_view_if_needed()
    shot(page, "transcript")
    assert_page_is_clean(page, allowed=ALLOWED)
    page.click("button:has-text('Delete it now')")
    page.select_option("#delete-recording select", label="It was recorded by mistake")
    shot(page, "dialog")
    assert_page_is_clean(page, allowed=ALLOWED)
    page.click("button:has-text('Delete the recording')")

    page.wait_for_selector("a:has-text('Certificate')")
    assert page.locator("[data-player]").count() == 0
    assert page.locator("text=Some nausea the first week").count()
    shot(page, "deleted")
    page.click("a:has-text('Certificate')")
    page.wait_for_selector("h1:has-text('Certificate of deletion')")
    shot(page, "certificate")
    assert_page_is_clean(page, allowed=ALLOWED)
    facts = browse(omar, f"/sessions/{session.pk}/", viewport=viewport, dark=dark)
    shot(facts, "facts")
    assert_page_is_clean(facts)
