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
from types import FrameType

from django.db import DatabaseError, close_old_connections, connections
from django.utils import timezone

from sessions_app.recordings import services as recordings
from sessions_app.speech import live_text
from sessions_app.speech.live_pass import LivePass
from sessions_app.transcripts import services as transcripts
from sessions_app.uploads import services as uploads
from synapse.common import heartbeat, jobs
from synapse.common.models import Job

logger = logging.getLogger(__name__)

TURN_SECONDS = 0.1
BEAT_SECONDS = heartbeat.EVERY.total_seconds()
BATCH_WAIT_SECONDS = 0.5
KINDS = (transcripts.TRANSCRIBE, recordings.ARCHIVE, uploads.READ)
NICENESS = 5


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
                jobs.extend_lease(job, at=timezone.now(), lease_seconds=jobs.SPEECH_LEASE_SECONDS)

    def _run_next(self) -> bool:
        self.job = jobs.lease_next(Job.Runner.SPEECH, KINDS, timezone.now(), jobs.SPEECH_LEASE_SECONDS)
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
