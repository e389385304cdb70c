"""The speech process: follows recordings while they run, and writes the words of those that are over.

It reads the spool and nothing else, so that neither a slow decode nor a crash here ever touches capture. The live pass
and the batch pass run in a thread each; live words come first.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from types import FrameType
from typing import Any
from uuid import UUID

from django.db import DatabaseError, close_old_connections, connections
from django.db.models import QuerySet
from django.utils import timezone

from patients.models import Consent
from patients.queries import has_live_consent
from sessions_app import live_text, queries, spool, stt, transcripts
from sessions_app.hints import hints_for
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.stt.base import LiveEvent, LiveSession, Segment, SpeechError
from synapse.common import heartbeat, jobs
from synapse.common.models import Job

logger = logging.getLogger(__name__)

TURN_SECONDS = 0.1
LOOK_SECONDS = 0.5
BEAT_SECONDS = heartbeat.EVERY.total_seconds()
BATCH_WAIT_SECONDS = 0.5
BATCH_LEASE_SECONDS = 300.0
KINDS = ("sessions_app.tasks.transcribe", "sessions_app.tasks.archive_audio")
NICENESS = 5

# Measured on two cores: three streams fit at a step of 0.6 s, six at 1.0 s, eight do not. More are written at the end.
FEW_LIVE = 3
MOST_LIVE = 6
STEP_OF_FEW_S = 0.6
STEP_OF_MANY_S = 1.0
# Audio taken at a time from one stream that is behind, so that the others get their turn.
TURN_AUDIO_MS = 5_000
# No chunk for this long: the recording is paused or its browser cut off.
QUIET_SECONDS = 2.0
AHEAD_SECONDS = 2.0
FARTHEST_BEHIND_MS = 45_000
GO_ON_FROM_MS = 2_000
RETRY_AFTER = timedelta(seconds=30)


class Follower:
    """One running recording: reads what its spool holds by now and says what is new in it."""

    def __init__(self, session: ConsultationSession, publisher: live_text.Publisher) -> None:
        self.session_id = session.pk
        self.transcription = transcripts.open_live(session)
        self._publisher = publisher
        self._reader = spool.default_store().reader(session.pk)
        self._timeline = spool.Timeline()
        self._waiting: deque[tuple[int, spool.Chunk]] = deque()
        self._live: LiveSession | None = None
        self._expected_ms = 0
        self._heard_at = time.monotonic()
        self.transcriber = stt.get_transcriber(cloud_allowed=_cloud_allowed(session))
        self.language = queries.language_of(session.doctor)
        self.hints = hints_for(session)

    def take_turn(self, step_s: float) -> bool:
        """Read and decode up to five seconds; True when there was anything. Raises SpeechError."""
        self._look_for_audio()
        taken_ms = 0
        pcm = b""
        while self._waiting and taken_ms < TURN_AUDIO_MS:
            begins_ms, chunk = self._waiting.popleft()
            if self._live is None:
                self._live = self._open(begins_ms)
            elif begins_ms - self._expected_ms > spool.GAP_TOLERANCE_MS:
                # Nothing was heard in between: the sentence before the gap ends there.
                self._feed(pcm, step_s)
                self._end_stream()
                self._live, pcm = self._open(begins_ms), b""
            pcm += chunk.pcm
            taken_ms += chunk.duration_ms
            self._expected_ms = begins_ms + chunk.duration_ms
        self._feed(pcm, step_s)
        if taken_ms:
            self._heard_at = time.monotonic()
        elif time.monotonic() - self._heard_at > QUIET_SECONDS:
            # A pause, or a cut: what was said before it settles now and not when the recording goes on.
            self._end_stream()
        return taken_ms > 0

    def finish(self) -> None:
        """Take the last words of a recording that has ended; what is further behind is the batch pass's.

        Raises SpeechError.
        """
        self.take_turn(STEP_OF_MANY_S)
        if not self._waiting:
            self._end_stream()
        self._publisher.forget(self.session_id)

    def _look_for_audio(self) -> None:
        """Queue new chunks with their place on the recording clock; those whose words are stored are left out."""
        for chunk in self._reader.read_new():
            self._timeline.add(chunk)
            ends_ms = self._timeline.clock_ms
            if ends_ms > self.transcription.live_offset_ms:
                self._waiting.append((ends_ms - chunk.duration_ms, chunk))
        behind_ms = self._timeline.clock_ms - self._waiting[0][0] if self._waiting else 0
        if behind_ms > FARTHEST_BEHIND_MS:
            # Words of a minute ago help nobody in the room; the batch pass reads what is left out here.
            logger.warning("live words of %s are %s s behind and go on from now", self.session_id, behind_ms // 1000)
            while self._timeline.clock_ms - self._waiting[0][0] > GO_ON_FROM_MS:
                self._waiting.popleft()

    def _open(self, begins_ms: int) -> LiveSession:
        self._expected_ms = begins_ms
        return self.transcriber.open_live(
            language=self.language,
            hints=self.hints,
            start_s=begins_ms / 1000,
            first_id=self.transcription.next_segment_id,
        )

    def _feed(self, pcm: bytes, step_s: float) -> None:
        if pcm and self._live is not None:
            self._live.step_s = step_s
            self._pass_on(self._live.feed(pcm))

    def _end_stream(self) -> None:
        if self._live is not None:
            self._pass_on(self._live.finish())
            self._live = None

    def _pass_on(self, events: list[LiveEvent]) -> None:
        for event in events:
            self._publisher.publish(self.session_id, _frame(event))
        final = [event.segment for event in events if event.segment.is_final]
        if final and self._is_still_live():
            transcripts.append_live_segments(
                self.transcription,
                [_stored(segment) for segment in final],
                offset_ms=round(final[-1].end * 1000),
                at=timezone.now(),
            )

    def _is_still_live(self) -> bool:
        return Transcription.objects.filter(pk=self.transcription.pk, status=Transcription.Status.PROCESSING).exists()


class ReadAhead(threading.Thread):
    """Let the engine read a running recording in full, so that its transcript is there soon after the end."""

    def __init__(self, follower: Follower) -> None:
        super().__init__(name="speech-ahead", daemon=True)
        self._follower = follower
        self._reader = spool.default_store().reader(follower.session_id)
        self._has_ended = threading.Event()

    def end(self) -> None:
        """Read no further; what is left is the batch pass's."""
        self._has_ended.set()

    def run(self) -> None:
        try:
            self._follower.transcriber.prepare(
                self._pcm(), language=self._follower.language, hints=self._follower.hints
            )
        except _Ended:
            pass
        except (SpeechError, spool.SpoolDamaged) as error:
            logger.warning("reading ahead in %s stops: %s", self._follower.session_id, type(error).__name__)

    def _pcm(self) -> Iterator[bytes]:
        while True:
            for chunk in self._reader.read_new():
                yield chunk.pcm
            if self._has_ended.wait(AHEAD_SECONDS):
                raise _Ended


