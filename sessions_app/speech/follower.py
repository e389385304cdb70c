"""One running recording: what its spool holds by now goes to the speech engine, and its words to the page and the row."""

from __future__ import annotations

import logging
import time
from collections import deque
from uuid import UUID

from django.utils import timezone

from sessions_app import permissions, queries, stt
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.speech import engines, live_text
from sessions_app.speech.hints import hints_for
from sessions_app.spool import store as spool
from sessions_app.stt.base import LiveEvent, LiveSession
from sessions_app.transcripts import services as transcripts
from sessions_app.transcripts.segments import as_stored
from synapse.outside.calls import Purpose

logger = logging.getLogger(__name__)

# Audio taken at a time from one stream that is behind, so that the others get their turn.
TURN_AUDIO_MS = 5_000
# No chunk for this long: the recording is paused or its browser cut off.
QUIET_SECONDS = 2.0
FARTHEST_BEHIND_MS = 45_000
GO_ON_FROM_MS = 2_000
LAST_STEP_S = 1.0


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
        self.behind_ms = 0
        self.language = queries.language_of(session.doctor)
        self._choose_engine(session)

    @property
    def quiet_s(self) -> float:
        """Return for how many seconds no audio has come."""
        return time.monotonic() - self._heard_at

    def obey(self, session: ConsultationSession) -> None:
        """Go on with the engine that the patient's consent leads to now; nothing changes while the consent does not.

        Raises SpeechError.
        """
        if _agreement(session) != self._agreed:
            self._end_stream()
            self._choose_engine(session)

    def has_audio(self) -> bool:
        """Look for new chunks and tell whether any wait."""
        self._look_for_audio()
        return bool(self._waiting)

    def take_turn(self, step_s: float) -> bool:
        """Read and decode up to five seconds; True when there was anything. Raises SpeechError.

        `behind_ms` is then the age of the oldest sound that waited.
        """
        self._look_for_audio()
        self.behind_ms = self._timeline.clock_ms - self._waiting[0][0] if self._waiting else 0
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
        elif self.quiet_s > QUIET_SECONDS:
            # A pause, or a cut: what was said before it settles now and not when the recording goes on.
            self._end_stream()
        return taken_ms > 0

    def finish(self) -> None:
        """Take the last words of a recording that has ended; what is further behind is the batch pass's.

        Raises SpeechError.
        """
        self.take_turn(LAST_STEP_S)
        if not self._waiting:
            self._end_stream()
        self._publisher.forget(self.session_id)

    def _choose_engine(self, session: ConsultationSession) -> None:
        self._session = session
        self._agreed = _agreement(session)
        self.transcriber = stt.get_transcriber(cloud_allowed=self._agreed[1])
        self.hints = hints_for(session)

    def _look_for_audio(self) -> None:
        """Queue new chunks with their place on the recording clock; those whose words are stored are left out."""
        is_far_behind = False
        for chunk in self._reader.read_new():
            self._timeline.add(chunk)
            ends_ms = self._timeline.clock_ms
            if ends_ms > self.transcription.live_offset_ms:
                self._waiting.append((ends_ms - chunk.duration_ms, chunk))
            while self._waiting and ends_ms - self._waiting[0][0] > FARTHEST_BEHIND_MS:
                self._waiting.popleft()
                is_far_behind = True
        if is_far_behind:
            # Words of a minute ago help nobody in the room; the batch pass reads what is left out here.
            logger.warning("live words of %s are far behind and go on from now", self.session_id)
            while self._timeline.clock_ms - self._waiting[0][0] > GO_ON_FROM_MS:
                self._waiting.popleft()

    def _open(self, begins_ms: int) -> LiveSession:
        self._expected_ms = begins_ms
        with engines.sound_leaves(self._session, Purpose.LIVE_WORDS):
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
                [{"id": segment.id, "original_text": None, **as_stored(segment, _in_ms)} for segment in final],
                offset_ms=_in_ms(final[-1].end),
                at=timezone.now(),
            )

    def _is_still_live(self) -> bool:
        return Transcription.objects.filter(pk=self.transcription.pk, status=Transcription.Status.PROCESSING).exists()


def _agreement(session: ConsultationSession) -> tuple[UUID, bool]:
    """Return whose session it is and whether a cloud service may hear it; both may change while it runs."""
    return session.patient_id, permissions.cloud_may_hear(session.patient_id, at=timezone.now())


def _in_ms(seconds: float) -> int:
    return round(seconds * 1000)


def _frame(event: LiveEvent) -> live_text.Frame:
    """Return a segment as the page takes it; the first `committed` words will not change."""
    segment = event.segment
    return {
        "id": str(segment.id),
        "start_ms": _in_ms(segment.start),
        "end_ms": _in_ms(segment.end),
        "speaker": segment.speaker,
        "text": segment.text,
        "confidence": round(segment.confidence, 3),
        "final": segment.is_final,
        "committed": event.committed,
        "words": [{"text": word.text, "confidence": round(word.confidence, 3)} for word in segment.words],
    }
