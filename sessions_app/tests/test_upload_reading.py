"""How an uploaded file or a dictation becomes the recording of its session."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sessions_app import queries, services, stt
from sessions_app.models import AudioUpload
from sessions_app.speech import worker
from sessions_app.spool import store as spool
from sessions_app.tests import files
from sessions_app.tests.factories import make_session, tone
from sessions_app.tests.speech_jobs import Engine, run_jobs
from sessions_app.tests.uploading import begin, bring, finish, parts_of, send
from sessions_app.uploads import reading as upload_reading
from sessions_app.uploads import services as uploads
from sessions_app.uploads import store as upload_store
from synapse.accounts.models import User
from synapse.common import jobs
from synapse.common.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(asha):
    """A telephone visit that is over and was not recorded."""
    return make_session(asha, status="completed", with_recording=False)


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: engine)
    return engine


def test_an_uploaded_file_becomes_the_recording_and_is_written(session, engine):
    upload = bring(session, files.sound_file("mp3"))

    assert (upload.status, upload.kind, session.audio_source) == ("stored", "mp3", "upload")
    assert session.transcriptions.get().status == "completed"
    assert session.audio_name
    assert session.audio_duration_seconds == pytest.approx(3, abs=0.05)
    assert session.audio_quality_score is not None
    assert len(engine.heard) == pytest.approx(96_000, abs=2_000)
    assert not parts_of(upload).exists()
    assert not spool.default_store().exists(session.pk)


UNUSABLE = {
    "text called wav": (lambda: b"Dear colleague, " * 100, "not_sound"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(500), "picture"),
    "a photo of a phone": (lambda: b"\x00\x00\x00\x18ftypheic" + bytes(500), "picture"),
    "an archive": (lambda: b"PK\x03\x04" + bytes(500), "archive"),
    "a text that looks like a frame": (lambda: b"\xff\xfeD\x00e\x00a\x00r\x00" * 20, "not_sound"),
    "three bytes": (lambda: b"RIF", "not_sound"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_no_sound_is_refused_with_its_first_part(session, name):
    content, code = UNUSABLE[name][0](), UNUSABLE[name][1]
    upload = begin(session, content)

    with pytest.raises(uploads.UploadRefused) as refusal:
        send(upload, content)

    upload.refresh_from_db()
    assert (refusal.value.code, refusal.value.status) == (code, 415)
    assert refusal.value.message == uploads.reason_of(code)
    assert (upload.status, upload.error_code) == ("failed", code)
    assert not parts_of(upload).exists()


UNREADABLE = {
    "a video without sound": (lambda: files.video("mp4", None), "no_sound_track"),
    "a wav of length zero": (files.empty_wav, "no_sound"),
    "an m4a cut before its contents": (lambda: files.sound_file("m4a")[:20_000], "unreadable"),
    "noise behind the mark of a flac": (lambda: b"fLaC" + tone(500), "unreadable"),
    "a play list in a wav": (lambda: b"RIFF\x00\x00\x00\x00WAVE" + b"#EXTM3U\nfile:///etc/passwd\n" * 9, "unreadable"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_whose_sound_cannot_be_read_is_erased_with_the_reason(session, engine, name):
    content, code = UNREADABLE[name][0](), UNREADABLE[name][1]

    upload = bring(session, content)

    assert (upload.status, upload.error_code) == ("failed", code)
    assert not queries.has_recording(session)
    assert not parts_of(upload).exists()
    assert session.transcriptions.count() == 0
    assert bring(session, files.sound_file("ogg")).status == "stored"  # another file may follow


@pytest.mark.parametrize("kind", ["m4a", "mp3"])
def test_of_a_cut_file_what_can_be_read_is_kept_and_the_loss_is_named(session, engine, kind):
    whole = files.faststart_m4a(12) if kind == "m4a" else files.sound_file("mp3", 12)

    upload = bring(session, whole[: len(whole) * 2 // 3])

    gap = session.events.get(kind="gap")
    read_ms = round(session.audio_duration_seconds * 1000)
    assert (upload.status, upload.error_code) == ("stored", "cut_short")
    assert 6_000 < read_ms < 9_000
    assert (gap.at_ms, gap.until_ms) == (pytest.approx(read_ms, abs=1), pytest.approx(12_000, abs=100))


def test_three_hours_are_the_most(session, engine, monkeypatch):
    monkeypatch.setattr(upload_reading, "MOST_PCM_BYTES", 2 * 32_000)

    upload = bring(session, files.sound_file("flac of 24 bits"))

    assert (upload.status, upload.error_code) == ("failed", "too_long")
    assert not parts_of(upload).exists()


@pytest.mark.parametrize(("length", "code"), [(0, "empty"), (None, "empty"), (uploads.MOST_BYTES + 1, "too_large")])
def test_an_empty_or_an_oversize_file_is_refused_before_a_byte_is_sent(session, length, code):
    with pytest.raises(uploads.UploadRefused) as refusal:
        begin(session, b"", total_bytes=length)

    assert refusal.value.code == code
    assert not AudioUpload.objects.exists()


def test_a_file_for_a_running_session_is_written_when_the_session_ends(asha, engine):
    session = make_session(asha, with_recording=False)

    upload = bring(session, files.sound_file("wav"))
    assert (upload.status, session.transcriptions.count(), session.status) == ("stored", 0, "in_progress")
    services.complete_session(session, by=asha, at=timezone.now())
    run_jobs()

    assert session.transcriptions.get().status == "completed"
    assert list(session.events.all()) == []


def test_a_session_that_ends_while_its_file_arrives_is_written_all_the_same(asha, engine):
    session = make_session(asha, with_recording=False)
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content, end=64 * 1024)
    services.complete_session(session, by=asha, at=timezone.now())

    send(upload, content, start=64 * 1024)
    finish(upload, content)
    run_jobs()

    assert session.transcriptions.get().status == "completed"


@pytest.mark.parametrize("step", ["read_sound", "take_recording", "settle", "transcripts.request_transcript"])
def test_a_reading_that_was_killed_at_any_step_is_done_again(session, engine, monkeypatch, step):
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content)
    finish(upload, content)
    module, _, name = step.rpartition(".")
    place = upload_reading.transcripts if module else upload_reading
    whole = getattr(place, name)

    class Killed(BaseException):
        pass

    def killed(*given, **named):
        if name == "read_sound":
            whole(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(place, name, killed)
        job = jobs.lease_next("speech", worker.KINDS, timezone.now(), 300)
        with pytest.raises(Killed):
            jobs.get_task(job.kind)(job)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    run_jobs()

    upload.refresh_from_db()
    session.refresh_from_db()
    assert upload.status == "stored"
    assert [row.status for row in session.transcriptions.all()] == ["completed"]
    assert session.audio_duration_seconds == pytest.approx(3, abs=0.01)
    assert not parts_of(upload).exists()


def test_an_upload_that_is_stopped_while_it_is_read_leaves_nothing(session, engine, asha, monkeypatch):
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content)
    finish(upload, content)
    read = upload_reading.read_sound

    def stopped_meanwhile(*given):
        sound = read(*given)
        uploads.give_up(upload, by=asha, at=timezone.now())
        return sound

    monkeypatch.setattr(upload_reading, "read_sound", stopped_meanwhile)
    run_jobs()

    upload.refresh_from_db()
    session.refresh_from_db()
    assert upload.status == "abandoned"
    assert not queries.has_recording(session)
    assert not parts_of(upload).exists()


def test_what_nobody_finished_is_dropped_after_a_day_and_a_dictation_is_kept_as_far_as_it_came(asha, session, engine):
    old = timezone.now() - timedelta(hours=25)
    file = begin(session, files.sound_file("wav"), at=old)
    send(file, files.sound_file("wav"), end=64 * 1024, at=old)
    spoken = begin(make_session(asha, with_recording=False), b"", source="dictation", total_bytes=None, at=old)
    send(spoken, files.hum(2), at=old)
    orphan = upload_store.default_store().folder(session.pk)
    orphan.mkdir()
    User.objects.filter(pk=asha.pk).update(is_active=False)  # gone meanwhile; what was said stays

    for _ in range(2):
        uploads.settle_left(timezone.now())
    run_jobs()

    file.refresh_from_db()
    spoken.refresh_from_db()
    assert (file.status, spoken.status) == ("abandoned", "stored")
    assert not parts_of(file).exists()
    assert not orphan.exists()


def test_a_dictation_is_written_as_the_doctors_words(asha, engine):
    session = make_session(asha, status="completed", consent=False, with_recording=False)
    spoken = files.hum(3)
    upload = begin(session, b"", source="dictation", total_bytes=None)
    send(upload, spoken, size=6_400)

    finish(upload, spoken)
    run_jobs()

    session.refresh_from_db()
    words = session.transcriptions.get()
    assert session.audio_source == "dictation"
    assert engine.heard[:1_000] == spoken[:1_000]
    assert {segment["speaker"] for segment in words.segments} == {"doctor"}


def test_a_dictation_ends_at_three_hours(asha, monkeypatch):
    session = make_session(asha, with_recording=False)
    monkeypatch.setattr(uploads, "MOST_PCM_BYTES", 64_000)
    upload = begin(session, b"", source="dictation", total_bytes=None)

    with pytest.raises(uploads.UploadRefused) as refusal:
        send(upload, files.hum(3), size=32_000)

    upload.refresh_from_db()
    assert (refusal.value.code, upload.received_bytes) == ("too_long", 64_000)
    assert finish(upload).status == "received"
