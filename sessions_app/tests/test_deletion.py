"""The end of a recording: what goes, what stays, and what the trail says of it."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from patients import holds
from sessions_app import queries, services, tasks
from sessions_app.models import ConsultationSession, RecordingKey
from sessions_app.recordings import audio, deletion
from sessions_app.recordings import keys as recording_keys
from sessions_app.recordings.retention import Rule
from sessions_app.spool import store as spool
from sessions_app.tests.factories import make_consent, make_session, make_transcription, record_audio, tone
from sessions_app.transcripts import services as transcripts
from synapse import storage
from synapse.audit.models import AuditEvent
from synapse.common import triggers
from synapse.common.errors import Conflict, DomainError, NotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def now():
    return timezone.now()


def recorded(doctor, *, ended_days_ago=0, words="completed"):
    ended_at = timezone.now() - timedelta(days=ended_days_ago)
    session = make_session(doctor, at=ended_at - timedelta(minutes=25))
    record_audio(session, tone(2_000), at=ended_at - timedelta(minutes=5))
    services.complete_session(session, by=doctor, at=ended_at)
    session.transcriptions.all().delete()
    if words:
        make_transcription(session, status=words)
    return session


@pytest.fixture
def session(asha):
    return recorded(asha)


def deletions():
    return AuditEvent.objects.filter(action="delete")


def test_the_certificate_says_what_was_deleted_and_nothing_about_the_patient(session, data_dir, now):
    timeline = spool.default_store().timeline(session.pk)
    audio.archive(session, at=now)
    name, size = session.audio_name, session.audio_size_bytes
    head_of_file = (data_dir / "audio" / name).read_bytes()[:13].hex()

    deletion.delete_recording(session, rule=Rule.NO_CONSENT, by=None, at=now)

    event = deletions().get()
    assert event.detail == {
        "what": "audio",
        "rule": "no_consent",
        "kind": "ogg/opus",
        "source": "live",
        "seconds": 2.0,
        "bytes": size,
        "sha256": timeline.sha256,
        "key": head_of_file[-16:],
    }
    assert session.patient.first_name not in json.dumps(event.detail)
    certificate = deletion.certificate_of(session)
    assert (certificate.number, certificate.rule, certificate.by) == (event.seq, "no_consent", "system")
    assert certificate.is_whole


def test_a_certificate_that_was_altered_shows(session, now):
    deletion.delete_recording(session, rule=Rule.NO_CONSENT, by=None, at=now)
    event = deletions().get()
    event.detail["bytes"] = 1
    with triggers.lifted(connection):
        AuditEvent.objects.filter(pk=event.pk).update(detail=event.detail)

    assert not deletion.certificate_of(session).is_whole


@pytest.mark.parametrize("is_archived", [True, False])
@pytest.mark.django_db(transaction=True)
def test_sound_goes_and_words_sum_and_length_stay(asha, now, is_archived):
    session = recorded(asha)
    audio.survey(session)
    sum_before = session.audio_sha256
    if is_archived:
        audio.archive(session, at=now)
    name = session.audio_name

    deletion.delete_recording(session, rule=Rule.CLINIC, by=None, at=now)

    session.refresh_from_db()
    assert not queries.has_audio(session)
    assert not spool.default_store().exists(session.pk)
    assert (session.audio_name, session.audio_peaks) == ("", [])
    if is_archived:
        with pytest.raises(storage.StoredFileMissing):
            storage.size(name)
    assert (session.audio_sha256, session.audio_duration_seconds) == (sum_before, 2.0)
    assert queries.current_transcription(session).word_count > 0


def test_an_unfinished_recording_gets_its_sum_before_it_goes(asha, now):
    session = make_session(asha)
    record_audio(session)
    timeline = spool.default_store().timeline(session.pk)
    ConsultationSession.objects.filter(pk=session.pk).update(audio_sha256="")
    session.refresh_from_db()

    services.cancel_session(session, by=asha, at=now)

    detail = deletions().get().detail
    assert (detail["rule"], detail["kind"], detail["sha256"]) == ("cancelled", "pcm", timeline.sha256)
    assert detail["bytes"] > timeline.pcm_bytes


def test_a_cancelled_session_without_sound_leaves_no_certificate_and_takes_none(asha, now):
    session = make_session(asha)
    recording_keys.key_of(session.pk, make=True)  # as an upload makes it, before its first part

    services.cancel_session(session, by=asha, at=now)

    assert not deletions().exists()
    with pytest.raises(spool.KeyDestroyed):
        spool.default_store().writer(session.pk)


def test_a_recording_that_cannot_be_read_is_deleted_all_the_same(session, now):
    RecordingKey.objects.update(key_id="00000000")
    ConsultationSession.objects.filter(pk=session.pk).update(audio_sha256="")
    session.refresh_from_db()

    assert deletion.delete_recording(session, rule=Rule.CLINIC, by=None, at=now)

    assert deletions().get().detail["key"] == ""
    assert RecordingKey.objects.get().destroyed_at == now


def test_the_sweep_deletes_what_is_due_once(asha, ben, now):
    due, kept = recorded(asha, ended_days_ago=31), recorded(ben, ended_days_ago=31)
    make_consent(kept.patient, by=ben, kind="keep_audio")
    fresh = recorded(ben, ended_days_ago=29)

    tasks.delete_expired_audio(now)
    tasks.delete_expired_audio(now)

    assert [event.target_id for event in deletions()] == [str(due.pk)]
    for session, is_gone in ((due, True), (kept, False), (fresh, False)):
        session.refresh_from_db()
        assert (session.audio_deleted_at is not None) is is_gone


def test_a_failed_transcript_keeps_its_sound_until_the_days_are_over(asha, now):
    session = recorded(asha, ended_days_ago=10, words="failed")

    tasks.delete_expired_audio(now)
    session.refresh_from_db()
    assert session.audio_deleted_at is None

    tasks.delete_expired_audio(now + timedelta(days=21))
    session.refresh_from_db()
    assert session.audio_deleted_at is not None


def test_nothing_is_deleted_while_its_words_are_written(asha, now):
    session = recorded(asha, ended_days_ago=99, words="processing")

    assert deletion.delete_when_due(session, by=None, at=now) is False
    tasks.delete_expired_audio(now)

    assert not deletions().exists()


def test_withdrawing_the_consent_to_keep_lets_an_old_recording_go(asha, now):
    session = recorded(asha, ended_days_ago=200)
    consent = make_consent(session.patient, by=asha, kind="keep_audio")
    tasks.delete_expired_audio(now)
    assert not deletions().exists()

    consent.status, consent.withdrawn_at, consent.withdrawn_by = "withdrawn", now, asha
    consent.save()
    tasks.delete_expired_audio(now)

    assert deletions().get().detail["rule"] == "no_consent"


@pytest.mark.django_db(transaction=True)
def test_two_workers_delete_a_recording_once(asha, now):
    session = recorded(asha, ended_days_ago=31)
    copies = [ConsultationSession.objects.select_related("patient").get(pk=session.pk) for _ in range(2)]
    gate, outcomes = threading.Barrier(2), []

    def work(copy):
        try:
            gate.wait()
            outcomes.append(deletion.delete_recording(copy, rule=Rule.NO_CONSENT, by=None, at=now))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == [False, True]
    assert deletions().count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_file_the_storage_would_not_delete_is_deleted_later(asha, now, monkeypatch):
    session = recorded(asha)
    audio.archive(session, at=now)
    name, real = session.audio_name, storage.delete

    def refuse(name):
        raise storage.StorageError("The bucket does not answer.", transient=True)

    monkeypatch.setattr(storage, "delete", refuse)
    deletion.delete_recording(session, rule=Rule.CLINIC, by=None, at=now)
    session.refresh_from_db()
    assert storage.size(name)
    assert not queries.has_audio(session)
    with pytest.raises(spool.KeyDestroyed):
        audio.open_file(session)
    monkeypatch.setattr(storage, "delete", real)

    tasks.delete_expired_audio(now)

    with pytest.raises(storage.StoredFileMissing):
        storage.size(name)


def test_a_file_made_while_its_recording_was_deleted_goes_at_once(session, now, data_dir, monkeypatch):
    real = audio.check_length

    def delete_meanwhile(*args, **kwargs):
        real(*args, **kwargs)
        copy = ConsultationSession.objects.get(pk=session.pk)
        deletion.delete_recording(copy, rule=Rule.BY_HAND, by=None, at=now)

    monkeypatch.setattr(audio, "check_length", delete_meanwhile)

    audio.archive(session, at=now)

    session.refresh_from_db()
    assert session.audio_name == ""
    assert not list((data_dir / "audio").rglob("*.ogg"))


def test_spools_of_deleted_recordings_and_of_no_session_go(session, asha, ben, now):
    store = spool.default_store()
    live = make_session(ben)
    record_audio(live)
    deleted = make_session(asha)
    record_audio(deleted)
    RecordingKey.objects.filter(pk=deleted.pk).update(wrapped=None, destroyed_at=now)
    stray = store.root / "00000000-0000-4000-8000-000000000000"
    stray.mkdir()
    (store.root / "not-a-session").mkdir()

    tasks.delete_expired_audio(now)

    assert {path.name for path in store.root.iterdir()} == {str(session.pk), str(live.pk), "not-a-session"}


def test_a_doctor_deletes_a_recording_before_its_time(session, asha, now):
    make_consent(session.patient, by=asha, kind="keep_audio")

    deletion.delete_by_hand(session, reason="patient_asked", by=asha, at=now)

    detail = deletions().get().detail
    assert (detail["rule"], detail["reason"]) == ("by_hand", "patient_asked")
    assert deletions().get().actor_id == asha.pk
    with pytest.raises(Conflict):
        deletion.delete_by_hand(session, reason="patient_asked", by=asha, at=now)


def test_only_the_sessions_doctor_with_a_reason_and_not_too_early(asha, ben, omar, now):
    session = recorded(asha, words="processing")
    for stranger in (ben, omar):
        with pytest.raises(NotAllowed):
            deletion.delete_by_hand(session, reason="patient_asked", by=stranger, at=now)
    with pytest.raises(DomainError):
        deletion.delete_by_hand(session, reason="He said so", by=asha, at=now)
    with pytest.raises(Conflict, match="words are being written"):
        deletion.delete_by_hand(session, reason="patient_asked", by=asha, at=now)
    running = make_session(asha)
    record_audio(running)
    with pytest.raises(Conflict, match="still running"):
        deletion.delete_by_hand(running, reason="patient_asked", by=asha, at=now)

    assert not deletions().exists()


def test_a_retry_after_the_deletion_says_that_the_sound_is_gone(session, asha, now):
    deletion.delete_recording(session, rule=Rule.CLINIC, by=None, at=now)

    with pytest.raises(Conflict, match="deleted"):
        transcripts.retry(queries.current_transcription(session), by=asha, at=now)


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_hold_placed_while_a_recording_is_being_measured_still_holds_it(asha, omar, now, monkeypatch, by_hand):
    session = recorded(asha, ended_days_ago=400)
    measure = deletion._facts_of

    def place_a_hold(measured):
        holds.place_hold(session.patient, reason="A complaint", by=omar, at=now)
        return measure(measured)

    monkeypatch.setattr(deletion, "_facts_of", place_a_hold)

    if by_hand:
        with pytest.raises(holds.OnHold):
            deletion.delete_by_hand(session, reason="patient_asked", by=asha, at=now)
    else:
        deletion.sweep(now)

    session.refresh_from_db()
    assert session.audio_deleted_at is None
    assert not deletions().exists()
