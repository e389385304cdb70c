"""What the pages say about the engines, and that a session keeps who wrote its words."""

import pytest
from django.urls import reverse
from django.utils import timezone

from patients.tests.factories import make_patient
from sessions_app import services, stt
from sessions_app.models import Transcription
from sessions_app.speech import engines
from sessions_app.spool import store as spool
from sessions_app.stt.base import SpeechError
from sessions_app.stt.fallback import FallbackTranscriber
from sessions_app.tests.factories import make_consent, make_session, record_audio
from sessions_app.tests.speech_jobs import Engine, run_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def hindi(asha):
    asha.profile.language = "hi-IN"
    asha.profile.save()
    return asha


@pytest.fixture
def google(settings):
    settings.GOOGLE_APPLICATION_CREDENTIALS = "key.json"


def test_a_language_that_an_engine_knows_needs_no_word(asha):
    patient = make_patient(doctor=asha)

    assert engines.language_note("en-IN", patient.pk, at=timezone.now()) == ""


def test_without_google_the_page_says_before_recording_that_no_words_will_come(hindi, client):
    session = make_session(hindi)
    other = make_patient(doctor=hindi)
    client.force_login(hindi)

    started = client.get(reverse("sessions:detail", args=[session.pk])).content.decode()
    starting = client.get(reverse("sessions:start"), {"patient": other.pk}).content.decode()

    for page in (started, starting):
        assert "Hindi is written by Google Speech only, which is not set up. The recording is kept." in page


def test_with_google_but_without_consent_the_page_asks_for_the_consent(hindi, google):
    patient = make_patient(doctor=hindi)

    assert "has not agreed" in engines.language_note("hi-IN", patient.pk, at=timezone.now())


def test_with_google_and_consent_nothing_is_said(hindi, google):
    patient = make_patient(doctor=hindi)
    make_consent(patient, kind="ai_note", by=hindi)

    assert engines.language_note("hi-IN", patient.pk, at=timezone.now()) == ""


def test_a_session_in_a_language_nobody_knows_fails_at_once_and_keeps_its_recording(hindi):
    session = make_session(hindi)
    record_audio(session)
    services.complete_session(session, by=hindi, at=timezone.now())

    run_jobs()

    words = Transcription.objects.get(session=session)
    assert words.status == "failed"
    assert "knows the language" in words.error_message
    assert spool.default_store().exists(session.pk)


@pytest.mark.parametrize(
    ("is_transient", "sentence"), [(True, "Google Speech did not answer"), (False, "Google Speech refused")]
)
def test_words_that_another_engine_wrote_say_so_on_their_page(asha, client, monkeypatch, is_transient, sentence):
    away = Engine(error=SpeechError("away", transient=is_transient))
    here = Engine()
    pair = FallbackTranscriber(away, lambda: here, knows=lambda language: True)
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: pair)
    session = make_session(asha)
    record_audio(session)
    services.complete_session(session, by=asha, at=timezone.now())

    run_jobs()

    words = Transcription.objects.get(session=session)
    assert (words.status, words.stt_service) == ("completed", "scripted")
    assert away.heard == here.heard != b""
    client.force_login(asha)
    assert sentence in client.get(reverse("sessions:transcript", args=[session.pk])).content.decode()


def test_words_of_the_chosen_engine_say_nothing(asha, client, monkeypatch):
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: Engine())
    session = make_session(asha)
    record_audio(session)
    services.complete_session(session, by=asha, at=timezone.now())

    run_jobs()

    session.refresh_from_db()
    assert session.stt_settings == {}
    assert engines.fallback_words(session, Transcription.objects.get(session=session)) == ""
