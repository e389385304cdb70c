"""Reading a running recording in full, so that its transcript is there soon after the end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

from sessions_app.speech.follower import Follower
from sessions_app.speech.pace import Pace
from sessions_app.spool import store as spool
from sessions_app.stt.base import SpeechError

logger = logging.getLogger(__name__)

AHEAD_SECONDS = 2.0


class ReadAhead(threading.Thread):
    """Let the engine read a running recording in full, so that its transcript is there soon after the end."""

    def __init__(self, follower: Follower, pace: Pace) -> None:
        super().__init__(name="speech-ahead", daemon=True)
        self._follower = follower
        self._pace = pace
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
                self._give_way()
                yield chunk.pcm
            if self._has_ended.wait(AHEAD_SECONDS):
                raise _Ended

    def _give_way(self) -> None:
        """Wait while live words come late: they are wanted now, this reading only later."""
        while self._pace.is_late:
            if self._has_ended.wait(AHEAD_SECONDS):
                raise _Ended


class _Ended(Exception):
    """The recording is over."""
