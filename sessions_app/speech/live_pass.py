"""The live half of the speech process: which recordings get live words, and how often each is read."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from sessions_app.models import ConsultationSession
from sessions_app.speech import live_text
from sessions_app.speech.follower import Follower
from sessions_app.speech.pace import MOST_LIVE, Pace
from sessions_app.speech.read_ahead import ReadAhead
from sessions_app.spool import store as spool
from sessions_app.stt.base import SpeechError

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
# A recording that sent nothing for this long gives its place to one that waits for it.
IDLE_SECONDS = 60.0
# A page that opens while its recording waits hears of it within this time.
REPEAT_SECONDS = 3.0
RETRY_AFTER = timedelta(seconds=30)


class LivePass:
    """All running recordings, one after the other in one thread."""

    def __init__(self, publisher: live_text.Publisher) -> None:
        self._publisher = publisher
        self._pace = Pace()
        self._followers: dict[UUID, Follower] = {}
        # Recordings that sent nothing for a while and gave their place away.
        self._idle: dict[UUID, Follower] = {}
        self._ahead: dict[UUID, ReadAhead] = {}
        self._resting: dict[UUID, datetime] = {}
        # Recordings without a place, and when their pages were last told so.
        self._waiting: dict[UUID, float] = {}
        self._looked_at = 0.0

    def is_following(self, transcription_id: UUID) -> bool:
        """Tell whether words are still coming to a transcription; asked by the batch thread."""
        return any(one.transcription.pk == transcription_id for one in list(self._followers.values()))

    def take_turn(self) -> bool:
        """Look for recordings that began or ended and give each running one its turn; True when there was audio."""
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self._look()
        followers = self._followers
        behind_ms = max((one.behind_ms for one in followers.values()), default=0)
        step_s = self._pace.step_s(recordings=len(followers), behind_ms=behind_ms)
        heard = False
        for session_id, follower in list(followers.items()):
            try:
                heard = follower.take_turn(step_s) or heard
            except (SpeechError, spool.SpoolDamaged) as error:
                self._rest(session_id, error)
        return heard

    def _look(self) -> None:
        running = {session.pk: session for session in _open_recordings()}
        for session_id in [one for one in self._ahead if one not in running]:
            self._ahead.pop(session_id).end()
        for followers in (self._followers, self._idle):
            for session_id in [one for one in followers if one not in running]:
                self._end(session_id, followers)
        waiting = []
        for session_id, session in running.items():
            if session_id in self._followers:
                self._obey(session)
                continue
            if not self._wants_place(session_id):
                continue
            if len(self._followers) >= MOST_LIVE and not self._free_a_place():
                waiting.append(session_id)
                continue
            try:
                idle = self._idle.pop(session_id, None)
                self._followers[session_id] = idle or Follower(session, self._publisher)
                self._read_ahead(session_id)
            except (SpeechError, spool.SpoolDamaged) as error:
                self._rest(session_id, error)
        self._tell(waiting)

    def _wants_place(self, session_id: UUID) -> bool:
        if session_id in self._idle:
            return self._idle[session_id].has_audio()
        now = timezone.now()
        return self._resting.get(session_id, now) <= now

    def _obey(self, session: ConsultationSession) -> None:
        try:
            self._followers[session.pk].obey(session)
        except SpeechError as error:
            self._rest(session.pk, error)

    def _free_a_place(self) -> bool:
        """Set aside the recording that has been quiet longest, if any was for a minute."""
        quietest = max(self._followers, key=lambda session_id: self._followers[session_id].quiet_s)
        if self._followers[quietest].quiet_s < IDLE_SECONDS:
            return False
        self._idle[quietest] = self._followers.pop(quietest)
        return True

    def _tell(self, waiting: list[UUID]) -> None:
        """Say on the pages which recordings have no live words now, and which have them again."""
        now = time.monotonic()
        for session_id in [one for one in self._waiting if one not in waiting]:
            del self._waiting[session_id]
            self._publisher.publish(session_id, live_text.place(is_free=True, limit=MOST_LIVE))
        for session_id in waiting:
            if now - self._waiting.get(session_id, -REPEAT_SECONDS) >= REPEAT_SECONDS:
                self._waiting[session_id] = now
                self._publisher.publish(session_id, live_text.place(is_free=False, limit=MOST_LIVE))

    def _read_ahead(self, session_id: UUID) -> None:
        if session_id not in self._ahead:
            self._ahead[session_id] = ReadAhead(self._followers[session_id], self._pace)
            self._ahead[session_id].start()

    def _end(self, session_id: UUID, followers: dict[UUID, Follower]) -> None:
        # Kept in the table until the end, so that the batch pass waits for the last words.
        try:
            followers[session_id].finish()
        except (SpeechError, spool.SpoolDamaged) as error:
            logger.warning("live words of %s end early: %s", session_id, type(error).__name__)
        finally:
            del followers[session_id]

    def _rest(self, session_id: UUID, error: Exception) -> None:
        """Leave a recording alone for a while; its audio is safe and is read from the last stored words on."""
        logger.warning("live words of %s pause: %s", session_id, type(error).__name__)
        self._followers.pop(session_id, None)
        self._resting[session_id] = timezone.now() + RETRY_AFTER


def _open_recordings() -> QuerySet[ConsultationSession]:
    return (
        ConsultationSession.objects.live()
        .filter(with_recording=True, stream_opened_at__isnull=False, stream_closed_at=None)
        .select_related("doctor")
        .order_by("stream_opened_at")
    )
