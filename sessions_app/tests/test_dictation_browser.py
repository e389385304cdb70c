"""Dictation in a real browser with a fake microphone: a reload and a cut, and the sums agree all the same."""

import pytest
from django.conf import settings
from django.test import Client

from sessions_app import stt
from sessions_app.models import AudioUpload
from sessions_app.tests.factories import make_session
from sessions_app.tests.speech_jobs import Engine, run_jobs
from synapse.testing.browser import PHONE, assert_page_is_clean, watch

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

# What the browser itself says of a request while it was offline.
ALLOWED = ("net::",)


@pytest.fixture(scope="module", autouse=True)
def database_beside_the_browser():
    # Playwright's loop runs in this thread; Django would refuse the database there.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: Engine())


def test_a_dictation_survives_a_reload_and_a_cut(live_server, asha, chromium_with_microphone):
    session = make_session(asha, status="completed", consent=False, with_recording=False)
    client = Client()
    client.force_login(asha)
    context = chromium_with_microphone.new_context(viewport=PHONE, permissions=["microphone"], reduced_motion="reduce")
    cookie = {"name": "sessionid", "value": client.cookies[settings.SESSION_COOKIE_NAME].value, "url": live_server.url}
    context.add_cookies([cookie])
    page = context.new_page()
    page.problems = watch(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{live_server.url}/sessions/{session.pk}/upload/")

    def dictate_until(seconds):
        page.wait_for_function(
            "least => { const [m, s] = document.querySelector('[data-part=clock]').textContent.split(':');"
            " return Number(m) * 60 + Number(s) >= least }",
            arg=seconds,
            timeout=60_000,
        )

    page.click("[data-action=start]:visible")
    dictate_until(6)
    page.goto(page.url)  # as a reload in the middle of a word
    page.wait_for_selector("[data-dictation][data-view=paused]")
    assert_page_is_clean(page)
    context.set_offline(True)
    page.click("[data-action=start]:visible")
    dictate_until(12)
    page.wait_for_selector("[data-part=link]:has-text('No connection')")
    page.click("[data-action=finish]:visible")
    page.wait_for_selector("[data-dictation][data-view=finishing]")
    context.set_offline(False)
    page.wait_for_selector("#upload-state", timeout=60_000)
    run_jobs()
    page.wait_for_selector("text=Dictated afterwards", timeout=60_000)

    upload = AudioUpload.objects.get()
    session.refresh_from_db()
    assert (upload.status, upload.source, session.audio_source) == ("stored", "dictation", "dictation")
    assert session.audio_duration_seconds >= 12
    # The page sent the sum of all it heard, over the reload; the server compared it before it took the sound.
    assert upload.received_bytes == pytest.approx(session.audio_duration_seconds * 32_000, abs=32)
    assert page.evaluate("indexedDB.databases().then((all) => all.length)") == 1
    assert_page_is_clean(page, allowed=ALLOWED)
    context.close()
