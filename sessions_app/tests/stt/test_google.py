"""The adapter, with the real client, against a stand-in that keeps Google's limits and fails on demand."""

import time

import grpc
import pytest

from sessions_app.stt import google as adapter
from sessions_app.stt.base import SpeechError
from sessions_app.stt.google import GoogleTranscriber
from sessions_app.tests.stt.google_stand_in import Line, Script, StandIn
from sessions_app.tests.stt.sound import consultation, seconds, silence

LINES = [
    Line(2.0, "how have things", is_final=False),
    Line(3.0, "How have things been with the lithium?", voice=1, start=0.6),
    Line(9.0, "I take eight hundred milligrams at night. I have a slight tremor in my hands.", voice=2, start=3.4),
    Line(14.0, "Do you drink enough water? Any diarrhoea or vomiting?", voice=1, start=9.6),
    Line(18.0, "I drink about two litres a day. No vomiting and no diarrhoea.", voice=2, start=14.1),
]
SPOKEN = seconds(consultation(), 0, 18.5)


@pytest.fixture
def serve():
    running = []

    def start(script, **options):
        server = StandIn(script)
        running.append(server)
        return GoogleTranscriber(endpoint=server.endpoint, **options)

    yield start
    for server in running:
        server.stop()


def feed_all(session, pcm, *, pace_s=0.0):
    events = []
    for start in range(0, len(pcm), 6_400):
        events += session.feed(pcm[start : start + 6_400])
        time.sleep(pace_s)
    return events


def test_a_finished_file_is_read_and_its_voices_named(serve):
    script = Script(LINES)

    transcript = serve(script).transcribe([SPOKEN], language="en-IN")

    assert transcript.engine == "google"
    assert transcript.model == "latest_long"
    assert [segment.speaker for segment in transcript.segments] == [
        "doctor",
        "patient",
        "patient",
        "doctor",
        "doctor",
        "patient",
        "patient",
    ]
    assert transcript.segments[0].text == "How have things been with the lithium?"
    assert transcript.segments[0].words[0].start == pytest.approx(0.6, abs=0.01)
    assert max(script.sizes) <= 12_800


def test_words_that_every_answer_repeats_are_replaced_and_not_added(serve):
    transcript = serve(Script(LINES, repeats_words=True)).transcribe([SPOKEN], language="en-IN")

    assert transcript.text == " ".join(line.text for line in LINES if line.is_final)


def test_the_medical_model_names_the_speakers_itself(serve):
    script = Script(
        [
            Line(3.0, "How are you?", label="provider", start=0.6),
            Line(16.0, "Fine, thank you.", label="patient", start=14.0),
        ]
    )

    transcript = serve(script).transcribe([SPOKEN], language="en-US")

    assert [segment.speaker for segment in transcript.segments] == ["doctor", "patient"]
    assert script.configs[0].config.model == "medical_conversation"
    assert not script.configs[0].config.diarization_config.enable_speaker_diarization


def test_a_long_file_takes_one_stream_for_each_four_minutes_with_right_times(serve, monkeypatch):
    monkeypatch.setattr(adapter, "STREAM_PAUSE_S", 8.0)
    monkeypatch.setattr(adapter, "STREAM_S", 12.0)
    script = Script([Line(6.0, "one two three", start=3.0)])

    transcript = serve(script).transcribe([SPOKEN], language="en-IN")

    assert script.streams >= 2
    starts = [segment.start for segment in transcript.segments]
    assert starts[0] == pytest.approx(3.0, abs=0.01)
    assert 11 < starts[1] < 16


def test_silence_is_not_sent(serve):
    script = Script(LINES)

    assert serve(script).transcribe([silence(5)], language="en-US").segments == ()
    assert script.streams == 0


@pytest.mark.parametrize(
    ("status", "is_transient"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, True),
        (grpc.StatusCode.UNAVAILABLE, True),
        (grpc.StatusCode.DEADLINE_EXCEEDED, True),
        (grpc.StatusCode.OUT_OF_RANGE, True),
        (grpc.StatusCode.INVALID_ARGUMENT, False),
        (grpc.StatusCode.PERMISSION_DENIED, False),
    ],
)
def test_a_failure_says_whether_trying_again_helps_and_quotes_nobody(serve, status, is_transient):
    engine = serve(Script(LINES, failures=[status]))

    with pytest.raises(SpeechError) as failure:
        engine.transcribe([SPOKEN], language="en-US")

    assert failure.value.transient is is_transient
    assert "secret" not in str(failure.value)
    assert engine.transcribe([SPOKEN], language="en-US").segments


