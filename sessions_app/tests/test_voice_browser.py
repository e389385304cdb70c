"""The page of one's own voice, in a browser with a fake microphone."""

import pytest

from sessions_app.models import VoiceProfile
from sessions_app.stt import enrolment
from synapse.testing.browser import PHONE, assert_page_is_clean, launched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def chromium():
    with launched("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as browser:
        yield browser


def test_a_voice_is_recorded_only_after_agreeing_and_deleted_again(browse, asha, monkeypatch):
    sound = []

    def enrol(pcm):
        sound.append(pcm)
        if len(sound) == 1:
            raise enrolment.NoVoiceProfile("Only 3 seconds of speech were heard.")
        return enrolment.VoiceSample((1.0,) + (0.0,) * 255, 20.0)

    monkeypatch.setattr(enrolment, "enrol", enrol)
    page = browse(asha, "/settings/")
    page.click("nav[aria-label=Settings] >> text=Your voice")
    page.wait_for_selector("text=Nothing of your voice is kept")

    page.click("[data-voice-record]")
    page.wait_for_selector("[role=status]:has-text('Tick the box')")
    assert not page.is_checked("[name=agreed]")
    page.check("[name=agreed]")
    for told in ("[role=status]:has-text('Only 3 seconds')", "text=Delete my voice profile"):
        page.click("[data-voice-record]")
        page.wait_for_selector("[data-voice-clock]:has-text('1 s')")
        page.click("[data-voice-stop]")
        page.wait_for_selector(told)

    assert VoiceProfile.objects.get().user == asha
    assert all(len(pcm) >= 32_000 and any(pcm) for pcm in sound)
    assert not page.is_checked("[name=agreed]")
    assert_page_is_clean(page, allowed=("422",))
    page.click("text=Delete my voice profile")
    page.click("dialog >> text=Delete the profile")
    page.wait_for_selector("text=Nothing of your voice is kept")
    assert not VoiceProfile.objects.exists()


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_clean_on_a_phone(browse, asha, dark):
    assert_page_is_clean(browse(asha, "/settings/voice/", viewport=PHONE, dark=dark))
