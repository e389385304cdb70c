"""What both engines promise, asked of both."""

from itertools import pairwise

import pytest

from sessions_app.stt import chosen_backend, get_transcriber, supports
from sessions_app.stt.base import SpeechError
from sessions_app.tests.stt.google_ear import Script
from sessions_app.tests.stt.google_stand_in import StandIn
from sessions_app.tests.stt.sound import silence
from sessions_app.tests.stt.test_google import SPOKEN, WORDS


@pytest.fixture(params=["embedded", "google"])
def engine(request, settings):
    settings.STT_BACKEND = request.param
    if request.param == "embedded":
        yield get_transcriber(cloud_allowed=True)
        return
    server = StandIn(Script(SPOKEN, WORDS))
    settings.GOOGLE_STT_ENDPOINT = server.endpoint
    yield get_transcriber(cloud_allowed=True)
    server.stop()


def test_a_transcript_is_ordered_numbered_and_timed(engine):
    transcript = engine.transcribe([SPOKEN], language="en-US")

    assert "lithium" in transcript.text.lower()
    assert transcript.duration_s == pytest.approx(18.5, abs=0.1)
    assert [segment.id for segment in transcript.segments] == list(range(1, len(transcript.segments) + 1))
    assert all(before.start <= after.start for before, after in pairwise(transcript.segments))
    for segment in transcript.segments:
        assert segment.text == " ".join(word.text for word in segment.words)
        assert 0 <= segment.start <= segment.end <= 18.6
        assert 0 < segment.confidence <= 1
        assert segment.speaker in {"doctor", "patient", "unknown"}


def test_a_transcript_goes_into_json_with_the_names_of_the_command(engine):
    shown = engine.transcribe([SPOKEN], language="en-US").as_json()

    assert list(shown) == ["engine", "model", "language", "duration_s", "segments", "text"]
    assert list(shown["segments"][0]) == ["id", "start", "end", "speaker", "text", "confidence", "words", "voice"]
    assert list(shown["segments"][0]["words"][0]) == ["start", "end", "text", "confidence"]
    assert type(shown["segments"][0]["words"][0]["start"]) is float


def test_silence_gives_no_segments(engine):
    transcript = engine.transcribe([silence(4)], language="en-US")

    assert transcript.segments == ()
    assert transcript.text == ""
    assert transcript.confidence == 0.0


def test_what_is_no_sound_is_refused(engine, tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("not a recording")

    with pytest.raises(SpeechError):
        engine.transcribe(path, language="en-US")


def test_every_live_segment_ends_final_once(engine):
    session = engine.open_live(language="en-US", start_s=10.0, first_id=3)

    events = [
        event for start in range(0, len(SPOKEN), 64_000) for event in session.feed(SPOKEN[start : start + 64_000])
    ]
    events += session.finish()

    final = [event.segment for event in events if event.segment.is_final]
    assert final[0].id == 3
    assert len({segment.id for segment in final}) == len(final)
    assert all(10 <= segment.start <= segment.end <= 28.7 for segment in final)
    assert "lithium" in final[0].text.lower()


def test_the_engine_is_chosen_by_setting_credentials_and_consent(settings):
    assert chosen_backend() == "embedded"
    settings.GOOGLE_APPLICATION_CREDENTIALS = "key.json"
    assert chosen_backend() == "google"
    assert chosen_backend(cloud_allowed=False) == "embedded"
    settings.STT_BACKEND = "google"
    assert chosen_backend(cloud_allowed=False) == "embedded"
    settings.STT_BACKEND = "embedded"
    assert chosen_backend() == "embedded"


def test_the_bundled_engine_says_before_a_recording_which_languages_it_knows(settings):
    assert supports("en-IN", cloud_allowed=False)
    assert not supports("hi-IN", cloud_allowed=True)
    settings.GOOGLE_APPLICATION_CREDENTIALS = "key.json"
    assert supports("hi-IN", cloud_allowed=True)
    assert not supports("hi-IN", cloud_allowed=False)
    settings.WHISPER_MODEL = "/models/faster-whisper-small"
    assert supports("hi-IN", cloud_allowed=False)
    assert not supports("xx-XX", cloud_allowed=False)
    settings.WHISPER_MODEL = "/models/faster-whisper-small.en/"
    assert not supports("de-DE", cloud_allowed=False)