def test_a_service_that_does_not_answer_times_out(serve, monkeypatch):
    monkeypatch.setattr(adapter, "CALL_TIMEOUT_S", 1.0)

    with pytest.raises(SpeechError) as failure:
        serve(Script(LINES, delay_s=2.0)).transcribe([SPOKEN], language="en-US")

    assert failure.value.transient


def test_garbage_is_a_failure_worth_another_try(serve):
    with pytest.raises(SpeechError) as failure:
        serve(Script(LINES, is_garbage=True)).transcribe([SPOKEN], language="en-US")

    assert failure.value.transient


def test_an_answer_cut_off_in_the_middle_is_no_transcript(serve):
    with pytest.raises(SpeechError, match="before the end") as failure:
        serve(Script(LINES, cut_after_lines=2)).transcribe([SPOKEN], language="en-US")

    assert failure.value.transient


def test_nobody_at_the_address_is_worth_another_try(monkeypatch):
    monkeypatch.setattr(adapter, "CALL_TIMEOUT_S", 3.0)

    with pytest.raises(SpeechError) as failure:
        GoogleTranscriber(endpoint="127.0.0.1:9").transcribe([SPOKEN], language="en-US")

    assert failure.value.transient


def test_live_words_come_interim_first_and_then_final_under_the_same_id(serve):
    session = serve(Script(LINES)).open_live(language="en-IN", start_s=60.0, first_id=5)

    events = feed_all(session, SPOKEN, pace_s=0.002) + session.finish()

    assert (events[0].segment.id, events[0].segment.is_final, events[0].committed) == (5, False, 0)
    final = [event for event in events if event.segment.is_final]
    assert final[0].segment.id == 5
    assert final[0].segment.start == pytest.approx(60.6, abs=0.01)
    assert [event.segment.id for event in final] == list(range(5, 5 + len(final)))
    assert final[-1].segment.speaker == "patient"
    assert all(event.committed == len(event.segment.words) for event in final)


def test_a_stream_ended_for_its_age_goes_on_and_loses_no_audio(serve):
    script = Script(LINES, failures=[grpc.StatusCode.OUT_OF_RANGE], fail_after_s=8.0)
    session = serve(script).open_live(language="en-IN")

    events = feed_all(session, SPOKEN, pace_s=0.01) + session.finish()

    assert script.streams == 2
    # What the first stream had settled, three seconds, is not sent again.
    assert script.audio_bytes[1] == pytest.approx(len(SPOKEN) - 3 * 32_000, abs=3_200)
    final = [event.segment for event in events if event.segment.is_final]
    assert final[0].text == "How have things been with the lithium?"
    assert final[1].start > 3.0
    assert [segment.id for segment in final] == list(range(1, len(final) + 1))


def test_a_stream_that_ends_of_age_in_its_last_moment_still_gives_its_last_words(serve):
    script = Script(LINES, failures=[grpc.StatusCode.OUT_OF_RANGE], fail_after_s=18.0)
    session = serve(script).open_live(language="en-IN")

    events = session.feed(SPOKEN) + session.finish()

    assert script.streams == 2
    assert next(event.segment.text for event in events if event.segment.is_final).startswith("How have things")


def test_a_service_that_refuses_every_stream_for_its_age_is_a_failure(serve):
    script = Script(LINES, failures=[grpc.StatusCode.OUT_OF_RANGE] * 5)
    session = serve(script).open_live(language="en-IN")

    with pytest.raises(SpeechError):
        session.feed(SPOKEN)
        session.finish()

    assert script.streams == 1


def test_a_live_stream_is_exchanged_before_google_would_end_it(serve, monkeypatch):
    monkeypatch.setattr(adapter, "STREAM_PAUSE_S", 6.0)
    monkeypatch.setattr(adapter, "STREAM_S", 7.0)
    script = Script(LINES)
    session = serve(script).open_live(language="en-IN")

    feed_all(session, SPOKEN, pace_s=0.01)
    session.finish()

    assert script.streams >= 3


def test_a_live_failure_comes_out_of_the_next_call(serve):
    session = serve(Script(LINES, failures=[grpc.StatusCode.UNAVAILABLE])).open_live(language="en-US")

    with pytest.raises(SpeechError) as failure:
        feed_all(session, SPOKEN, pace_s=0.02)
        session.finish()

    assert failure.value.transient
