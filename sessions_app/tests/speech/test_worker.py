"""The speech worker's jobs and its process."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from sessions_app.models import Transcription
from sessions_app.speech import worker
from sessions_app.tests.factories import make_session, make_transcription, record_audio
from sessions_app.transcripts import services as transcripts
from synapse.common import heartbeat, jobs
from synapse.common.models import Job

ROOT = Path(__file__).resolve().parents[3]


def test_a_session_that_is_paused_or_not_recorded_opens_no_stream(live, asha, engine):
    make_session(asha)

    live.take_turn()

    assert engine.opened == []


def test_a_job_that_is_handed_back_starts_again_and_the_old_run_writes_nothing(db, asha):
    transcription = make_transcription(make_session(asha, status="completed"), status="pending")
    jobs.enqueue(transcripts.TRANSCRIBE, transcription.pk, runner="speech")
    held = jobs.lease_next("speech", worker.KINDS, timezone.now(), 300)

    jobs.give_back(held, at=timezone.now())

    jobs.complete(held)
    waiting = Job.objects.get()
    assert (waiting.state, waiting.attempts, waiting.lease_token) == ("queued", 0, None)
    with pytest.raises(jobs.LeaseLost):
        jobs.set_progress(held, 1, 2)
    assert jobs.lease_next("speech", worker.KINDS, timezone.now() + timedelta(seconds=1), 300) is not None


def test_the_batch_pass_waits_until_the_live_pass_has_left_the_recording(live, recorder, monkeypatch):
    recorder.record(1)
    live.take_turn()
    transcription = Transcription.objects.get(session=recorder.session)
    jobs.enqueue(transcripts.TRANSCRIBE, transcription.pk, runner="speech")
    ran, stop = [], threading.Event()
    monkeypatch.setattr(jobs, "run_leased", ran.append)
    monkeypatch.setattr(worker, "TURN_SECONDS", 0.01)
    batch = worker.BatchPass(live, stop)

    threading.Timer(0.3, stop.set).start()
    assert batch._run_next() is False
    assert ran == []

    recorder.finish()
    live.take_turn()
    stop.clear()
    Job.objects.update(state="queued", lease_until=None, lease_token=None)
    assert batch._run_next() is True
    assert len(ran) == 1


def test_the_lease_of_a_running_job_is_kept_and_a_lost_one_is_left(live, asha):
    transcription = make_transcription(make_session(asha, status="completed"), status="pending")
    jobs.enqueue(transcripts.TRANSCRIBE, transcription.pk, runner="speech")
    batch = worker.BatchPass(live, threading.Event())
    batch.keep_lease()
    batch.job = jobs.lease_next("speech", worker.KINDS, timezone.now(), 1)

    batch.keep_lease()
    assert Job.objects.get().lease_until > timezone.now() + timedelta(seconds=200)

    jobs.give_back(batch.job, at=timezone.now())
    batch.keep_lease()
    assert Job.objects.get().lease_until is None


@pytest.mark.django_db(transaction=True)
def test_the_real_process_writes_the_words_beats_and_ends_at_sigterm(asha, settings, tmp_path):
    from sessions_app.tests.stt.sound import consultation, seconds

    session = make_session(asha)
    record_audio(session, seconds(consultation(), 0, 9))
    transcription = transcripts.open_live(session)
    jobs.enqueue(transcripts.TRANSCRIBE, transcription.pk, runner="speech")
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        cwd=ROOT,
        env={**os.environ, "TEST_SERVE_DATABASE": str(settings.DATABASES["default"]["NAME"])},
    )
    try:
        give_up_at = time.monotonic() + 90
        while Job.objects.get(kind=transcripts.TRANSCRIBE).state not in {"done", "failed"}:
            assert time.monotonic() < give_up_at
            assert process.poll() is None
            time.sleep(0.2)
        assert heartbeat.is_alive(heartbeat.SPEECH, timezone.now())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    transcription.refresh_from_db()
    assert transcription.status == "completed"
    assert "lithium" in transcription.transcript_text.lower()


# The test settings make a new data folder in each process; the child works in the parent's.
SERVE = """
import os
import tempfile
folder = os.environ["SYNAPSE_DATA_DIR"]
tempfile.mkdtemp = lambda **options: folder
import atexit
atexit.register = lambda *args, **options: None
os.environ["DJANGO_SETTINGS_MODULE"] = "synapse.testing.settings"
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_SERVE_DATABASE"]
django.setup()
from sessions_app.speech import worker
worker.serve()
"""
