"""The session pages in a browser: no barrier, no console message, no sideways scroll; corrections by mouse and key."""

import pytest
from django.utils import timezone

from sessions_app import services
from sessions_app.tests.factories import make_session, make_transcription, record_audio
from sessions_app.tests.speech_jobs import Engine, run_jobs
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The page has no socket here, and a player that is closed ends its download.
ALLOWED = ("WebSocket", "ERR_ABORTED")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_the_recording_page_list_and_start_are_clean(browse, asha, viewport):
    session = make_session(asha, consent=False, chief_complaint="Cannot sleep")

    for path in (f"/sessions/{session.pk}/", "/sessions/", "/sessions/start/"):
        page = browse(asha, path, viewport=viewport)
        assert_page_is_clean(page, allowed=ALLOWED)


@pytest.mark.parametrize("status", ["pending", "failed", "no_speech"])
def test_a_page_without_words_is_clean(browse, asha, status):
    session = make_session(asha)
    record_audio(session)
    services.complete_session(session, by=asha, at=timezone.now())
    session.transcriptions.all().delete()
    make_transcription(session, status=status)

    page = browse(asha, f"/sessions/{session.pk}/transcript/")

    assert_page_is_clean(page, allowed=ALLOWED)


def test_the_waiting_page_goes_on_when_the_words_are_there(browse, asha, monkeypatch):
    from sessions_app import stt

    session = make_session(asha)
    record_audio(session)
    services.complete_session(session, by=asha, at=timezone.now())
    page = browse(asha, f"/sessions/{session.pk}/transcript/")
    page.wait_for_selector("#progress")
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: Engine())

    run_jobs()

    page.wait_for_selector(".turn:has-text('I slept badly')", timeout=15_000)
    assert page.locator("#progress").count() == 0


def test_one_key_hides_every_word_and_the_session_goes_on(browse, asha):
    session = make_session(asha, consent=False, chief_complaint="Cannot sleep")
    page = browse(asha, f"/sessions/{session.pk}/")

    page.keyboard.press("h")

    assert not page.is_visible("text=Cannot sleep")
    assert not page.is_visible(f"h1:has-text('{session.patient.first_name}')")
    assert page.is_visible("[data-part=clock]")
    page.keyboard.press("r")
    assert_page_is_clean(page, allowed=ALLOWED)
    page.keyboard.press("h")
    page.wait_for_selector("li:has-text('Risk')")
    assert session.events.get().kind == "risk"


def test_the_private_context_is_saved_even_when_the_page_goes(browse, asha):
    session = make_session(asha, consent=False)
    page = browse(asha, f"/sessions/{session.pk}/")
    page.click("summary:has-text('Private context')")
    page.fill("#private-context", "Is in a custody dispute")

    page.goto("/sessions/")

    page.wait_for_load_state("networkidle")
    session.refresh_from_db()
    assert session.private_context == "Is in a custody dispute"


def test_notes_changed_in_two_windows_are_both_shown(browse, asha):
    session = make_session(asha, consent=False)
    page = browse(asha, f"/sessions/{session.pk}/")
    services.save_pad(session, "session_notes", text="From the other window", based_on=None, by=asha, at=timezone.now())

    page.fill("#notes", "From here")
    page.wait_for_selector("[data-notes-theirs]:text('From the other window')")
    page.click("[data-notes-keep=both]")
    page.wait_for_selector('[data-notes-status]:text-matches("^Saved")')

    session.refresh_from_db()
    assert session.session_notes == "From the other window\n\nFrom here"
