"""What every speech engine takes and gives: audio in, words with times out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

SAMPLE_RATE = 16_000

DOCTOR = "doctor"
PATIENT = "patient"
UNKNOWN = "unknown"

# Word confidence under which a word is drawn as doubtful.
DOUBTFUL_BELOW = 0.6

# A finished recording: a file of any format, or PCM16 16 kHz mono in pieces.
AudioSource = str | Path | BinaryIO | Iterable[bytes]
Progress = Callable[[float], None]


class SpeechError(Exception):
    """Say that an engine gave no transcript; `transient` tells whether trying again can help.

    The message is for the user and the job row, so it never quotes audio or text.
    """

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class LanguageUnknown(SpeechError):
    """No engine that may be used knows the language; the recording itself is not touched."""

    def __init__(self, message: str) -> None:
        super().__init__(message, transient=False)


@dataclass(frozen=True, slots=True)
class Hints:
    """Say what is known of a recording before it is read; an engine uses what it can.

    `vocabulary` holds terms likely to be said and `names` those of the persons, which no cloud engine passes on;
    `doctor_voice` the unit vector of the practitioner's voice, or nothing.
    """

    vocabulary: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    doctor_voice: tuple[float, ...] = ()


NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word; times in seconds from the start of the recording, confidence 0 to 1.

    `heard` holds what the engine first read where `text` is written another way, else nothing.
    """

    start: float
    end: float
    text: str
    confidence: float
    heard: str = ""
    spoken: str = ""

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2

    @property
    def origin(self) -> dict[str, str]:
        """Return what the word was before it was written as it is, where it was something else."""
        return {name: text for name, text in (("heard", self.heard), ("spoken", self.spoken)) if text}

    def as_json(self) -> dict[str, Any]:
        shown = {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "text": self.text,
            "confidence": round(self.confidence, 3),
        }
        return shown | self.origin


@dataclass(frozen=True, slots=True)
class Segment:
    """One usable utterance, about a sentence or a turn; times in seconds.

    `voice` numbers the recording's voices from 1, also where nobody knows whose they are; 0 when they were not told apart.
    """

    id: int
    start: float
    end: float
    text: str
    speaker: str = UNKNOWN
    confidence: float = 0.0
    words: tuple[Word, ...] = ()
    is_final: bool = True
    voice: int = 0

    @classmethod
    def of_words(
        cls,
        number: int,
        words: Iterable[Word],
        *,
        speaker: str = UNKNOWN,
        is_final: bool = True,
    ) -> Segment:
        """Build a segment from at least one word; its confidence is the words' mean."""
        kept = tuple(words)
        return cls(
            id=number,
            start=kept[0].start,
            end=max(word.end for word in kept),
            text=" ".join(word.text for word in kept),
            speaker=speaker,
            confidence=sum(word.confidence for word in kept) / len(kept),
            words=kept,
            is_final=is_final,
        )

    def spoken_by(self, speaker: str) -> Segment:
        return replace(self, speaker=speaker)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "speaker": self.speaker,
            "text": self.text,
            "confidence": round(self.confidence, 3),
            "words": [word.as_json() for word in self.words],
            "voice": self.voice,
        }


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Report the present reading of one segment while it is spoken.

    The same `segment.id` comes again as the segment grows. The first `committed` words will not
    change; once `segment.is_final` nothing in the segment changes any more.
    """

    segment: Segment
    committed: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """Hold everything said in one recording and which engine read it.

    `fallback` says why that is not the engine that was chosen (see stt.fallback), and is empty when it is.
    """

    segments: tuple[Segment, ...]
    engine: str
    model: str
    language: str
    duration_s: float
    fallback: str = ""

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)

    @property
    def word_count(self) -> int:
        return sum(len(segment.words) or len(segment.text.split()) for segment in self.segments)

    @property
    def confidence(self) -> float:
        """Return the mean word confidence, 0 when nothing was said."""
        words = [word.confidence for segment in self.segments for word in segment.words]
        return sum(words) / len(words) if words else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "model": self.model,
            "language": self.language,
            "duration_s": round(self.duration_s, 3),
            "segments": [segment.as_json() for segment in self.segments],
            "text": self.text,
        }


class BatchTranscriber(Protocol):
    """Read a finished recording."""

    engine: str

    @property
    def model(self) -> str: ...

    def transcribe(
        self, source: AudioSource, *, language: str, hints: Hints = NO_HINTS, progress: Progress | None = None
    ) -> Transcript:
        """Transcribe the whole recording, calling `progress` with the fraction done (0 to 1).

        Raises SpeechError.
        """
        ...

    def prepare(self, source: Iterable[bytes], *, language: str, hints: Hints = NO_HINTS) -> None:
        """Read ahead in a recording that still runs, where that makes `transcribe` faster; raises SpeechError."""
        ...


class LiveSession(Protocol):
    """Follow one stream. Not safe to share between threads."""

    step_s: float

    def feed(self, pcm: bytes) -> list[LiveEvent]:
        """Take the next PCM16 16 kHz mono samples; raises SpeechError."""
        ...

    def finish(self) -> list[LiveEvent]:
        """Take the end of the stream: every open segment comes out final."""
        ...


class LiveTranscriber(Protocol):
    """Read a recording while it is made."""

    engine: str

    @property
    def model(self) -> str: ...

    def open_live(
        self, *, language: str, hints: Hints = NO_HINTS, start_s: float = 0.0, first_id: int = 1
    ) -> LiveSession:
        """Open a stream whose first sample lies at `start_s` seconds; raises SpeechError."""
        ...


class Transcriber(BatchTranscriber, LiveTranscriber, Protocol):
    """An engine that does both."""
