"""The speech process: what it follows, publishes, stores, survives and hands back."""

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

from sessions_app import stt
from sessions_app.models import Transcription
from sessions_app.recordings import services as recordings
from sessions_app.speech import follower, live_pass, pace, read_ahead, worker
from sessions_app.spool import store as spool
from sessions_app.stt.base import LiveEvent, Segment, SpeechError, Word
from sessions_app.tests.factories import make_consent, make_session, make_transcription, record_audio, tone
from sessions_app.transcripts import services as transcripts
from synapse.common import heartbeat, jobs
from synapse.common.models import Job

CHUNK_MS = 200
ROOT = Path(__file__).resolve().parents[2]


class ScriptedLive:
    """Say one final word for each second of audio, after an interim reading of it."""

    def __init__(self, engine, start_s, first_id):
        self.engine, self.start_s, self.heard_s, self.next_id, self.step_s = engine, start_s, 0.0, first_id, None

    def feed(self, pcm):
        if self.engine.failures:
            raise self.engine.failures.pop(0)
        self.engine.steps.append(self.step_s)
        before, self.heard_s = self.heard_s, self.heard_s + len(pcm) / 32_000
        return [event for second in range(int(before), int(self.heard_s)) for event in self._said(second)]

    def finish(self):
        self.engine.finished += 1
        rest = self.heard_s - int(self.heard_s)
        return list(self._said(int(self.heard_s)))[1:] if rest > 0.1 else []

    def _said(self, second):
        start = self.start_s + second
        end = min(start + 1, self.start_s + self.heard_s)
        word = Word(start, end, f"word{round(start)}", 0.9)
        for is_final in (False, True):
            segment = Segment.of_words(self.next_id, [word], speaker="doctor", is_final=is_final)
            yield LiveEvent(segment, committed=int(is_final))
        self.next_id += 1


class ScriptedEngine:
    engine = "embedded"
    model = "scripted"

    def __init__(self):
        self.opened, self.steps, self.failures, self.finished = [], [], [], 0

    def prepare(self, source, *, language, hints=None):
        self.prepared = b"".join(source)

    def open_live(self, *, language, hints=None, start_s=0.0, first_id=1):
        self.opened.append((language, start_s, first_id))
        return ScriptedLive(self, start_s, first_id)


class Heard:
    """A publisher that only remembers."""

    def __init__(self):
        self.frames, self.forgotten = [], []

    def publish(self, session_id, frame):
        self.frames.append((session_id, frame))

    def forget(self, session_id):
        self.forgotten.append(session_id)

    def close(self):
        pass


@pytest.fixture
def engine(monkeypatch):
    scripted = ScriptedEngine()
    scripted.allowed = []

    def get(*, cloud_allowed):
        scripted.allowed.append(cloud_allowed)
        return scripted

    monkeypatch.setattr(stt, "get_transcriber", get)
    monkeypatch.setattr(live_pass, "LOOK_SECONDS", 0.0)
    return scripted


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def live(engine, heard):
    return live_pass.LivePass(heard)


class Recorder:
    """Write a session's spool as its browser would."""

    def __init__(self, session):
        self.session = session
        recordings.open_stream(session, by=session.doctor, at=timezone.now())
        self.writer = spool.default_store().writer(session.pk)
        self.seq, self.t_ms = 0, 0

    def record(self, seconds, *, after_gap_ms=0):
        self.t_ms += after_gap_ms
        for _ in range(int(seconds * 1000 / CHUNK_MS)):
            self.writer.append(self.seq, self.t_ms, tone(CHUNK_MS), arrived_ms=0)
            self.seq, self.t_ms = self.seq + 1, self.t_ms + CHUNK_MS
        self.writer.commit()

    def finish(self):
        recordings.finish_stream(
            self.session, self.writer.timeline, is_mismatch=False, by=self.session.doctor, at=timezone.now()
        )


@pytest.fixture
def recorder(asha):
    recorder = Recorder(make_session(asha))
    yield recorder
    recorder.writer.close()


def stored(session):
    return Transcription.objects.get(session=session).live_segments


def test_a_running_recording_is_followed_published_and_stored(live, recorder, heard):
    recorder.record(2)
    live.take_turn()
    recorder.record(1)
    live.take_turn()

    assert [frame["text"] for _, frame in heard.frames if frame["final"]] == ["word0", "word1", "word2"]
    assert {session_id for session_id, _ in heard.frames} == {recorder.session.pk}
    transcription = Transcription.objects.get(session=recorder.session)
    assert transcription.status == "processing"
    assert [(one["id"], one["text"], one["start_ms"]) for one in transcription.live_segments] == [
        (1, "word0", 0),
        (2, "word1", 1_000),
        (3, "word2", 2_000),
    ]
    assert transcription.live_offset_ms == 3_000


