"""The batch pass as a job: words on the recording clock, every failure in a terminal state, the spool last."""

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from sessions_app import services, stt, tasks
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.recordings import services as recordings
from sessions_app.spool import store as spool
from sessions_app.stt.base import SpeechError
from sessions_app.tests.factories import make_consent, make_session, record_audio, tone
from sessions_app.tests.speech_jobs import Engine, run_jobs
from synapse.accounts.models import ClinicSettings, User
from synapse.common import jobs
from synapse.common.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: engine)
    return engine


@pytest.fixture
def recorded(asha):
    session = make_session(asha)
    record_audio(session, gap_before_ms=10_000)
    services.complete_session(session, by=asha, at=timezone.now())
    return session


def test_words_are_written_on_the_recording_clock_and_then_the_spool_goes(recorded, engine):
    run_jobs()

    transcription = recorded.transcriptions.get()
    line = transcription.segments[0]
    assert transcription.status == "completed"
    assert (line["start_ms"], line["end_ms"], line["words"][0]["start_ms"]) == (11_000, 12_000, 11_000)
    assert (line["speaker"], line["voice"]) == ("patient", 2)
    assert len(engine.heard) == 96_000
    recorded.refresh_from_db()
    assert recorded.audio_name
    assert not spool.default_store().exists(recorded.pk)
    assert list(recorded.events.filter(kind="gap").values_list("at_ms", "until_ms")) == [(0, 10_000)]


def test_doses_are_kept_in_digits_with_the_words_they_were_said_in(recorded, engine):
    engine.text = "Please take twenty five milligrams of it every night"

    run_jobs()

    line = recorded.transcriptions.get().segments[0]
    assert line["text"] == "Please take 25 mg of it every night"
    assert [word.get("spoken") for word in line["words"]][:4] == [None, None, "twenty five", "milligrams"]


def test_a_finished_transcript_asks_for_the_first_report_once(recorded, engine, monkeypatch):
    asked = []
    monkeypatch.setattr(tasks.workflows, "transcript_completed", lambda row, *, at: asked.append(row.pk))

    run_jobs()

    assert asked == [recorded.transcriptions.get().pk]


def test_silence_ends_in_no_speech_without_a_report_and_keeps_the_audio(recorded, engine, monkeypatch):
    monkeypatch.setattr(
        tasks.workflows, "transcript_completed", lambda *args, **given: pytest.fail("no report of silence")
    )
    engine.text = ""

    run_jobs()

    recorded.refresh_from_db()
    assert recorded.transcriptions.get().status == "no_speech"
    assert recorded.audio_name


def test_an_engine_that_cannot_ends_in_failed_and_the_spool_stays(recorded, engine):
    engine.error = SpeechError("Only English.", transient=False)

    run_jobs()

    transcription = recorded.transcriptions.get()
    assert transcription.status == "failed"
    assert "recording is safe" in transcription.error_message
    assert spool.default_store().exists(recorded.pk)


def test_an_engine_that_is_busy_is_asked_again_and_then_given_up(recorded, engine):
    engine.error = SpeechError("Busy.", transient=True)

    for _ in range(3):
        run_jobs()
        Job.objects.filter(state="queued").update(run_at=timezone.now())

    job = Job.objects.get(kind="sessions_app.tasks.transcribe")
    assert job.attempts == 3
    assert recorded.transcriptions.get().status == "failed"


def test_a_run_that_was_killed_goes_on_in_the_same_row(recorded, engine):
    Transcription.objects.update(status="processing")

    run_jobs()

    assert recorded.transcriptions.get().status == "completed"


def test_a_retry_reads_the_kept_file(recorded, engine, asha):
    from sessions_app.transcripts import services as transcripts

    engine.text = ""
    run_jobs()
    engine.text = "Now I hear you quite well"
    first = Transcription.objects.select_related("session").get()
    transcripts.retry(first, by=asha, at=timezone.now())

    run_jobs()

    latest = recorded.transcriptions.get(retry_count=1)
    assert latest.status == "completed"
    assert latest.segments[0]["start_ms"] == 11_000
    assert len(engine.heard) == pytest.approx(96_000, abs=700)


def test_a_damaged_spool_is_said_and_kept(recorded, engine):
    chunks = spool.default_store().folder(recorded.pk) / "chunks"
    data = bytearray(chunks.read_bytes())
    data[300] ^= 1
    chunks.write_bytes(data)

    run_jobs()

    transcription = recorded.transcriptions.get()
    assert transcription.status == "failed"
    assert "cannot be read" in transcription.error_message
    assert chunks.exists()


