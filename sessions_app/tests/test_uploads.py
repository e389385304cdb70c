"""Sound that is brought into a session afterwards: parts, what a file is, and how it becomes the recording."""

import hashlib
import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from sessions_app import queries, recording_keys, services, spool, stt, upload_reading, upload_store, uploads, worker
from sessions_app.models import AudioUpload, ConsultationSession
from sessions_app.permissions import NoConsent
from sessions_app.tests import files
from sessions_app.tests.factories import make_session, record_audio, tone
from sessions_app.tests.test_tasks import Engine
from synapse.accounts.models import User
from synapse.common import jobs
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.models import Job

pytestmark = pytest.mark.django_db(transaction=True)

Status = AudioUpload.Status


@pytest.fixture
def session(asha):
    """A telephone visit that is over and was not recorded."""
    return make_session(asha, status="completed", with_recording=False)


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: engine)
    return engine


def begin(session, content, **fields):
    head = hashlib.sha256(content[: 64 * 1024]).hexdigest()
    wanted = {"source": "upload", "total_bytes": len(content), "head_sha256": head, "by": session.doctor}
    return uploads.open_upload(session, **{**wanted, "at": timezone.now(), **fields})


def send(upload, content, *, start=0, end=None, size=64 * 1024, at=None):
    end = len(content) if end is None else end
    for offset in range(start, end, size):
        part = content[offset : min(offset + size, end)]
        uploads.store_part(upload, offset=offset, part=part, by=upload.created_by, at=at or timezone.now())


def finish(upload, content=None, at=None):
    sha256 = hashlib.sha256(content).hexdigest() if content else ""
    return uploads.finish_upload(upload, sha256=sha256, by=upload.created_by, at=at or timezone.now())


def bring(session, content, **fields):
    """Send a whole file and read it; return the upload."""
    upload = begin(session, content, **fields)
    send(upload, content)
    finish(upload, content)
    run_jobs()
    upload.refresh_from_db()
    session.refresh_from_db()
    return upload


def run_jobs():
    while (job := jobs.lease_next("speech", worker.KINDS, timezone.now(), 300)) is not None:
        jobs.run_leased(job)


def parts_of(upload):
    return upload_store.default_store().folder(upload.pk)


# From file to transcript ----------------------------------------------------------------------------------------------
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


# Parts ----------------------------------------------------------------------------------------------------------------
def test_a_cut_goes_on_where_the_server_stands_when_the_same_file_is_chosen_again(session, engine):
    content = files.sound_file("stereo wav")
    upload = begin(session, content)
    send(upload, content, end=300_000)

    again = begin(session, content)
    send(again, content, start=again.received_bytes)
    finish(again, content)
    run_jobs()

    assert (again.pk, again.received_bytes) == (upload.pk, 300_000)
    assert AudioUpload.objects.get().status == "stored"


def test_another_file_waits_until_the_first_is_stopped(session, asha):
    content = files.sound_file("stereo wav")
    upload = begin(session, content)
    send(upload, content, end=200_000)
    other = content[:70_000] + tone(100) + content[70_000:]

    for file in (other, content[:100] + b"x" + content[101:]):
        with pytest.raises(uploads.UploadOpen):
            begin(session, file)
    uploads.give_up(upload, by=asha, at=timezone.now())

    assert begin(session, other).received_bytes == 0
    assert not parts_of(upload).exists()


def test_an_upload_without_a_byte_makes_way(session):
    first = begin(session, files.sound_file("wav"))

    second = begin(session, files.sound_file("ogg"))

    first.refresh_from_db()
    assert (first.status, second.status) == ("abandoned", "receiving")


def test_a_part_at_the_wrong_place_is_told_the_right_one_and_a_repeated_one_changes_nothing(session):
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content, end=64 * 1024)

    for offset in (0, 10, 70_000):
        with pytest.raises(uploads.WrongOffset) as conflict:
            uploads.store_part(
                upload, offset=offset, part=content[offset : offset + 9], by=session.doctor, at=timezone.now()
            )
        assert conflict.value.offset == 64 * 1024
    with pytest.raises(uploads.WrongOffset):
        finish(upload, content)
    with pytest.raises(uploads.UploadRefused):
        uploads.store_part(upload, offset=64 * 1024, part=content, by=session.doctor, at=timezone.now())

    upload.refresh_from_db()
    assert upload.received_bytes == 64 * 1024