def test_a_published_segment_has_the_names_of_the_protocol(live, recorder, heard):
    recorder.record(1)
    live.take_turn()

    interim, final = (frame for _, frame in heard.frames)
    names = {"id", "start_ms", "end_ms", "speaker", "text", "confidence", "final"}
    assert names <= set(interim)
    assert (interim["final"], interim["committed"], final["final"], final["id"]) == (False, 0, True, "1")


def test_interim_words_are_never_stored(live, recorder, heard, engine):
    recorder.record(0.8)
    live.take_turn()

    assert stored(recorder.session) == []


def test_after_a_restart_it_goes_on_behind_the_last_stored_word(engine, recorder, heard):
    first = live_pass.LivePass(heard)
    recorder.record(2.6)
    first.take_turn()

    second = live_pass.LivePass(heard)
    recorder.record(1.4)
    second.take_turn()

    assert engine.opened == [("en-US", 0.0, 1), ("en-US", 2.0, 3)]
    assert [one["text"] for one in stored(recorder.session)] == ["word0", "word1", "word2", "word3"]


def test_a_gap_ends_the_sentence_and_the_clock_goes_on(live, recorder, engine):
    recorder.record(1)
    recorder.record(1, after_gap_ms=5_000)
    live.take_turn()

    assert [start for _, start, _ in engine.opened] == [0.0, 6.0]
    assert engine.finished == 1
    assert [one["start_ms"] for one in stored(recorder.session)] == [0, 6_000]


def test_a_pause_settles_what_was_said_before_it(live, recorder, engine, monkeypatch):
    monkeypatch.setattr(follower, "QUIET_SECONDS", 0.0)
    recorder.record(0.6)
    live.take_turn()
    assert stored(recorder.session) == []

    live.take_turn()

    assert [one["text"] for one in stored(recorder.session)] == ["word0"]


def test_a_finished_recording_gets_its_last_words_and_is_left(live, recorder, heard):
    recorder.record(1.6)
    live.take_turn()
    transcription = Transcription.objects.get(session=recorder.session)
    assert live.is_following(transcription.pk)

    recorder.record(0.2)
    recorder.finish()
    live.take_turn()

    assert not live.is_following(transcription.pk)
    assert [one["text"] for one in stored(recorder.session)] == ["word0", "word1"]
    assert heard.forgotten == [recorder.session.pk]


def test_live_words_that_come_after_the_final_transcript_are_dropped(live, recorder):
    recorder.record(1)
    live.take_turn()
    transcription = Transcription.objects.get(session=recorder.session)
    Transcription.objects.filter(pk=transcription.pk).update(status="completed", live_segments=[])

    recorder.record(1)
    live.take_turn()

    assert stored(recorder.session) == []


def test_an_engine_that_fails_costs_no_audio_and_is_asked_again_later(live, recorder, engine):
    recorder.record(2)
    engine.failures.append(SpeechError("busy", transient=True))
    live.take_turn()
    live.take_turn()
    assert len(engine.opened) == 1

    live._resting[recorder.session.pk] -= live_pass.RETRY_AFTER
    live.take_turn()

    assert [one["text"] for one in stored(recorder.session)] == ["word0", "word1"]


def test_the_cloud_is_used_only_with_consent_to_it(live, recorder, engine):
    recorder.record(1)
    live.take_turn()
    assert engine.allowed == [False]

    make_consent(recorder.session.patient, by=recorder.session.doctor, kind="ai_note")
    live_pass.LivePass(Heard()).take_turn()

    assert engine.allowed == [False, True]


def test_a_consent_to_the_cloud_given_or_ended_meanwhile_changes_the_engine_at_once(live, recorder, engine, asha):
    consent = make_consent(recorder.session.patient, by=asha, kind="ai_note")
    recorder.record(1)
    live.take_turn()

    consent.status, consent.withdrawn_at = "withdrawn", timezone.now()
    consent.save()
    live.take_turn()
    live.take_turn()

    assert engine.allowed == [True, False]
    assert engine.finished == 1


@pytest.fixture
def three_recorders(db):
    from synapse.testing.plugin import make_user

    recorders = [Recorder(make_session(make_user(f"doctor{number}", "doctor", "Asha", "Rao"))) for number in range(3)]
    yield recorders
    for one in recorders:
        one.writer.close()


@pytest.fixture
def two_places(monkeypatch):
    monkeypatch.setattr(pace, "FEW_LIVE", 1)
    monkeypatch.setattr(live_pass, "MOST_LIVE", 2)
    monkeypatch.setattr(live_pass, "REPEAT_SECONDS", 60.0)


