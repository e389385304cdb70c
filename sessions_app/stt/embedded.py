"""The engine that needs no network: faster-whisper with the bundled English model, voice gate and speaker encoder."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from sessions_app.stt.agreement import without_loop
from sessions_app.stt.base import NO_HINTS, AudioSource, Hints, LiveSession, Progress, Transcript, Word
from sessions_app.stt.blocks import Block, blocks_of
from sessions_app.stt.media import length_of
from sessions_app.stt.missed import missed_speech
from sessions_app.stt.speakers import Stretch, Voices, listen
from sessions_app.stt.vocabulary import Vocabulary
from sessions_app.stt.voice import Region
from sessions_app.stt.whisper import WINDOW_LONGEST_S, WhisperEngine, glued, load_whisper

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENGINE = "embedded"

# The recording is read in blocks cut where nobody speaks, so memory does not grow with its length.
BLOCK_S = 120.0
LONGEST_BLOCK_S = 240.0
BEAM = 5
# Beam search first; when its text repeats itself or is hardly believed, once more with a little chance.
TEMPERATURES = (0.0, 0.4, 0.8)
SEED = 20
# A word further than this from any voice was made up.
VOICE_MARGIN_S = 0.4


# What the first reading left out is read with this much around it, and believed from this mean confidence on.
MISSED_MARGIN_S = 0.2
BELIEVED = 0.6

# Blocks kept in memory, about three hours of sound; only words and voices, never the sound.
READINGS_KEPT = 90


@dataclass(frozen=True, slots=True)
class _Reading:
    words: list[Word]
    voices: list[Stretch]


class EmbeddedTranscriber:
    """Transcribe on this machine alone."""

    engine = ENGINE

    def __init__(self, *, whisper_model: str = "") -> None:
        self._whisper_model = whisper_model
        self._loaded: WhisperEngine | None = None
        self._readings: OrderedDict[bytes, _Reading] = OrderedDict()
        self._long_reading = threading.Lock()

    @property
    def model(self) -> str:
        return self._whisper.name

    def transcribe(
        self, source: AudioSource, *, language: str, hints: Hints = NO_HINTS, progress: Progress | None = None
    ) -> Transcript:
        """Transcribe a recording of any length in bounded memory.

        Without a voice nothing is decoded and the transcript has no segments. Raises SpeechError.
        """
        self._whisper.language_code(language)
        expected = length_of(source)
        words: list[Word] = []
        voices = Voices(doctor_voice=hints.doctor_voice)
        duration = 0.0
        for block in blocks_of(source, aim_s=BLOCK_S, limit_s=LONGEST_BLOCK_S):
            duration = block.end_s
            if block.regions:
                reading = self._reading_of(block, language)
                words += reading.words
                voices.add(reading.voices)
            if progress and expected:
                progress(min(1.0, duration / expected))
        segments = voices.attribute(self._with_names(words, language, hints))
        if progress:
            progress(1.0)
        return Transcript(
            segments=tuple(segments), engine=ENGINE, model=self.model, language=language, duration_s=duration
        )

    def prepare(self, source: Iterable[bytes], *, language: str, hints: Hints = NO_HINTS) -> None:
        """Read a recording that still runs, block by block, so that `transcribe` finds most of it read.

        `source` yields the recording's PCM as it comes in. Raises SpeechError.
        """
        for block in blocks_of(source, aim_s=BLOCK_S, limit_s=LONGEST_BLOCK_S):
            if block.regions:
                self._reading_of(block, language)

    def open_live(
        self, *, language: str, hints: Hints = NO_HINTS, start_s: float = 0.0, first_id: int = 1
    ) -> LiveSession:
        """Open a stream that this machine reads while it runs; raises SpeechError."""
        from sessions_app.stt.live_whisper import LiveWhisper

        return LiveWhisper(
            self._whisper, language=language, start_s=start_s, first_id=first_id, doctor_voice=hints.doctor_voice
        )

    @property
    def _whisper(self) -> WhisperEngine:
        if self._loaded is None:
            self._loaded = load_whisper(self._whisper_model)
        return self._loaded

    def _with_names(self, words: list[Word], language: str, hints: Hints) -> list[Word]:
        """Return the words with drugs and names of the session recognised; how they sound is known for English only."""
        if self._whisper.language_code(language) != "en":
            return words
        return Vocabulary((*hints.vocabulary, *hints.names), is_common=self._whisper.is_common).corrected(words)

    def _reading_of(self, block: Block, language: str) -> _Reading:
        """Read a block, or return what was read of the same sound before."""
        code = self._whisper.language_code(language)
        key = sha256(f"{code} {block.start_s} ".encode() + block.audio.tobytes()).digest()
        # One at a time: the model has one worker for long readings.
        with self._long_reading:
            reading = self._readings.pop(key, None)
            if reading is None:
                regions = ((region.start, block.cut(region)) for region in block.regions)
                reading = _Reading(self._read(block, language), listen(regions))
            self._readings[key] = reading
            while len(self._readings) > READINGS_KEPT:
                self._readings.popitem(last=False)
            return reading

    def _read(self, block: Block, language: str) -> list[Word]:
        found = self._words_in(block.audio, block.start_s, language, has_pauses=True)
        words = without_loop([word for word in found if _has_voice(word, block.regions)])
        return sorted([*words, *self._read_missed(block, words, language)], key=lambda word: word.start)

    def _read_missed(self, block: Block, words: Sequence[Word], language: str) -> Iterator[Word]:
        """Read once more, alone, what the first reading left out; what is hardly believed then stays out."""
        for region in missed_speech(block.regions, words):
            start, end = max(block.start_s, region.start - MISSED_MARGIN_S), region.end + MISSED_MARGIN_S
            if end - start > WINDOW_LONGEST_S:
                continue
            again = without_loop(self._words_in(block.cut(Region(start, end)), start, language, has_pauses=False))
            if again and sum(word.confidence for word in again) / len(again) >= BELIEVED:
                yield from again

    def _words_in(self, audio: NDArray[np.float32], start_s: float, language: str, *, has_pauses: bool) -> list[Word]:
        """Return the words in audio that begins at `start_s` seconds; long pauses in it are passed over."""
        import ctranslate2

        engine = self._whisper
        ctranslate2.set_random_seed(SEED)
        found, _ = engine.model.transcribe(
            audio,
            language=engine.language_code(language),
            beam_size=BEAM,
            temperature=TEMPERATURES,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=has_pauses,
            vad_parameters={"min_silence_duration_ms": 500},
        )
        return glued(
            (start_s + float(word.start), start_s + float(word.end), word.word, float(word.probability))
            for segment in found
            for word in segment.words or ()
        )


def _has_voice(word: Word, regions: Sequence[Region]) -> bool:
    return any(
        word.start < region.end + VOICE_MARGIN_S and word.end > region.start - VOICE_MARGIN_S for region in regions
    )
