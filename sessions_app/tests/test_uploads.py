"""Sound that is brought into a session afterwards: its parts, and who may bring it when."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from sessions_app import services, stt
from sessions_app.models import AudioUpload, ConsultationSession
from sessions_app.permissions import NoConsent
from sessions_app.recordings import keys as recording_keys
from sessions_app.tests import files
from sessions_app.tests.factories import make_session, record_audio, tone
from sessions_app.tests.speech_jobs import Engine, run_jobs
from sessions_app.tests.uploading import begin, bring, finish, parts_of, send
from sessions_app.uploads import services as uploads
from sessions_app.uploads import store as upload_store
from synapse.common.errors import Conflict, DomainError, NotAllowed

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
    from sessions_app.recordings import services as recordings

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