def told(heard, recorder):
    """Return what a page was told about live words at all."""
    return [
        (frame["state"], frame["limit"])
        for session_id, frame in heard.frames
        if session_id == recorder.session.pk and frame.get("type") == "live_text"
    ]


def test_many_recordings_get_longer_steps_and_too_many_wait_and_are_told_so(
    live, engine, heard, three_recorders, two_places
):
    for one in three_recorders:
        one.record(1)
        live.take_turn()

    assert len(engine.opened) == 2
    assert engine.steps[-1] == 1.0
    assert [told(heard, one) for one in three_recorders] == [[], [], [("waiting", 2)]]

    three_recorders[0].finish()
    live.take_turn()
    live.take_turn()

    assert len(engine.opened) == 3
    assert told(heard, three_recorders[2]) == [("waiting", 2), ("on", 2)]


def test_a_recording_that_went_quiet_gives_its_place_away_and_comes_back_when_it_goes_on(
    live, engine, heard, three_recorders, two_places, monkeypatch
):
    for one in three_recorders:
        one.record(1)
        live.take_turn()
    monkeypatch.setattr(live_pass, "IDLE_SECONDS", 0.0)

    live.take_turn()

    assert told(heard, three_recorders[2]) == [("waiting", 2), ("on", 2)]
    monkeypatch.setattr(live_pass, "IDLE_SECONDS", 60.0)
    quiet = next(one for one in three_recorders if one.session.pk in live._idle)
    live.take_turn()
    assert told(heard, quiet) == []

    quiet.record(1)
    live.take_turn()
    assert told(heard, quiet) == [("waiting", 2)]

    three_recorders[2].finish()
    live.take_turn()
    live.take_turn()
    assert told(heard, quiet) == [("waiting", 2), ("on", 2)]
    assert "word1" in [one["text"] for one in stored(quiet.session)]


def test_steps_grow_with_recordings_and_while_words_come_late():
    speed = pace.Pace()

    assert speed.step_s(recordings=3, behind_ms=700) == 0.6
    assert speed.step_s(recordings=4, behind_ms=700) == 1.0
    assert speed.step_s(recordings=4, behind_ms=1_600) == 2.0
    assert speed.step_s(recordings=4, behind_ms=1_000) == 2.0
    assert speed.step_s(recordings=3, behind_ms=700) == 0.6


def test_words_that_fell_far_behind_go_on_from_now(live, recorder, engine, monkeypatch):
    monkeypatch.setattr(follower, "FARTHEST_BEHIND_MS", 10_000)
    recorder.record(1)
    live.take_turn()
    recorder.record(20)
    live.take_turn()

    assert [start for _, start, _ in engine.opened] == [0.0, 19.0]
    assert [one["text"] for one in stored(recorder.session)] == ["word0", "word19", "word20"]


def test_the_end_of_a_recording_does_not_wait_for_words_that_are_behind(live, recorder):
    recorder.record(12)
    live.take_turn()
    recorder.finish()
    live.take_turn()

    assert len(stored(recorder.session)) == 10


def test_a_running_recording_is_read_ahead_until_it_ends(live, recorder, engine, monkeypatch):
    monkeypatch.setattr(read_ahead, "AHEAD_SECONDS", 0.05)
    taken = []

    def prepare(source, *, language, hints=None):
        taken.extend(len(piece) for piece in source)

    monkeypatch.setattr(engine, "prepare", prepare, raising=False)
    recorder.record(1)
    live.take_turn()
    (ahead,) = live._ahead.values()
    recorder.record(1)
    while sum(taken) < 64_000:
        time.sleep(0.05)

    recorder.finish()
    live.take_turn()
    ahead.join(5)

    assert not ahead.is_alive()
    assert live._ahead == {}
    assert sum(taken) == 64_000


def test_reading_ahead_gives_way_while_live_words_come_late(live, recorder, monkeypatch):
    monkeypatch.setattr(read_ahead, "AHEAD_SECONDS", 0.0)
    recorder.record(1)
    speed, one = pace.Pace(), follower.Follower(recorder.session, Heard())
    ahead = read_ahead.ReadAhead(one, speed)
    speed.step_s(recordings=1, behind_ms=5_000)
    looks = []

    def wait(seconds):
        looks.append(seconds)
        speed.step_s(recordings=1, behind_ms=0)
        return False

    monkeypatch.setattr(ahead._has_ended, "wait", wait)
    pcm = ahead._pcm()

    assert len(next(pcm)) == CHUNK_MS * 32
    assert len(looks) == 1
    next(pcm)
    assert len(looks) == 1


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
        assert process.wait(10) == 0
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