def test_while_one_window_writes_another_is_told_to_wait(session):
    content = files.sound_file("wav")
    upload = begin(session, content)

    with upload_store.default_store().held(upload.pk), pytest.raises(uploads.UploadBusy):
        send(upload, content)


def test_two_windows_that_send_the_same_file_at_once_make_one_whole(session, engine):
    content = files.sound_file("stereo wav")
    upload = begin(session, content)
    wins = []

    def send_at(offset, start):
        start.wait()
        try:
            part = content[offset : offset + 64 * 1024]
            uploads.store_part(upload, offset=offset, part=part, by=session.doctor, at=timezone.now())
            wins.append(offset)
        except (uploads.WrongOffset, uploads.UploadBusy):
            pass
        finally:
            connections.close_all()

    offset = 0
    while offset < len(content):
        start = threading.Barrier(2)
        windows = [threading.Thread(target=send_at, args=(offset, start)) for _ in range(2)]
        for window in windows:
            window.start()
        for window in windows:
            window.join()
        upload.refresh_from_db()
        offset = upload.received_bytes
    finish(upload, content)
    run_jobs()

    assert len(wins) == len(set(wins))
    assert AudioUpload.objects.get().status == "stored"


def test_a_part_that_a_killed_server_left_is_written_over(session):
    content = files.sound_file("wav")
    upload = begin(session, content)
    store = upload_store.default_store()
    with store.held(upload.pk):
        key = recording_keys.key_of(session.pk, make=True)
        store.write(upload.pk, 0, content[:9_000], key=key)  # and then the row was not changed

    send(upload, content)

    assert finish(upload, content).status == "received"


def test_a_file_that_changed_on_its_way_is_refused(session):
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content)

    with pytest.raises(uploads.UploadRefused) as refusal:
        finish(upload, content + b"x")

    upload.refresh_from_db()
    assert (refusal.value.code, upload.status) == ("sum_mismatch", "failed")


def test_parts_are_encrypted_and_no_name_is_kept(session):
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content)

    for path in parts_of(upload).iterdir():
        assert content[200:264] not in path.read_bytes()
        assert path.name == "lock" or path.name.isdigit()


def test_the_parts_read_as_one_file_from_any_place(session):
    content = files.sound_file("stereo wav")
    upload = begin(session, content)
    send(upload, content, size=100_001)

    upload.refresh_from_db()
    with uploads.open_parts(upload) as file:
        for place, length in ((0, 10), (65_530, 20), (99_990, 30), (400_000, 70_000), (len(content) - 5, 50)):
            file.seek(place)
            assert uploads._read_whole(file, length) == content[place : place + length]


# Who, when and where --------------------------------------------------------------------------------------------------
def test_an_upload_needs_consent_and_a_dictation_does_not(asha):
    session = make_session(asha, consent=False, with_recording=False)

    with pytest.raises(NoConsent):
        begin(session, files.sound_file("wav"))
    assert begin(session, b"", source="dictation", total_bytes=None).kind == "pcm"


def test_only_the_sessions_doctor_uploads(session, ben, rita):
    for person in (ben, rita):
        with pytest.raises(NotAllowed):
            begin(session, files.sound_file("wav"), by=person)


def test_a_session_has_one_recording(asha):
    session = make_session(asha)
    record_audio(session)

    with pytest.raises(Conflict):
        begin(session, files.sound_file("wav"))


def test_a_session_that_is_being_recorded_takes_no_file(asha):
    from sessions_app import recordings

    session = make_session(asha)
    recordings.open_stream(session, by=asha, at=timezone.now())

    with pytest.raises(Conflict):
        begin(session, files.sound_file("wav"))


