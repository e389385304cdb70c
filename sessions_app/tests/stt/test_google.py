"""The adapter's calls for finished files, with the real client, against a stand-in that keeps Google's limits."""

import hashlib
from uuid import uuid4

import grpc
import pytest

from sessions_app.stt.base import Hints, SpeechError
from sessions_app.stt.google import GoogleTranscriber, connection, recognition, transcriber
from sessions_app.tests.stt.google_ear import Script, said
from sessions_app.tests.stt.google_stand_in import StandIn
from sessions_app.tests.stt.sound import consultation, reference, seconds, silence
from synapse.outside import calls
from synapse.outside.models import OutsideCall

WORDS = [
    *said("How have things been with the lithium?", start=0.6, end=3.0, voice=1),
    *said("I take eight hundred milligrams at night. I have a slight tremor in my hands.", start=3.6, end=9.0, voice=2),
    *said("Do you drink enough water? Any diarrhoea or vomiting?", start=9.6, end=14.0, voice=1),
    *said("I drink about two litres a day. No vomiting and no diarrhoea.", start=14.6, end=18.0, voice=2),
]
TEXT = " ".join(word.text for word in WORDS)
SPOKEN = seconds(consultation(), 0, 18.5)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(transcriber, "BACKOFF_S", (0.01, 0.01))


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


def consultation_script(**options):
    return Script(SPOKEN, WORDS, **options)


def test_a_finished_file_is_read_by_version_2_and_its_voices_named(serve):
    script = consultation_script()

    transcript = serve(script, project="clinic", location="eu").transcribe([SPOKEN], language="en-IN")

    assert (transcript.engine, transcript.model) == ("google", "long")
    assert transcript.text == TEXT
    assert [segment.speaker for segment in transcript.segments] == ["doctor"] + ["patient"] * 2 + ["doctor"] * 2 + [
        "patient"
    ] * 2
    assert [segment.voice for segment in transcript.segments] == [1, 2, 2, 1, 1, 2, 2]
    assert transcript.segments[0].words[0].start == pytest.approx(0.6, abs=0.01)
    assert script.recognizers == ["projects/clinic/locations/eu/recognizers/_"]
    assert max(script.sizes) <= 12_800


def test_words_that_every_answer_repeats_are_replaced_and_not_added(serve):
    transcript = serve(consultation_script(repeats_words=True)).transcribe([SPOKEN], language="en-IN")

    assert transcript.text == TEXT


def test_the_medical_model_is_asked_for_american_english_in_version_1_and_names_the_speakers_itself(serve):
    script = Script(
        SPOKEN,
        [
            *said("How are you?", start=0.6, end=2.0, label="provider"),
            *said("Fine, thank you.", start=14.0, end=16.0, label="patient"),
        ],
    )

    transcript = serve(script).transcribe([SPOKEN], language="en-US")

    assert [segment.speaker for segment in transcript.segments] == ["doctor", "patient"]
    assert transcript.model == script.configs[0].config.model == "medical_conversation"
    assert not script.configs[0].config.diarization_config.enable_speaker_diarization
    assert script.recognizers == []


@pytest.mark.parametrize(
    ("chosen", "language", "model"),
    [
        ("", "en-US", "medical_conversation"),
        ("", "hi-IN", "long"),
        ("chirp_2", "en-US", "chirp_2"),
        ("medical_conversation", "en-US", "medical_conversation"),
        ("medical_conversation", "de-DE", "long"),
        ("medical_dictation", "en-GB", "long"),
    ],
)
def test_the_model_set_is_used_where_it_knows_the_language(chosen, language, model):
    assert recognition.recognition_of(chosen, language, ()).model == model


def test_the_clinics_vocabulary_is_favoured_within_the_services_limits(serve):
    script = consultation_script()
    terms = ("lithium", "x" * 101, "lithium", *(f"term {number}" for number in range(600)))

    serve(script).transcribe([SPOKEN], language="en-IN", hints=Hints(vocabulary=terms))

    phrases = script.configs[0].config.adaptation.phrase_sets[0].inline_phrase_set.phrases
    assert [phrase.value for phrase in phrases][:2] == ["lithium", "term 0"]
    assert len(phrases) == 500
    assert all(0 < phrase.boost <= 20 for phrase in phrases)