class _Ended(Exception):
    """The recording is over."""


class LivePass:
    """All running recordings, one after the other in one thread."""

    def __init__(self, publisher: live_text.Publisher) -> None:
        self._publisher = publisher
        self._followers: dict[UUID, Follower] = {}
        self._ahead: dict[UUID, ReadAhead] = {}
        self._resting: dict[UUID, Any] = {}
        self._looked_at = 0.0

    def is_following(self, transcription_id: UUID) -> bool:
        """Tell whether words are still coming to a transcription; asked by the batch thread."""
        return any(one.transcription.pk == transcription_id for one in list(self._followers.values()))

    def take_turn(self) -> bool:
        """Look for recordings that began or ended and give each running one its turn; True when there was audio."""
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self._look()
        step_s = STEP_OF_FEW_S if len(self._followers) <= FEW_LIVE else STEP_OF_MANY_S
        heard = False
        for session_id, follower in list(self._followers.items()):
            try:
                heard = follower.take_turn(step_s) or heard
            except (SpeechError, spool.SpoolDamaged) as error:
                self._rest(session_id, error)
        return heard

    def _look(self) -> None:
        running = {session.pk: session for session in _open_recordings()}
        for session_id in [one for one in self._ahead if one not in running]:
            self._ahead.pop(session_id).end()
        for session_id in [one for one in self._followers if one not in running]:
            self._end(session_id)
        now = timezone.now()
        for session_id, session in running.items():
            is_rested = self._resting.get(session_id, now) <= now
            if session_id not in self._followers and is_rested and len(self._followers) < MOST_LIVE:
                try:
                    self._followers[session_id] = Follower(session, self._publisher)
                    self._read_ahead(session_id)
                except (SpeechError, spool.SpoolDamaged) as error:
                    self._rest(session_id, error)

    def _read_ahead(self, session_id: UUID) -> None:
        if session_id not in self._ahead:
            self._ahead[session_id] = ReadAhead(self._followers[session_id])
            self._ahead[session_id].start()

    def _end(self, session_id: UUID) -> None:
        # Kept in the table until the end, so that the batch pass waits for the last words.
        try:
            self._followers[session_id].finish()
        except (SpeechError, spool.SpoolDamaged) as error:
            logger.warning("live words of %s end early: %s", session_id, type(error).__name__)
        finally:
            del self._followers[session_id]

    def _rest(self, session_id: UUID, error: Exception) -> None:
        """Leave a recording alone for a while; its audio is safe and is read from the last stored words on."""
        logger.warning("live words of %s pause: %s", session_id, type(error).__name__)
        self._followers.pop(session_id, None)
        self._resting[session_id] = timezone.now() + RETRY_AFTER


