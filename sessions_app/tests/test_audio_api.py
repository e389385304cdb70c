"""A session's sound by the API: heard in parts, brought in whole, and how far it is read."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from sessions_app import stt
from sessions_app.models import AudioUpload
from sessions_app.recordings import audio
from sessions_app.tests import files
from sessions_app.tests.factories import make_session, record_audio
from sessions_app.tests.speech_jobs import Engine, run_jobs
from sessions_app.uploads import store as upload_store
from synapse.audit.models import AuditEvent
from synapse.encryption.sealed_files import BLOCK, SealedFile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: Engine())


@pytest.fixture
def session(asha):
    return make_session(asha, status="completed", with_recording=False)


def error_of(response):
    return response.json()["error"]


def address(session, *more):
    return "/".join(["/api/v1/sessions", str(session.pk), "audio", *more, ""])


def bring(client, session, content, *, name="KAVYA IYER.wav", **fields):
    sound = SimpleUploadedFile(name, content, "audio/wav")
    headers = {"Idempotency-Key": key} if (key := fields.pop("key", "")) else {}
    return client.post(address(session), {"file": sound, **fields}, format="multipart", headers=headers)


@pytest.mark.parametrize("is_archived", [True, False])
def test_it_is_heard_whole_and_in_parts_and_that_is_on_record(api, asha, is_archived):
    session = make_session(asha)
    record_audio(session)
    if is_archived:
        audio.archive(session, at=timezone.now())
    client = api(asha)
    assert client.get(f"/api/v1/sessions/{session.pk}/").json()["audio_url"] == f"http://testserver{address(session)}"

    whole = client.get(address(session))
    content = whole.getvalue()
    part = client.get(address(session), headers={"Range": "bytes=10-99"})
    beyond = client.get(address(session), headers={"Range": "bytes=99999999-"})

    assert (whole.status_code, whole["Content-Type"]) == (200, "audio/ogg" if is_archived else "audio/wav")
    assert (part.status_code, part.getvalue()) == (206, content[10:100])
    assert part["Content-Range"] == f"bytes 10-99/{len(content)}"
    assert (beyond.status_code, error_of(beyond)["code"]) == (416, "range_not_satisfiable")
    assert beyond["Content-Range"] == f"bytes */{len(content)}"
    assert AuditEvent.objects.filter(action="play", target_id=str(session.pk)).count() == 1


def test_a_session_without_sound_says_so(api, asha, session):
    response = api(asha).get(address(session))
    assert (response.status_code, error_of(response)["code"]) == (404, "no_recording")


def test_a_file_becomes_the_recording_and_its_words_follow(api, asha, session):
    client, content = api(asha), files.sound_file("stereo wav")

    made = bring(client, session, content, source="upload")
    waiting = client.get(address(session, "uploads", made.json()["id"]))
    run_jobs()
    listed = client.get(address(session, "uploads")).json()["results"]

    assert made.status_code == 201
    assert (made.json()["status"], made.json()["kind"], made.json()["total_bytes"]) == ("received", "wav", len(content))
    assert (waiting.json()["status"], waiting.json()["progress"]) == ("received", 0)
    assert [(one["status"], one["progress"], one["message"]) for one in listed] == [("stored", 100, "")]
    words = client.get(f"/api/v1/sessions/{session.pk}/transcription/").json()
    assert (words["status"], words["segments"][0]["text"]) == ("completed", "I slept badly again last night")
    again = bring(client, session, content)
    assert (again.status_code, error_of(again)["code"]) == (409, "has_recording")
    told = json.dumps(list(AuditEvent.objects.values("detail", "target_label")))
    assert "KAVYA" not in told


def test_a_key_brings_it_once(api, asha, session):
    client, content = api(asha), files.sound_file("stereo wav")
    answers = [bring(client, session, content, key="a") for _ in range(2)]
    other = bring(client, session, content + b"\0\0", key="a")
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert (other.status_code, AudioUpload.objects.count()) == (422, 1)


def test_without_consent_only_a_dictation_comes_in(api, asha):
    session = make_session(asha, consent=False, status="completed", with_recording=False)
    client, content = api(asha), files.sound_file("stereo wav")
    refused = bring(client, session, content, source="upload")
    taken = bring(client, session, content, source="dictation")
    run_jobs()
    assert (refused.status_code, error_of(refused)["code"]) == (403, "no_consent")
    assert (taken.status_code, taken.json()["source"], taken.json()["kind"]) == (201, "dictation", "wav")
    session.refresh_from_db()
    assert session.audio_source == "dictation"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"Dear colleague" * 9, 415, "not_sound"), (b"\x89PNG" * 9, 415, "picture"), (b"", 400, "empty")],
)
def test_what_is_no_sound_is_refused_and_leaves_nothing(api, asha, session, content, status, code):
    client, before = api(asha), set(upload_store.default_store().ids())
    response = bring(client, session, content)
    assert (response.status_code, error_of(response)["code"]) == (status, code)
    assert set(upload_store.default_store().ids()) == before
    listed = client.get(address(session, "uploads")).json()["results"]
    assert [one["error_code"] for one in listed] == ([code] if content else [])


def test_a_file_that_is_too_large_is_413(api, asha, session, monkeypatch):
    monkeypatch.setattr("sessions_app.uploads.services.MOST_BYTES", 1_000)
    response = bring(api(asha), session, files.sound_file("stereo wav"))
    assert (response.status_code, error_of(response)["code"]) == (413, "too_large")


def test_what_the_form_lacks_is_named(api, asha, session):
    client = api(asha)
    empty = client.post(address(session), {"source": "upload"}, format="multipart")
    wrong = bring(client, session, b"x", source="live")
    as_json = client.post(address(session), {"source": "upload"})
    assert (empty.status_code, list(error_of(empty)["fields"])) == (400, ["file"])
    assert (wrong.status_code, list(error_of(wrong)["fields"])) == (400, ["source"])
    assert as_json.status_code == 415


def test_only_the_sessions_doctor_brings_and_stops(api, asha, ben, rita, omar, session):
    content = files.sound_file("stereo wav")
    for one, status in ((ben, 404), (rita, 403), (omar, 403)):
        client = api(one)
        answers = [bring(client, session, content), client.get(address(session, "uploads"))]
        assert [answer.status_code for answer in answers] == [status] * 2
    made = bring(api(asha), session, content).json()
    assert api(ben).delete(address(session, "uploads", made["id"])).status_code == 404
    assert api(asha).delete(address(session, "uploads", made["id"])).status_code == 204
    assert api(asha).get(address(session, "uploads", made["id"])).json()["status"] == "abandoned"
    assert bring(api(asha), session, content).status_code == 201


def test_a_long_file_lies_sealed_while_it_comes_in(api, asha, session, settings, monkeypatch):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000
    written = []
    write = SealedFile.write
    monkeypatch.setattr(SealedFile, "write", lambda self, data: written.append(len(data)) or write(self, data))
    content = files.sound_file("stereo wav")
    assert bring(api(asha), session, content).status_code == 201
    assert sum(written) == len(content)


def test_a_sealed_file_reads_as_it_was_written_and_is_not_readable_on_the_disk(tmp_path):
    content = b"CANARY" * BLOCK
    file = SealedFile(tmp_path)
    for start in range(0, len(content), 100_000):
        file.write(content[start : start + 100_000])
    for place in (0, 7, BLOCK - 1, BLOCK, 3 * BLOCK + 5, len(content) - 3, len(content)):
        file.seek(place)
        assert b"".join(iter(lambda: file.read(10_000), b""))[:50_000] == content[place : place + 50_000]
    assert file.tell() == len(file) == len(content)
    file._file.seek(0)
    assert b"CANARY" not in file._file.read()
    assert list(tmp_path.iterdir()) == []