def test_a_feature_that_the_model_does_not_have_is_left_out_from_then_on(serve):
    script = consultation_script(refused=("diarization_config", "enable_word_confidence"))
    engine = serve(script)

    first = engine.transcribe([SPOKEN], language="en-IN")
    asked = len(script.configs)
    second = engine.transcribe([SPOKEN], language="en-IN")

    assert first.text == second.text == TEXT
    assert asked == 3
    assert len(script.configs) == 4
    assert script.configs[-1].config.features.enable_automatic_punctuation


def test_voices_without_labels_are_told_apart_by_their_sound(serve):
    turns = reference()["turns"]
    words = [word for turn in turns for word in said(turn["text"], start=turn["start"], end=turn["end"])]
    script = Script(consultation(), words, refused=("diarization_config",))

    transcript = serve(script).transcribe([consultation()], language="en-IN")

    def speaker_at(second):
        return next(turn["speaker"] for turn in turns if turn["start"] - 0.01 <= second <= turn["end"] + 0.01)

    right = [segment.speaker == speaker_at(segment.words[0].middle) for segment in transcript.segments]
    assert sum(right) >= 0.9 * len(right)


def test_a_long_file_takes_one_stream_for_each_four_minutes_with_right_times(serve, monkeypatch):
    monkeypatch.setattr(transcriber, "STREAM_PAUSE_S", 8.0)
    monkeypatch.setattr(transcriber, "STREAM_S", 12.0)
    script = consultation_script()

    transcript = serve(script).transcribe([SPOKEN], language="en-IN")

    assert script.streams >= 2
    assert [word.start for segment in transcript.segments for word in segment.words] == pytest.approx(
        [word.start for word in WORDS], abs=0.01
    )


def test_silence_is_not_sent(serve):
    script = Script(silence(5))

    assert serve(script).transcribe([silence(5)], language="en-US").segments == ()
    assert script.streams == 0


def test_a_service_that_wants_the_pace_of_speech_gets_it(serve, monkeypatch):
    script = consultation_script(fastest=30.0)
    engine = serve(script)
    monkeypatch.setattr(transcriber, "BYTES_PER_SECOND", 32_000 * 20)

    assert engine.transcribe([SPOKEN], language="en-IN").text == TEXT
    assert script.streams == 2


@pytest.mark.parametrize(
    "status",
    [
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
    ],
)
@pytest.mark.parametrize("language", ["en-US", "en-IN"])
def test_a_failure_that_may_pass_is_tried_again(serve, status, language):
    script = consultation_script(failures=[status, status], fail_after_s=4.0)

    assert serve(script).transcribe([SPOKEN], language=language).text == TEXT
    assert script.streams == 3


@pytest.mark.parametrize(
    ("status", "is_transient", "tries"),
    [
        (grpc.StatusCode.UNAVAILABLE, True, 3),
        (grpc.StatusCode.INVALID_ARGUMENT, False, 1),
        (grpc.StatusCode.PERMISSION_DENIED, False, 1),
        (grpc.StatusCode.UNIMPLEMENTED, False, 1),
    ],
)
def test_a_failure_that_stays_says_whether_trying_later_helps_and_quotes_nobody(serve, status, is_transient, tries):
    script = consultation_script(failures=[status] * 9)

    with pytest.raises(SpeechError) as failure:
        serve(script).transcribe([SPOKEN], language="en-IN")

    assert failure.value.transient is is_transient
    assert "secret" not in str(failure.value)
    assert script.streams == tries


def test_a_service_that_does_not_answer_times_out(serve, monkeypatch):
    monkeypatch.setattr(recognition, "CALL_TIMEOUT_S", 0.3)
    monkeypatch.setattr(transcriber, "BACKOFF_S", ())

    with pytest.raises(SpeechError) as failure:
        serve(consultation_script(delay_s=0.5)).transcribe([SPOKEN], language="en-IN")

    assert failure.value.transient


