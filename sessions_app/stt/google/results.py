"""What the service says, the same for both of its versions; times in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sessions_app.stt.base import DOCTOR, PATIENT, UNKNOWN, Word
from sessions_app.stt.google import seam
from sessions_app.stt.roles import roles_of
from sessions_app.stt.segmenting import phrases

_LABELS = {"provider": DOCTOR, "patient": PATIENT}
# Words of the stream before that a new one is compared with: two seconds of the fastest speech.
TAIL_WORDS = 12


@dataclass(frozen=True, slots=True)
class TaggedWord:
    """A word and the voice the service gave it: a label that holds within one stream, a role, or nothing."""

    word: Word
    voice: str


@dataclass(frozen=True, slots=True)
class SettledWord:
    """A word that will not change, and whom it was given to."""

    word: Word
    speaker: str


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a stream; times from the stream's beginning, `confidence` of an interim one is its stability."""

    text: str
    words: tuple[TaggedWord, ...]
    ends_s: float
    is_final: bool
    confidence: float


class Reading:
    """What one stream has said so far, in seconds of the recording.

    With speaker labels a result may repeat all words from the stream's beginning. `tail` holds the last words that the
    stream before settled: the new one hears some of its audio again.
    """

    def __init__(self, offset_s: float, tail: Sequence[SettledWord] = ()) -> None:
        self.offset_s = offset_s
        self.words: list[TaggedWord] = []
        self.heard_until_s = offset_s
        self._tail = list(tail)
        self._known: dict[str, str] = {}

    def take(self, result: Result) -> list[TaggedWord]:
        """Take a final result and return the words that are new in it."""
        ends_s = self.offset_s + result.ends_s
        told = [_later(tagged, self.offset_s) for tagged in result.words]
        if not told:
            told = _spread(result, start_s=self.heard_until_s, end_s=max(ends_s, self.heard_until_s))
        settled = [tagged.word for tagged in self.words] or [settled.word for settled in self._tail]
        repeated = seam.repeated([tagged.word for tagged in told], settled)
        if not self.words:
            self._compare_voices(told[:repeated])
        begins_s = self.words[0].word.start if self.words else self.offset_s
        is_whole = repeated > 0 and told[0].word.start <= begins_s + seam.SAME_WORD_S
        self.words = told if is_whole or not self.words else self.words + told[repeated:]
        self.heard_until_s = max([self.heard_until_s, ends_s, *(tagged.word.end for tagged in told[-1:])])
        return told[repeated:]

    def fresh_text(self, result: Result) -> str:
        """Return what is new in an interim result, which has no word times."""
        if self.words or not self._tail:
            return result.text
        last = self._tail[-1].word
        if self.offset_s + result.ends_s <= last.end:
            return ""
        texts = result.text.split()
        return " ".join(texts[seam.repeated_texts(texts, [settled.word.text for settled in self._tail]) :])

    def roles(self) -> dict[str, str]:
        """Map the stream's voices to roles; see roles_in."""
        return roles_in(self.words, known=self._known)

    def _compare_voices(self, repeated: Sequence[TaggedWord]) -> None:
        """Learn whom a new label stands for from words that the stream before gave to somebody."""
        for tagged, settled in zip(reversed(repeated), reversed(self._tail), strict=False):
            if tagged.voice and settled.speaker != UNKNOWN and seam.is_same(tagged.word, settled.word):
                self._known.setdefault(tagged.voice, settled.speaker)


def phrases_by_voice(words: Sequence[TaggedWord]) -> list[tuple[str, list[Word]]]:
    """Return (voice, words) for each phrase; no phrase holds words of two voices."""
    runs: list[tuple[str, list[Word]]] = []
    for tagged in words:
        if not runs or runs[-1][0] != tagged.voice:
            runs.append((tagged.voice, []))
        runs[-1][1].append(tagged.word)
    return [(voice, phrase) for voice, run in runs for phrase in phrases(run)]


def roles_in(words: Iterable[TaggedWord], *, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Map voices to roles: by the service's own label, by what is known of them, else by what each voice says.

    Labels start again with every stream, so `known` says whom a label stood for in words that were heard before.
    """
    said: dict[str, list[str]] = {}
    for tagged in words:
        if tagged.voice:
            said.setdefault(tagged.voice, []).append(tagged.word.text)
    if any(voice in _LABELS for voice in said):
        return _LABELS
    roles = dict(known or {})
    if len(said) == 2 and len(set(roles.values())) == 1 and len(roles) == 1:
        role = next(iter(roles.values()))
        other = next(voice for voice in said if voice not in roles)
        roles[other] = PATIENT if role == DOCTOR else DOCTOR
    if roles:
        return roles
    return dict(zip(said, roles_of([" ".join(texts) for texts in said.values()]), strict=True))


def has_labels(words: Iterable[TaggedWord]) -> bool:
    return any(tagged.voice for tagged in words)


def seconds(offset: Any) -> float:
    """Return a duration of the service's messages; one that is not set is 0."""
    return float(offset.total_seconds()) if offset else 0.0


def _later(tagged: TaggedWord, by_s: float) -> TaggedWord:
    word = tagged.word
    return TaggedWord(replace(word, start=word.start + by_s, end=word.end + by_s), tagged.voice)


def _spread(result: Result, *, start_s: float, end_s: float) -> list[TaggedWord]:
    """Share the time of a result without word times evenly among its words."""
    texts = result.text.split()
    step = (end_s - start_s) / max(1, len(texts))
    return [
        TaggedWord(Word(start_s + step * place, start_s + step * (place + 1), text, result.confidence), "")
        for place, text in enumerate(texts)
    ]
