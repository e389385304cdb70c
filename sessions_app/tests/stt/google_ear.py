"""What the stand-in for Google hears: words whose sound it got, and nothing else.

It knows one recording and what is said in it when. A stream is placed in the recording by the first sound it brings:
what was not sent is missing from its words, what was sent twice is said twice, a word cut in two is a fragment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import grpc

BYTES_PER_SECOND = 32_000
# Enough sound to tell where in the recording a stream begins.
PLACE_BYTES = 640
PAUSE_S = 0.5
OLDEST_S = 300.0


@dataclass(frozen=True)
class Spoken:
    """One word of the recording; times in seconds of the recording."""

    start: float
    end: float
    text: str
    voice: int = 0
    label: str = ""


def said(text: str, *, start: float, end: float, voice: int = 0, label: str = "") -> list[Spoken]:
    """Return the words of a sentence, evenly spread over its time."""
    texts = text.split()
    step = (end - start) / len(texts)
    return [
        Spoken(round(start + step * place, 3), round(start + step * (place + 1), 3), word, voice, label)
        for place, word in enumerate(texts)
    ]


def ticking(length_s: float) -> bytes:
    """Return a recording without a voice in which no two hundredths of a second are alike; 327 s at most."""
    samples = (place.to_bytes(2, "little") for place in range(1, int(length_s * 100) + 1))
    return b"".join(sample * 160 for sample in samples)


@dataclass
class Script:
    """The recording, what the service makes of it, and what goes wrong."""

    sound: bytes = b""
    words: list[Spoken] = field(default_factory=list)
    # Raised one stream after the other, each after this many seconds of sound, before the service works.
    failures: list[grpc.StatusCode] = field(default_factory=list)
    fail_after_s: float = 0.0
    oldest_s: float = OLDEST_S
    delay_s: float = 0.0
    is_garbage: bool = False
    # Nobody pauses: nothing is final before the stream is closed.
    has_pauses: bool = True
    # With speaker labels each final result repeats all words from the stream's beginning.
    repeats_words: bool = False
    refused: tuple[str, ...] = ()
    fastest: float | None = None
    goes_deaf_after: int | None = None
    polls: int = 1
    fetch: Any = None
    configs: list = field(default_factory=list)
    recognizers: list = field(default_factory=list)
    sizes: list = field(default_factory=list)
    audio_bytes: list = field(default_factory=list)
    uris: list = field(default_factory=list)

    @property
    def streams(self) -> int:
        return len(self.audio_bytes)


@dataclass(frozen=True)
class Heard:
    """A result; times in seconds from the stream's beginning."""

    words: list[Spoken]
    ends: float
    is_final: bool
    fresh: int

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words[-self.fresh :])


class Ear:
    """What one stream hears of the recording."""

    def __init__(self, script: Script) -> None:
        self.is_labelled = False
        self._script = script
        self._begin: int | None = None
        self._pcm = b""
        self._length = 0
        self._settled: list[Spoken] = []
        self._told: list[str] = []
        self.finals = 0

    @property
    def length_s(self) -> float:
        return self._length / BYTES_PER_SECOND

    @property
    def until_bytes(self) -> int:
        return (self._begin or 0) + self._length

    def hear(self, pcm: bytes) -> None:
        self._length += len(pcm)
        if self._begin is None:
            self._pcm += pcm
            if len(self._pcm) >= PLACE_BYTES:
                self._begin = self._script.sound.find(self._pcm[:PLACE_BYTES])
                assert self._begin >= 0, "this is not the recording"

    def results(self):
        """Return the sentences that are over, then what is heard of the next."""
        if self._script.has_pauses:
            yield from self._over(self._pending())
        texts = [word.text for word in self._pending()]
        if texts and texts != self._told:
            self._told = texts
            pending = self._pending()
            yield Heard(pending, self._since_begin(pending[-1].end), is_final=False, fresh=len(pending))

    def last_results(self):
        """Return what is heard up to the stream's end; a word that was cut off there is a fragment."""
        pending = self._pending(at_end=True)
        yield from self._over(pending)
        rest = self._pending(at_end=True)
        if rest:
            yield self._final(rest)

    def _over(self, pending):
        sentence = []
        for word in pending:
            if sentence and word.start - sentence[-1].end >= PAUSE_S:
                yield self._final(sentence)
                sentence = []
            sentence.append(word)
        if sentence and self._until_s - sentence[-1].end >= PAUSE_S and not self._is_in_a_word():
            yield self._final(sentence)

    def _is_in_a_word(self) -> bool:
        return any(word.start < self._until_s < word.end for word in self._script.words)

    def _final(self, words):
        self.finals += 1
        self._settled += words
        self._told = []
        told = self._settled if self._script.repeats_words else words
        return Heard([self._told_of(word) for word in told], self._since_begin(words[-1].end), True, len(words))

    @property
    def _begin_s(self) -> float:
        return (self._begin or 0) / BYTES_PER_SECOND

    @property
    def _until_s(self) -> float:
        return self.until_bytes / BYTES_PER_SECOND

    def _since_begin(self, second: float) -> float:
        return second - self._begin_s

    def _pending(self, *, at_end: bool = False) -> list[Spoken]:
        if self._begin is None:
            return []
        done = self._settled[-1].end if self._settled else self._begin_s
        heard = []
        for word in self._script.words:
            begins, ends = max(word.start, self._begin_s), min(word.end, self._until_s)
            is_whole = begins == word.start and ends == word.end
            is_cut = begins > word.start or (at_end and ends < word.end)
            if word.end > done + 0.001 and (is_whole or (is_cut and ends - begins > 0.05)):
                heard.append(word if is_whole else Spoken(begins, ends, "~" + word.text, word.voice, word.label))
        return heard

    def _told_of(self, word: Spoken) -> Spoken:
        """Return a word as the service tells it: timed from the stream's beginning, its voice numbered anew."""
        start, end = self._since_begin(word.start), self._since_begin(word.end)
        if word.voice and self.is_labelled:
            voices = list(dict.fromkeys(one.voice for one in self._settled))
            return Spoken(start, end, word.text, voices.index(word.voice) + 1, word.label)
        return Spoken(start, end, word.text, 0, word.label)
