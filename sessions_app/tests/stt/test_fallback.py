"""When the service on the network stays away, the engine of this machine goes on; no sound is lost on the way."""

import grpc
import pytest

from sessions_app.stt import fallback, get_transcriber
from sessions_app.stt.base import NO_HINTS, LanguageUnknown, LiveEvent, Segment, SpeechError, Transcript, Word
from sessions_app.stt.fallback import FallbackTranscriber
from sessions_app.stt.google import live, transcriber
from sessions_app.stt.google.live import HandOver
from sessions_app.tests.stt.google_ear import Script
from sessions_app.tests.stt.google_stand_in import StandIn
from sessions_app.tests.stt.test_google import SPOKEN, WORDS


def event(number, start, text):
    word = Word(start, start + 1, text, 0.9)
    return LiveEvent(Segment.of_words(number, [word]), committed=1)


class Session:
    """Settles one word a second and breaks after `lasts` seconds."""

    def __init__(self, engine, start_s, first_id):
        self.step_s = engine.step_s
        self.engine, self.now, self.next_id, self.kept = engine, start_s, first_id, b""
        self.start_s = start_s

    def feed(self, pcm):
        self.kept += pcm
        if self.now - self.start_s >= self.engine.lasts:
            raise SpeechError("away", transient=self.engine.transient)
        return [self._word() for _ in range(len(self.kept) // 32_000)]

    def finish(self):
        if self.engine.lasts < 100:
            raise SpeechError("away", transient=self.engine.transient)
        return []

    def hand_over(self):
        return HandOver([], self.now, self.kept, self.next_id)

    def _word(self):
        said = event(self.next_id, self.now, f"{self.engine.engine}-{self.now:g}")
        self.kept = self.kept[32_000:]
        self.now += 1
        self.next_id += 1
        return said


class Engine:
    step_s = 0.6

    def __init__(self, name, *, lasts=1000.0, transient=True):
        self.engine = self.model = name
        self.lasts, self.transient = lasts, transient
        self.opened = 0
        self.read = []

    def open_live(self, *, language, hints=NO_HINTS, start_s=0.0, first_id=1):
        self.opened += 1
        return Session(self, start_s, first_id)

    def transcribe(self, source, *, language, hints=NO_HINTS, progress=None):
        self.read.append(b"".join(source))
        if self.lasts < 100:
            raise SpeechError("away", transient=self.transient)
        return Transcript((), self.engine, self.model, language, 1.0)

    def prepare(self, source, *, language, hints=NO_HINTS):
        raise AssertionError


def pair(**first):
    cloud, local = Engine("cloud", **first), Engine("local")
    return FallbackTranscriber(cloud, lambda: local, knows=lambda language: language.startswith("en")), cloud, local


SECOND = bytes(32_000)


class Recording:
    """Sound that can be read as often as it is asked for."""

    def __iter__(self):
        return iter([SECOND, SECOND])


def test_live_text_goes_on_from_the_last_settled_word_under_the_next_id():
    engine, _, _ = pair(lasts=3)
    session = engine.open_live(language="en-US", start_s=10.0, first_id=5)

    events = [event for _ in range(6) for event in session.feed(SECOND)] + session.finish()

    assert [event.segment.text for event in events] == [
        "cloud-10",
        "cloud-11",
        "cloud-12",
        "local-13",
        "local-14",
        "local-15",
    ]
    assert [event.segment.id for event in events] == list(range(5, 11))


def test_a_failure_in_the_last_moment_changes_over_as_well():
    engine, _, local = pair(lasts=3)
    session = engine.open_live(language="en-US")
    session.feed(SECOND + SECOND[:16_000])

    session.finish()

    assert local.opened == 1


def test_after_a_failure_new_sessions_begin_on_this_machine_for_a_while(monkeypatch):
    engine, cloud, local = pair(lasts=0)
    engine.open_live(language="en-US").feed(SECOND)

    engine.open_live(language="en-US")
    assert (cloud.opened, local.opened) == (1, 2)

    monkeypatch.setattr(fallback.time, "monotonic", lambda: 10**9)
    engine.open_live(language="en-US")
    assert cloud.opened == 2


@pytest.mark.parametrize(("is_transient", "reason"), [(True, "unreachable"), (False, "refused")])
def test_a_finished_recording_says_who_wrote_it_and_why(is_transient, reason):
    engine, cloud, local = pair(lasts=0, transient=is_transient)

    transcript = engine.transcribe(Recording(), language="en-US")

    assert (transcript.engine, transcript.fallback) == ("local", reason)
    assert cloud.read == local.read == [SECOND * 2]


def test_a_recording_that_works_names_no_reason():
    engine, _, local = pair()

    assert engine.transcribe(Recording(), language="en-US").fallback == ""
    assert local.read == []


def test_a_language_that_this_machine_does_not_know_never_falls_back():
    engine, _, local = pair(lasts=0)

    with pytest.raises(SpeechError, match="does not know Hindi .* The recording is kept") as failure:
        engine.transcribe(Recording(), language="hi-IN")
    with pytest.raises(SpeechError):
        engine.open_live(language="hi-IN").feed(SECOND)

    assert failure.value.transient
    assert (local.read, local.opened) == ([], 0)


def test_sound_that_can_be_read_only_once_is_not_read_again():
    engine, _, local = pair(lasts=0)

    with pytest.raises(SpeechError):
        engine.transcribe(iter([SECOND]), language="en-US")

    assert local.read == []


def test_google_cut_in_the_middle_of_a_session_is_replaced_by_the_embedded_engine(settings, monkeypatch):
    monkeypatch.setattr(live, "BACKOFF_S", (0.01,))
    monkeypatch.setattr(transcriber, "BACKOFF_S", (0.01,))
    script = Script(SPOKEN, WORDS, failures=[grpc.StatusCode.UNAVAILABLE] * 99, fail_after_s=9.6)
    server = StandIn(script)
    settings.STT_BACKEND, settings.GOOGLE_STT_ENDPOINT = "google", server.endpoint
    session = get_transcriber(cloud_allowed=True).open_live(language="en-US")

    events = []
    for first in range(0, len(SPOKEN), 32_000):
        events += session.feed(SPOKEN[first : first + 32_000])
        server.wait_until_heard((first + 32_000) / 32_000)
    events += session.finish()
    server.stop()

    final = [event.segment for event in events if event.segment.is_final]
    assert final[0].text == "How have things been with the lithium?"
    assert [segment.id for segment in final] == list(range(1, len(final) + 1))
    text = " ".join(segment.text for segment in final).lower()
    assert text.count("lithium") == 1
    assert "water" in text
    assert "diarr" in text


def test_no_engine_for_a_language_is_said_clearly():
    with pytest.raises(LanguageUnknown, match="Hindi"):
        get_transcriber(cloud_allowed=False).transcribe([SPOKEN], language="hi-IN")