@pytest.mark.parametrize("agreed", [False, True])
def test_the_cloud_is_asked_only_with_the_patients_consent(recorded, asha, monkeypatch, agreed):
    seen = []
    if agreed:
        make_consent(recorded.patient, by=asha, kind="ai_note")
    monkeypatch.setattr(stt, "get_transcriber", lambda *, cloud_allowed: seen.append(cloud_allowed) or Engine())

    run_jobs()

    assert seen == [agreed]


def test_a_session_left_open_is_completed_with_its_bill_and_twice_does_nothing(asha):
    now = timezone.now()
    session = make_session(asha, at=now - timedelta(hours=13))

    tasks.complete_abandoned(now)
    tasks.complete_abandoned(now)

    session.refresh_from_db()
    assert (session.status, session.status_reason) == ("completed", "abandoned")
    assert session.bills.count() == 1


def test_a_session_that_cannot_be_ended_does_not_keep_the_others_open(asha, ben):
    now = timezone.now()
    stuck = make_session(asha, at=now - timedelta(hours=14))
    other = make_session(ben, at=now - timedelta(hours=13))
    User.objects.filter(pk=asha.pk).update(is_active=False)

    tasks.complete_abandoned(now)

    statuses = [ConsultationSession.objects.get(pk=one.pk).status for one in (stuck, other)]
    assert statuses == ["in_progress", "completed"]


def test_a_session_left_open_is_billed_until_it_was_last_touched(asha):
    now = timezone.now()
    session = make_session(asha, at=now - timedelta(hours=14))
    recordings.note_audio(session.pk, at=now - timedelta(hours=13, minutes=10))

    tasks.complete_abandoned(now)

    session.refresh_from_db()
    assert (session.ended_at, session.duration_minutes) == (now - timedelta(hours=13, minutes=10), 50)


def test_a_recorder_that_never_comes_back_leaves_its_words_and_a_named_rest(asha):
    clinic = ClinicSettings.load()
    clinic.abandoned_session_hours = 2
    clinic.save()
    now = timezone.now()
    left_at = now - timedelta(hours=3)
    session = make_session(asha, at=left_at)
    recordings.open_stream(session, by=asha, at=left_at)
    writer = spool.default_store().writer(session.pk)
    writer.append(0, 0, tone(200), arrived_ms=0)
    writer.commit()
    writer.close()
    os.utime(spool.default_store().folder(session.pk) / "chunks", (left_at.timestamp(),) * 2)

    tasks.complete_abandoned(now - timedelta(hours=1, minutes=1))
    still_open = ConsultationSession.objects.get(pk=session.pk).status
    tasks.complete_abandoned(now)

    session.refresh_from_db()
    gap = session.events.get(kind="gap")
    assert still_open == "in_progress"
    assert (session.status, session.status_reason) == ("completed", "abandoned")
    assert (gap.at_ms, gap.reason) == (200, "away")
    assert gap.until_ms == pytest.approx(3 * 3600 * 1000 + 200, abs=1_000)
    assert session.transcriptions.get().status == "pending"
    assert Job.objects.filter(kind="sessions_app.tasks.transcribe").exists()


def test_a_spool_left_behind_is_archived(recorded, engine):
    transcribe = jobs.lease_next("speech", ["sessions_app.tasks.transcribe"], timezone.now(), 300)
    jobs.run_leased(transcribe)
    Job.objects.filter(kind="sessions_app.tasks.archive_audio").delete()
    ConsultationSession.objects.update(ended_at=timezone.now() - timedelta(hours=2))

    tasks.archive_left_spools(timezone.now())
    run_jobs()

    recorded.refresh_from_db()
    assert recorded.audio_name


@pytest.mark.django_db(transaction=True)
def test_expired_audio_is_erased(asha):
    old = timezone.now() - timedelta(days=40)
    session = make_session(asha, at=old)
    record_audio(session, at=old)
    services.complete_session(session, by=asha, at=old)
    session.transcriptions.all().delete()

    tasks.delete_expired_audio(timezone.now())
    tasks.delete_expired_audio(timezone.now())

    session.refresh_from_db()
    assert session.audio_deleted_at is not None
    assert not spool.default_store().exists(session.pk)
