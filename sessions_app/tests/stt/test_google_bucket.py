"""Long recordings read from the bucket, with the real clients of both services."""

import gc
import socket

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from sessions_app.stt.base import SpeechError
from sessions_app.stt.google import GoogleTranscriber, bucket, transcriber
from sessions_app.tests.stt.google_ear import Script
from sessions_app.tests.stt.google_stand_in import StandIn
from sessions_app.tests.stt.test_google import SPOKEN, TEXT, WORDS

BUCKET = "recordings"


@pytest.fixture(scope="module")
def emulator():
    from gcp_storage_emulator.server import create_server

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def objects(emulator):
    """The bucket, seen from Google's side."""
    client = storage.Client(
        project="clinic", credentials=AnonymousCredentials(), client_options={"api_endpoint": emulator}
    )
    yield client.bucket(BUCKET)
    client.close()


@pytest.fixture
def serve(emulator, objects, monkeypatch):
    monkeypatch.setattr(transcriber, "STREAM_PAUSE_S", 8.0)
    monkeypatch.setattr(transcriber, "STREAM_S", 12.0)
    monkeypatch.setattr(transcriber, "BACKOFF_S", (0.01,))
    monkeypatch.setattr(bucket, "POLL_S", 0.01)
    running = []

    def start(script, **options):
        script.fetch = lambda uri: objects.blob(uri.removeprefix(f"gs://{BUCKET}/")).download_as_bytes()
        server = StandIn(script)
        running.append(server)
        return GoogleTranscriber(
            endpoint=server.endpoint, project="clinic", bucket=BUCKET, storage_endpoint=emulator, **options
        )

    yield start
    for server in running:
        server.stop()
    # An upload that was left open would be completed when it is collected.
    gc.collect()
    assert list(objects.list_blobs()) == []


def test_a_long_recording_is_read_with_one_call_and_its_plain_copy_deleted(serve):
    script = Script(SPOKEN, WORDS, polls=4)
    shown = []

    transcript = serve(script).transcribe([SPOKEN], language="en-IN", progress=shown.append)

    assert transcript.text == TEXT
    assert [word.start for segment in transcript.segments for word in segment.words] == pytest.approx(
        [word.start for word in WORDS], abs=0.01
    )
    assert {segment.speaker for segment in transcript.segments} == {"doctor", "patient"}
    assert transcript.duration_s == pytest.approx(18.5, abs=0.1)
    assert len(script.uris) == 1
    assert script.uris[0].startswith(f"gs://{BUCKET}/recognition/")
    assert script.streams == 0
    assert shown == sorted(shown)
    assert shown[-1] == 1.0
    assert len(shown) >= 4


def test_a_short_recording_is_streamed(serve):
    script = Script(SPOKEN, WORDS)

    serve(script).transcribe([SPOKEN[: 6 * 32_000]], language="en-IN")

    assert (len(script.uris), script.streams) == (0, 1)


def test_the_medical_model_has_no_such_call_and_is_streamed(serve):
    script = Script(SPOKEN, WORDS)

    assert serve(script).transcribe([SPOKEN], language="en-US").model == "medical_conversation"
    assert (len(script.uris), script.streams) == (0, 2)


def test_a_failure_that_may_pass_is_tried_again_with_the_same_copy(serve):
    script = Script(SPOKEN, WORDS, failures=[grpc.StatusCode.UNAVAILABLE])

    assert serve(script).transcribe([SPOKEN], language="en-IN").text == TEXT


def test_a_feature_that_the_model_does_not_have_is_left_out(serve):
    script = Script(SPOKEN, WORDS, refused=("diarization_config",))

    assert serve(script).transcribe([SPOKEN], language="en-IN").text == TEXT
    assert "diarization_config" not in script.configs[0].features


def test_a_service_that_stays_away_leaves_no_copy(serve):
    script = Script(SPOKEN, WORDS, failures=[grpc.StatusCode.UNAVAILABLE] * 9)

    with pytest.raises(SpeechError) as failure:
        serve(script).transcribe([SPOKEN], language="en-IN")

    assert failure.value.transient


def test_a_service_that_never_finishes_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(bucket, "LONGEST_S", 0.05)

    with pytest.raises(SpeechError, match="in time"):
        serve(Script(SPOKEN, WORDS, polls=10**6)).transcribe([SPOKEN], language="en-IN")


def test_a_source_that_breaks_while_it_is_uploaded_leaves_no_copy(serve):
    def broken():
        yield SPOKEN * 3
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        serve(Script(SPOKEN, WORDS)).transcribe(broken(), language="en-IN")


def test_a_bucket_that_is_not_there_is_said_and_nothing_is_sent(serve, emulator):
    script = Script(SPOKEN, WORDS)
    engine = GoogleTranscriber(endpoint="127.0.0.1:9", project="clinic", bucket="none", storage_endpoint=emulator)

    with pytest.raises(SpeechError, match="bucket"):
        engine.transcribe([SPOKEN], language="en-IN")

    assert script.uris == []