class BatchPass(threading.Thread):
    """Lease one speech job after the other."""

    def __init__(self, live: LivePass, stop: threading.Event) -> None:
        super().__init__(name="speech-batch", daemon=True)
        self._live = live
        self._stop_asked = stop
        self.job: Job | None = None

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                is_idle = not self._run_next()
            except DatabaseError as error:
                logger.error("the batch pass lost the database: %s", type(error).__name__)
                is_idle = True
            close_old_connections()
            if is_idle:
                self._stop_asked.wait(BATCH_WAIT_SECONDS)

    def keep_lease(self) -> None:
        """Hold on to the running job: reading one block may take longer than its lease on a busy machine."""
        job = self.job
        if job is not None:
            with contextlib.suppress(jobs.LeaseLost):
                jobs.extend_lease(job, at=timezone.now(), lease_seconds=BATCH_LEASE_SECONDS)

    def _run_next(self) -> bool:
        self.job = jobs.lease_next(Job.Runner.SPEECH, KINDS, timezone.now(), BATCH_LEASE_SECONDS)
        if self.job is None:
            return False
        while self._live.is_following(self.job.object_id):
            if self._stop_asked.wait(TURN_SECONDS):
                return False
        jobs.run_leased(self.job)
        self.job = None
        return True


def serve() -> None:
    """Work until SIGTERM or Ctrl-C."""
    # One thread for each pass: more would take the cores from the web process.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.nice(NICENESS)
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    publisher = live_text.open_publisher()
    live = LivePass(publisher)
    batch = BatchPass(live, stop)
    batch.start()
    try:
        _follow(live, batch, stop)
    finally:
        stop.set()
        publisher.close()
    _end(batch)


def _end(batch: BatchPass) -> None:
    """Hand a running job back and end the process: a decode cannot be interrupted, so it ends under it."""
    batch.join(timeout=TURN_SECONDS)
    if batch.is_alive() and batch.job is not None:
        jobs.give_back(batch.job, at=timezone.now())
    connections.close_all()
    logging.shutdown()
    os._exit(0)


def _follow(live: LivePass, batch: BatchPass, stop: threading.Event) -> None:
    beat_at = 0.0
    while not stop.is_set():
        heard = False
        try:
            if batch.is_alive() and time.monotonic() - beat_at > BEAT_SECONDS:
                beat_at = time.monotonic()
                heartbeat.beat(heartbeat.SPEECH)
                batch.keep_lease()
            heard = live.take_turn()
        except DatabaseError as error:
            logger.error("the live pass lost the database: %s", type(error).__name__)
        close_old_connections()
        if not heard:
            stop.wait(TURN_SECONDS)


def _cloud_allowed(session: ConsultationSession) -> bool:
    return has_live_consent(session.patient_id, Consent.Kind.AI_NOTE, at=timezone.now())


def _open_recordings() -> QuerySet[ConsultationSession]:
    return (
        ConsultationSession.objects.live()
        .filter(with_recording=True, stream_opened_at__isnull=False, stream_closed_at=None)
        .select_related("doctor")
        .order_by("stream_opened_at")
    )


def _frame(event: LiveEvent) -> live_text.Frame:
    """Return a segment as the page takes it; the first `committed` words will not change."""
    segment = event.segment
    return {
        "id": str(segment.id),
        "start_ms": round(segment.start * 1000),
        "end_ms": round(segment.end * 1000),
        "speaker": segment.speaker,
        "text": segment.text,
        "confidence": round(segment.confidence, 3),
        "final": segment.is_final,
        "committed": event.committed,
        "words": [{"text": word.text, "confidence": round(word.confidence, 3)} for word in segment.words],
    }


def _stored(segment: Segment) -> dict[str, Any]:
    return {
        "id": segment.id,
        "start_ms": round(segment.start * 1000),
        "end_ms": round(segment.end * 1000),
        "speaker": segment.speaker,
        "text": segment.text,
        "confidence": round(segment.confidence, 3),
        "words": [
            {
                "text": word.text,
                "start_ms": round(word.start * 1000),
                "end_ms": round(word.end * 1000),
                "confidence": round(word.confidence, 3),
            }
            for word in segment.words
        ],
        "original_text": None,
    }