def test_garbage_is_a_failure_worth_another_try(serve):
    with pytest.raises(SpeechError) as failure:
        serve(consultation_script(is_garbage=True)).transcribe([SPOKEN], language="en-IN")

    assert failure.value.transient


def test_an_answer_cut_off_in_the_middle_is_no_transcript(serve):
    with pytest.raises(SpeechError, match="before the end") as failure:
        serve(consultation_script(goes_deaf_after=1)).transcribe([SPOKEN], language="en-IN")

    assert failure.value.transient


def test_nobody_at_the_address_is_worth_another_try(monkeypatch):
    monkeypatch.setattr(recognition, "CALL_TIMEOUT_S", 1.0)
    monkeypatch.setattr(transcriber, "BACKOFF_S", ())

    with pytest.raises(SpeechError) as failure:
        GoogleTranscriber(endpoint="127.0.0.1:9").transcribe([SPOKEN], language="en-IN")

    assert failure.value.transient


def test_version_2_says_which_setting_it_misses():
    with pytest.raises(SpeechError, match="GOOGLE_CLOUD_PROJECT") as failure:
        GoogleTranscriber().transcribe([SPOKEN], language="en-IN")

    assert not failure.value.transient


def test_two_voices_that_nobody_can_name_never_share_a_line(serve):
    script = Script(
        SPOKEN, [*said("Yes quite.", start=0.6, end=1.4, voice=1), *said("Well no.", start=1.5, end=16.0, voice=2)]
    )

    segments = serve(script).transcribe([SPOKEN], language="en-IN").segments

    assert [(segment.text, segment.speaker, segment.voice) for segment in segments] == [
        ("Yes quite.", "unknown", 1),
        ("Well no.", "unknown", 2),
    ]


@pytest.mark.parametrize(
    ("location", "version_1", "version_2"),
    [
        ("global", "", ""),
        ("eu", "eu-speech.googleapis.com", "eu-speech.googleapis.com"),
        ("europe-west4", "eu-speech.googleapis.com", "europe-west4-speech.googleapis.com"),
        ("us-central1", "us-speech.googleapis.com", "us-central1-speech.googleapis.com"),
        ("asia-south1", "", "asia-south1-speech.googleapis.com"),
    ],
)
def test_a_location_is_called_at_its_own_host(location, version_1, version_2):
    assert connection.host_of(connection.area_of(location)) == version_1
    assert connection.host_of(location) == version_2


def test_sound_that_leaves_is_a_row_with_its_size_and_hash_and_none_leaves_without_consent(db, serve):
    patient, session = uuid4(), uuid4()
    script = consultation_script()
    engine = serve(script)

    with calls.errand(calls.Purpose.TRANSCRIPT, may_leave=lambda: True, patient_id=patient, target_id=session):
        engine.transcribe([SPOKEN], language="en-IN")
    with calls.errand(calls.Purpose.LIVE_WORDS, may_leave=lambda: True, patient_id=patient, target_id=session):
        live = engine.open_live(language="en-IN")
    live.feed(SPOKEN[:32_000])
    live.finish()
    streams = script.streams
    with calls.errand(calls.Purpose.TRANSCRIPT, may_leave=lambda: False), pytest.raises(SpeechError):
        engine.transcribe([SPOKEN], language="en-IN")

    written, heard = OutsideCall.objects.order_by("at")
    assert {(row.patient_id, row.target_id, row.engine, row.outcome) for row in (written, heard)} == {
        (patient, session, "google", "answered")
    }
    assert (written.bytes_out, written.sha256) == (len(SPOKEN), hashlib.sha256(SPOKEN).hexdigest())
    assert (written.model, heard.purpose) == ("long", "live_words")
    assert written.bytes_in >= len(TEXT.encode())  # interim words come as well
    assert heard.bytes_out >= 32_000
    assert script.streams == streams
