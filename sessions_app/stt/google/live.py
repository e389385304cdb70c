"""Follow a running recording over as many of the service's streams as it takes; no word is lost or said twice.

A stream lives five minutes at most. Before that it is closed, its last words are taken, and the next one hears the
sound again from shortly before the last settled word. The same way goes on when a stream is cut.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sessions_app.stt.base import SAMPLE_RATE, UNKNOWN, LiveEvent, Segment, SpeechError, Word
from sessions_app.stt.google.errors import FeatureRefused, StreamAged
from sessions_app.stt.google.results import (
    TAIL_WORDS,
    Reading,
    Result,
    SettledWord,
    TaggedWord,
    has_labels,
    phrases_by_voice,
)
from sessions_app.stt.google.stream import Answer, Reader, Stream
from sessions_app.stt.live_voices import LiveVoices
from sessions_app.stt.media import samples_of
from synapse.outside.calls import Call

logger = logging.getLogger(__name__)

STREAM_S = 280.0
# From here on a stream is exchanged at the first pause, so that no word is cut in two.
STREAM_PAUSE_S = 240.0
# A new stream hears this much of the settled words again.
OVERLAP_S = 1.5
# A stream closed while somebody speaks may have heard half of a word that ends this near to its end.
EDGE_S = 0.4
# The other live sessions wait while one ends.
FINISH_TIMEOUT_S = 10.0
# Seconds before the next try after a failure; after the last, or this long without a word, the service is away.
BACKOFF_S = (0.5, 1.0, 2.0, 4.0)
AWAY_S = 15.0
# A stream that was ended younger than this without a word did not end for its age.
SHORTEST_LIFE_S = 5.0


@dataclass(frozen=True, slots=True)
class HandOver:
    """What another engine needs to go on: words not yet passed on, and the sound from the last settled word on."""

    events: list[LiveEvent]
    start_s: float
    pcm: bytes
    next_id: int


class GoogleLive:
    """One live session. Not safe to share between threads."""

    def __init__(
        self, read: Reader, *, call: Call, start_s: float, first_id: int, doctor_voice: Sequence[float] = ()
    ) -> None:
        self._call = call
        self.step_s = 0.0  # the service sets its own pace
        self._read = read
        self._next_id = first_id
        self._kept = _Kept(start_s)
        self._voices = LiveVoices(start_s, doctor_voice=doctor_voice)
        self._tail: list[SettledWord] = []
        self._events: list[LiveEvent] = []
        self._failures = 0
        self._failing_since = 0.0
        self._try_again_at = 0.0
        self._is_last = False
        self._has_said = False
        self._reading = Reading(start_s)
        self._stream: Stream | None = self._open()

    def feed(self, pcm: bytes) -> list[LiveEvent]:
        """Send samples on and return what the service said meanwhile. Raises SpeechError when it is away."""
        self._kept.add(pcm)
        self._voices.hear(samples_of(pcm))
        if self._stream is not None and not self._stream.is_closed:
            self._stream.send(pcm)
        if (stream := self._stream) is not None:
            for answer in stream.answers():
                self._take(stream, answer)
        if self._stream is None and time.monotonic() >= self._try_again_at:
            self._stream = self._open()
        if self._stream is not None and self._is_old(self._stream):
            self._stream.close()
        if self._stream is not None and self._stream.closed_for_s > FINISH_TIMEOUT_S:
            self._fail(SpeechError("The speech service did not answer in time.", transient=True))
        return self._taken_events()

    def finish(self) -> list[LiveEvent]:
        """End the session and wait for its last words, 10 s at most. Raises SpeechError."""
        deadline = time.monotonic() + FINISH_TIMEOUT_S
        while True:
            if self._stream is None:
                time.sleep(max(0.0, self._try_again_at - time.monotonic()))
                self._stream = self._open()
            self._is_last = self._heard_s(self._stream) >= self._kept.end_s
            self._stream.close()
            if self._wait_for_end(self._stream, deadline):
                self._call.end(is_answered=True)
                return self._taken_events()

    def hand_over(self) -> HandOver:
        """Give up and return what another engine needs to go on without a gap."""
        if self._stream is not None:
            self._stream.close()
        self._call.end(is_answered=False)
        start_s = max(self._kept.start_s, self._tail[-1].word.end if self._tail else self._kept.start_s)
        return HandOver(self._taken_events(), start_s, self._kept.since(start_s), self._next_id)

    def _open(self) -> Stream:
        self._reading = Reading(self._kept.start_s, self._tail)
        self._has_said = False
        return Stream(self._read, self._kept.since(self._kept.start_s))

    def _heard_s(self, stream: Stream) -> float:
        """Return the second of the recording up to which a stream was sent."""
        return self._reading.offset_s + stream.sent_s

    def _is_old(self, stream: Stream) -> bool:
        has_pause = any(event.segment.is_final for event in self._events)
        return stream.age_s > STREAM_S or (has_pause and stream.age_s > STREAM_PAUSE_S)

    def _wait_for_end(self, stream: Stream, deadline: float) -> bool:
        """Take all that a closed stream still says; True when it was the last one. Raises SpeechError."""
        while self._stream is stream:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise SpeechError("The speech service did not answer in time.", transient=True)
            for answer in stream.answers(wait_s=left_s):
                if answer is None and self._is_last:
                    return True
                self._take(stream, answer)
        return False

    def _take(self, stream: Stream, answer: Answer) -> None:
        if isinstance(answer, Result):
            self._events += self._settle(stream, answer) if answer.is_final else self._interim(answer)
        elif answer is None and stream.is_closed:
            # Everything up to its end was heard; what may have been cut in two is heard again.
            self._kept.forget_until(self._heard_s(stream) - EDGE_S - OVERLAP_S)
            self._stream = self._open()
        elif isinstance(answer, FeatureRefused):
            self._stream = self._open()  # the reader leaves the feature out from now on
        elif isinstance(answer, (StreamAged, type(None))) and (self._has_said or stream.clock_age_s > SHORTEST_LIFE_S):
            self._stream = self._open()
        else:
            self._fail(answer or SpeechError("The speech service ended the stream.", transient=True))

    def _fail(self, error: SpeechError) -> None:
        """Try again after a while, or raise when that has been tried often enough or cannot help."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        now = time.monotonic()
        if not self._failures:
            self._failing_since = now
        if not error.transient or self._failures >= len(BACKOFF_S) or now - self._failing_since > AWAY_S:
            self._call.end(is_answered=False)
            raise error
        self._try_again_at = now + BACKOFF_S[self._failures]
        self._failures += 1
        logger.warning("the speech service failed (try %s): %s", self._failures, type(error).__name__)

    def _interim(self, result: Result) -> list[LiveEvent]:
        text = self._reading.fresh_text(result)
        if not text:
            return []
        start_s = max(self._reading.heard_until_s, self._tail[-1].word.end if self._tail else 0.0)
        end_s = max(start_s, self._reading.offset_s + result.ends_s)
        segment = Segment(self._next_id, start_s, end_s, text, confidence=result.confidence, is_final=False)
        return [LiveEvent(segment, committed=0)]

    def _settle(self, stream: Stream, result: Result) -> list[LiveEvent]:
        fresh = self._reading.take(result)
        if stream.is_closed and not self._is_last:
            whole_until_s = self._heard_s(stream) - EDGE_S
            fresh = [tagged for tagged in fresh if tagged.word.end <= whole_until_s]
        events = []
        for speaker, words in self._attributed(fresh):
            self._tail = [*self._tail, *(SettledWord(word, speaker) for word in words)][-TAIL_WORDS:]
            segment = Segment.of_words(self._next_id, words, speaker=speaker)
            self._next_id += 1
            events.append(LiveEvent(segment, committed=len(words)))
        if events:
            self._has_said = True
            self._failures = 0
            self._kept.forget_until(self._tail[-1].word.end - OVERLAP_S)
        return events

    def _attributed(self, fresh: Sequence[TaggedWord]) -> list[tuple[str, list[Word]]]:
        """Return (speaker, words) for each phrase; voices without a label are told apart by their sound."""
        spoken = phrases_by_voice(fresh)
        if has_labels(self._reading.words):
            roles = self._reading.roles()
            return [(roles.get(voice, UNKNOWN), phrase) for voice, phrase in spoken]
        return [(self._voices.speaker_of(phrase), phrase) for _, phrase in spoken]

    def _taken_events(self) -> list[LiveEvent]:
        events, self._events = self._events, []
        return events


class _Kept:
    """The sound that is not settled yet, and a little before it."""

    def __init__(self, start_s: float) -> None:
        self._first = round(start_s * SAMPLE_RATE)
        self._pcm = bytearray()

    @property
    def start_s(self) -> float:
        return self._first / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        return (self._first + len(self._pcm) // 2) / SAMPLE_RATE

    def add(self, pcm: bytes) -> None:
        self._pcm += pcm

    def since(self, second: float) -> bytes:
        return bytes(self._pcm[2 * self._samples_until(second) :])

    def forget_until(self, second: float) -> None:
        surplus = self._samples_until(second)
        del self._pcm[: 2 * surplus]
        self._first += surplus

    def _samples_until(self, second: float) -> int:
        return min(max(0, round(second * SAMPLE_RATE) - self._first), len(self._pcm) // 2)
