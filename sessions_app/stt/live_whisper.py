"""Read a stream while it runs: short encoder windows, a voice gate, and words committed by agreement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sessions_app.stt.agreement import HARD_BUFFER_S, Agreement, ends_sentence
from sessions_app.stt.base import SAMPLE_RATE, LiveEvent, Segment, Word
from sessions_app.stt.live_voices import LiveVoices
from sessions_app.stt.media import samples_of
from sessions_app.stt.voice import FRAME_S, SPEECH, STILL_SPEECH, VoiceGate
from sessions_app.stt.whisper import WhisperEngine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STEP_S = 0.6
# Nobody speaks for this long: the utterance is over.
ENDPOINT_S = 0.7
# Into a pause of this length another reading would only hear what the last one heard.
PAUSE_S = 0.3
PRE_ROLL_S = 0.5
KEPT_AFTER_END_S = 0.2
# Samples that come in one large piece, after a delay, are read once and not step by step.
PIECE_S = 0.5
CATCH_UP_S = 5.0
# Mean confidence of a whole reading. Laughter and humming open the voice gate, and what the model makes of them it
# believes at 0.24 and less; speech in a noisy room it believes at 0.5 and more.
LEAST_BELIEF = 0.3
# A sentence stands alone from this many words; a shorter one waits for the next.
SENTENCE_WORDS = 4


class LiveWhisper:
    """Follow one stream; all times are seconds from the start of the recording."""

    def __init__(
        self,
        whisper: WhisperEngine,
        *,
        language: str,
        start_s: float,
        first_id: int,
        doctor_voice: Sequence[float] = (),
    ) -> None:
        import numpy as np

        self.step_s = STEP_S
        self._whisper = whisper
        self._language = whisper.language_code(language)
        self._gate = VoiceGate()
        self._voices = LiveVoices(start_s, doctor_voice=doctor_voice)
        self._agreement = Agreement()
        self._audio = np.zeros(0, np.float32)
        self._audio_start = start_s
        self._speaking = False
        self._silent_s = 0.0
        self._unread_s = 0.0
        self._next_id = first_id
        # How many of the committed words are in finished segments.
        self._closed = 0

    def feed(self, pcm: bytes) -> list[LiveEvent]:
        """Take the next samples and return what became known; see LiveEvent."""
        events: list[LiveEvent] = []
        pieces = list(_pieces(samples_of(pcm)))
        for number, piece in enumerate(pieces, start=1):
            events += self._take(piece, is_newest=number == len(pieces))
        return events

    def finish(self) -> list[LiveEvent]:
        """Read what is left and close the last segment."""
        if self._speaking:
            return self._end_utterance()
        return list(self._close_all())

    @property
    def _now(self) -> float:
        return self._audio_start + len(self._audio) / SAMPLE_RATE

    def _take(self, audio: NDArray[np.float32], *, is_newest: bool) -> list[LiveEvent]:
        import numpy as np

        self._listen(audio)
        self._voices.hear(audio)
        self._audio = np.concatenate([self._audio, audio])
        if not self._speaking:
            self._forget_before(self._now - PRE_ROLL_S)
            return []
        self._unread_s += len(audio) / SAMPLE_RATE
        if self._silent_s >= ENDPOINT_S:
            return self._end_utterance()
        if self._agreement.must_settle(self._audio_start, self._now):
            return self._settle()
        due = self._unread_s >= (self.step_s if is_newest else CATCH_UP_S)
        return self._read_on() if due and self._silent_s < PAUSE_S else []

    def _listen(self, audio: NDArray[np.float32]) -> None:
        probabilities = self._gate.feed(audio)
        voiced = [place for place, value in enumerate(probabilities) if value > SPEECH]
        if voiced:
            self._speaking = True
            trailing = 0
            for value in reversed(probabilities):
                if value > STILL_SPEECH:
                    break
                trailing += 1
            self._silent_s = trailing * FRAME_S
        else:
            self._silent_s += len(audio) / SAMPLE_RATE

    def _read_on(self) -> list[LiveEvent]:
        self._unread_s = 0.0
        self._agreement.offer(self._hypothesis(), now=self._now)
        events = list(self._close_sentences())
        cut = self._agreement.trim_point(self._audio_start, self._now)
        if cut is not None:
            self._forget_before(cut)
        return events + self._open_segment()

    def _settle(self) -> list[LiveEvent]:
        self._unread_s = 0.0
        self._agreement.settle(self._hypothesis())
        self._forget_before(self._now - PRE_ROLL_S)
        return list(self._close_sentences()) + self._open_segment()

    def _end_utterance(self) -> list[LiveEvent]:
        self._agreement.settle(self._hypothesis())
        self._speaking = False
        self._unread_s = 0.0
        self._forget_before(self._now - KEPT_AFTER_END_S)
        return [*self._close_sentences(), *self._close_all()]

    def _hypothesis(self) -> list[Word]:
        longest = int(HARD_BUFFER_S * SAMPLE_RATE) + SAMPLE_RATE
        words = self._whisper.decode(self._audio[:longest], offset_s=self._audio_start, language=self._language)
        belief = sum(word.confidence for word in words) / max(1, len(words))
        return words if belief > LEAST_BELIEF else []

    def _close_sentences(self) -> Iterator[LiveEvent]:
        committed = self._agreement.committed
        for place in range(self._closed, len(committed)):
            if ends_sentence(committed[place]) and place + 1 - self._closed >= SENTENCE_WORDS:
                yield self._close(committed[self._closed : place + 1])

    def _close_all(self) -> Iterator[LiveEvent]:
        rest = self._agreement.committed[self._closed :]
        if rest:
            yield self._close(rest)

    def _close(self, words: Sequence[Word]) -> LiveEvent:
        segment = Segment.of_words(self._next_id, words, speaker=self._voices.speaker_of(words))
        self._next_id += 1
        self._closed += len(words)
        return LiveEvent(segment, committed=len(words))

    def _open_segment(self) -> list[LiveEvent]:
        committed = self._agreement.committed[self._closed :]
        words = [*committed, *self._agreement.pending]
        if not words:
            return []
        return [LiveEvent(Segment.of_words(self._next_id, words, is_final=False), committed=len(committed))]

    def _forget_before(self, second: float) -> None:
        samples = int((second - self._audio_start) * SAMPLE_RATE)
        if samples > 0:
            self._audio = self._audio[samples:]
            self._audio_start += samples / SAMPLE_RATE


def _pieces(audio: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    length = int(PIECE_S * SAMPLE_RATE)
    for first in range(0, len(audio), length):
        yield audio[first : first + length]