def test_a_recording_without_a_sound_counts_as_none(asha, engine):
    session = make_session(asha)
    record_audio(session, b"")
    ConsultationSession.objects.update(audio_sha256="")
    services.complete_session(session, by=asha, at=timezone.now())
    run_jobs()
    session.refresh_from_db()
    assert session.transcriptions.get().status == "failed"

    bring(session, files.sound_file("wav"))

    assert [row.status for row in session.transcriptions.order_by("retry_count")] == ["failed", "completed"]


def test_cancelling_the_session_stops_and_erases_the_upload(asha):
    session = make_session(asha, with_recording=False)
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content, end=64 * 1024)

    services.cancel_session(session, by=asha, at=timezone.now())

    upload.refresh_from_db()
    assert (upload.status, upload.error_code) == ("abandoned", "cancelled")
    assert not parts_of(upload).exists()
    with pytest.raises(Conflict):
        begin(session, content)


def test_withdrawing_consent_stops_the_upload_and_not_the_dictation(session, asha):
    other = make_session(asha, patient=session.patient, with_recording=False)
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content, end=64 * 1024)
    dictation = begin(other, b"", source="dictation", total_bytes=None)

    session.patient.consents.update(status="withdrawn", withdrawn_at=timezone.now())
    uploads.drop_uploads_of(session.patient_id, by=asha, at=timezone.now())

    upload.refresh_from_db()
    dictation.refresh_from_db()
    assert (upload.status, upload.error_code, dictation.status) == ("abandoned", "no_consent", "receiving")
    assert not parts_of(upload).exists()
    with pytest.raises(NoConsent):
        uploads.store_part(upload, offset=64 * 1024, part=b"more", by=asha, at=timezone.now())


def test_consent_that_runs_out_between_two_parts_stops_the_upload(session, asha):
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content, end=64 * 1024)
    session.patient.consents.update(expires_at=timezone.now() - timedelta(seconds=1))

    with pytest.raises(NoConsent):
        uploads.store_part(upload, offset=64 * 1024, part=content[64 * 1024 :], by=asha, at=timezone.now())

    upload.refresh_from_db()
    assert upload.status == "abandoned"
    assert not parts_of(upload).exists()


def test_a_session_that_was_recorded_meanwhile_keeps_its_own_recording(asha, engine):
    session = make_session(asha)
    upload = begin(session, files.sound_file("wav"))
    send(upload, files.sound_file("wav"))
    finish(upload)
    kept = record_audio(session)

    run_jobs()

    upload.refresh_from_db()
    session.refresh_from_db()
    assert (upload.status, upload.error_code) == ("failed", "has_recording")
    assert (session.audio_sha256, session.audio_source) == (kept.sha256, "live")


def test_a_full_disk_is_said_before_and_while_a_file_comes(session, monkeypatch):
    content = files.sound_file("wav")
    upload = begin(session, content)
    monkeypatch.setattr(upload_store.PartStore, "free_bytes", lambda self: 1_000)

    with pytest.raises(uploads.StorageLow) as refusal:
        begin(session, content)
    with pytest.raises(uploads.StorageLow):
        send(upload, content)

    assert (refusal.value.code, refusal.value.status) == ("storage_low", 503)
    upload.refresh_from_db()
    assert (upload.status, upload.received_bytes) == ("receiving", 0)


@pytest.mark.parametrize("number", [28, 5])  # ENOSPC, EIO
def test_a_disk_that_refuses_a_part_loses_nothing_that_arrived(session, monkeypatch, number):
    content = files.sound_file("wav")
    upload = begin(session, content)
    send(upload, content, end=64 * 1024)

    def refuse(*given, **named):
        raise OSError(number, "no")

    with monkeypatch.context() as patch:
        patch.setattr(upload_store, "encrypt_stream", refuse)
        with pytest.raises(DomainError) as failure:
            send(upload, content, start=64 * 1024)
    send(upload, content, start=64 * 1024)

    assert failure.value.status == 503
    assert finish(upload, content).status == "received"


# While the session runs, crashes, and what is left ----------------------------------------------------------------------
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


# Dictation ------------------------------------------------------------------------------------------------------------
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
