"""Say who spoke: tell two voices apart by sound, then name them by what they say.

Rather "unknown" than a wrong name: one voice, voices too alike, or words that fit either role stay unnamed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessions_app.stt import voiceprint
from sessions_app.stt.base import DOCTOR, PATIENT, SAMPLE_RATE, UNKNOWN, Word
from sessions_app.stt.segmenting import phrases

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOP_S = 0.8
_BATCH = 32
# More windows than this add nothing to where the two voices lie.
_SAMPLE_OF = 1_500
_TRIES = 12
_ROUNDS = 25
# The mean directions of two people lie at a cosine of 0.71 at most, halves of one person's speech at 0.9 and more
# (LibriSpeech test-other, both directions of splitting).
SAME_VOICE = 0.80
# Too little of a second voice to believe in a second person.
LEAST_SHARE = 0.03
LEAST_WINDOWS = 3
PHRASE_PAUSE_S = 0.35
# A live segment shorter than this holds too little of a voice to name it.
SHORTEST_LIVE_S = 0.8
KEPT_S = 30.0
LIVE_MEMORY = 400

LEAST_WORDS = 40
MANY_WORDS = 150
CLEAR = 0.15
CLEAR_OVER_MANY_WORDS = 0.03
# The doctor opens 96 of 100 of those dialogues; worth little against the words, enough to settle a tie.
OPENING = 0.05
_SMOOTHING = 12

_WORD = re.compile(r"[a-z']+")
_QUESTION = 1.5
# Log odds of a word in a doctor's turn against a patient's, rounded, for frequent words that differ most in MTS-Dialog,
# ACI-Bench and PriMock57 (CC BY 4.0). Above zero the doctor says it, below zero the patient does.
_CUES = {
    "your": 3, "you": 2, "you're": 2.5, "you've": 3, "you'll": 2, "any": 2, "how": 2, "tell": 2, "what": 1.5,
    "we'll": 3, "let's": 2, "we": 1.5, "okay": 1, "ok": 1, "alright": 1.5, "history": 2, "symptoms": 2,
    "medications": 1.5, "sorry": 1.5, "hear": 1.5, "exam": 2, "questions": 2, "today": 1.5, "ask": 1.5, "which": 1,
    "are": 1, "did": 1, "do": 0.5, "looks": 1.5,
    "my": -2, "i": -0.8, "i've": -2, "am": -1, "yes": -1.5, "no": -1.5, "nope": -3, "yeah": -1, "never": -2.5,
    "not": -1, "don't": -1, "haven't": -1.5, "can't": -1.5, "nothing": -1.5, "guess": -2, "really": -1, "ago": -1,
    "feels": -1.5, "was": -0.5, "but": -0.5, "me": -0.3, "actually": -1, "myself": -2,
}  # fmt: skip


def doctor_likeness(text: str) -> float:
    """Return how much the words sound like the doctor's (above 0) or the patient's (below 0), per word."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    evidence = sum(_CUES.get(word, 0.0) for word in words) + _QUESTION * text.count("?")
    return evidence / (len(words) + _SMOOTHING)


def roles_of(texts: Sequence[str]) -> list[str]:
    """Name each voice by all it said: the doctor, the patient, or unknown for all when it is not clear.

    The voice that spoke first comes first.
    """
    unnamed = [UNKNOWN] * len(texts)
    spoken = sum(len(text.split()) for text in texts)
    if len(texts) != 2 or spoken < LEAST_WORDS:
        return unnamed
    difference = doctor_likeness(texts[0]) - doctor_likeness(texts[1])
    if spoken >= MANY_WORDS:
        difference += OPENING
    if abs(difference) < (CLEAR if spoken < MANY_WORDS else CLEAR_OVER_MANY_WORDS):
        return unnamed
    return [DOCTOR, PATIENT] if difference > 0 else [PATIENT, DOCTOR]


@dataclass(frozen=True, slots=True)
class VoiceWindows:
    """How the voice sounds around each of some moments (seconds), one vector a moment."""

    moments: Sequence[float]
    vectors: NDArray[np.float32]


def listen(stretches: Iterable[tuple[float, NDArray[np.float32]]]) -> VoiceWindows:
    """Describe the voice in stretches of speech, given as (start in seconds, audio)."""
    import numpy as np

    window, hop = int(voiceprint.WINDOW_S * SAMPLE_RATE), int(HOP_S * SAMPLE_RATE)
    pieces, moments = [], []
    for start_s, audio in stretches:
        for first in range(0, max(1, len(audio) - window + 1), hop):
            piece = audio[first : first + window]
            pieces.append(piece)
            moments.append(start_s + (first + len(piece) / 2) / SAMPLE_RATE)
    vectors = [voiceprint.embed(pieces[first : first + _BATCH]) for first in range(0, len(pieces), _BATCH)]
    return VoiceWindows(moments, np.concatenate(vectors) if vectors else voiceprint.embed([]))


class Voices:
    """All that was heard in a recording, to give each of its words a speaker."""

    def __init__(self) -> None:
        self._heard: list[VoiceWindows] = []

    def add(self, windows: VoiceWindows) -> None:
        self._heard.append(windows)

    def attribute(self, words: Sequence[Word]) -> list[tuple[str, list[Word]]]:
        """Return (speaker, words) for each phrase, in order."""
        spoken = phrases(words, pause_s=PHRASE_PAUSE_S)
        labels = self._label(spoken)
        in_order = list(dict.fromkeys(labels))
        said = {voice: " ".join(_text(phrase) for phrase in _of(voice, labels, spoken)) for voice in in_order}
        named = dict(zip(in_order, roles_of(list(said.values())), strict=True))
        return [(named[label], phrase) for label, phrase in zip(labels, spoken, strict=True)]

    def _label(self, spoken: Sequence[Sequence[Word]]) -> list[int]:
        """Return 0 or 1 for each phrase, all 0 when only one voice is heard."""
        import numpy as np

        if not self._heard:
            return [0] * len(spoken)
        likeness = tell_apart(np.concatenate([windows.vectors for windows in self._heard]))
        if likeness is None:
            return [0] * len(spoken)
        moments = np.concatenate([windows.moments for windows in self._heard])
        order = np.argsort(moments)
        moments, likeness = moments[order], likeness[order]
        return [int(_mean_over(phrase, moments, likeness) < 0) for phrase in spoken]


def tell_apart(vectors: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return for each vector how much nearer it is to the first voice than to the second, None for a single voice."""
    import numpy as np

    if len(vectors) < 2 * LEAST_WINDOWS:
        return None
    chosen = vectors[np.linspace(0, len(vectors) - 1, min(len(vectors), _SAMPLE_OF)).astype(int)]
    means = _two_means(chosen)
    if means is None or float(means[0] @ means[1]) > SAME_VOICE:
        return None
    difference = vectors @ means[0] - vectors @ means[1]
    second = int((difference < 0).sum())
    if min(second, len(vectors) - second) < max(LEAST_WINDOWS, LEAST_SHARE * len(vectors)):
        return None
    return np.asarray(difference, np.float32)


def _two_means(vectors: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Run spherical k-means from the two most unlike vectors and from fixed random pairs; the best fit wins."""
    import numpy as np

    random = np.random.default_rng(0)
    farthest = np.unravel_index(int((vectors @ vectors.T).argmin()), (len(vectors), len(vectors)))
    pairs = [list(farthest), *(list(random.choice(len(vectors), 2, replace=False)) for _ in range(_TRIES))]
    best: tuple[float, NDArray[np.float32]] | None = None
    for pair in pairs:
        means = vectors[pair].copy()
        for _ in range(_ROUNDS):
            nearest = (vectors @ means.T).argmax(1)
            if nearest.min() == nearest.max():
                break
            moved = np.stack([vectors[nearest == voice].mean(0) for voice in (0, 1)])
            moved /= np.linalg.norm(moved, axis=1, keepdims=True)
            if np.allclose(moved, means, atol=1e-6):
                break
            means = moved
        nearest = (vectors @ means.T).argmax(1)
        fit = float((vectors @ means.T).max(1).sum())
        if nearest.min() != nearest.max() and (best is None or fit > best[0]):
            best = (fit, means)
    return None if best is None else best[1]


def _mean_over(phrase: Sequence[Word], moments: NDArray[np.float64], likeness: NDArray[np.float32]) -> float:
    """Average the likeness of the windows whose middle lies in the phrase, or of the nearest one."""
    import numpy as np

    first, last = np.searchsorted(moments, [phrase[0].start, phrase[-1].end])
    if last > first:
        return float(likeness[first:last].mean())
    middle = (phrase[0].start + phrase[-1].end) / 2
    return float(likeness[int(np.abs(moments - middle).argmin())])


def _of(voice: int, labels: Sequence[int], spoken: Sequence[list[Word]]) -> Iterable[list[Word]]:
    return (phrase for label, phrase in zip(labels, spoken, strict=True) if label == voice)


def _text(phrase: Sequence[Word]) -> str:
    return " ".join(word.text for word in phrase)


class LiveVoices:
    """Name the speaker of each finished live segment, from what was heard so far."""

    def __init__(self, start_s: float) -> None:
        import numpy as np

        self._recent = np.zeros(0, np.float32)
        self._recent_start = start_s
        self._vectors: list[NDArray[np.float32]] = []
        self._texts: list[str] = []

    def hear(self, audio: NDArray[np.float32]) -> None:
        """Keep the last half minute of the stream."""
        import numpy as np

        self._recent = np.concatenate([self._recent, audio])
        surplus = len(self._recent) - int(KEPT_S * SAMPLE_RATE)
        if surplus > 0:
            self._recent = self._recent[surplus:]
            self._recent_start += surplus / SAMPLE_RATE

    def speaker_of(self, words: Sequence[Word]) -> str:
        """Return the role of the voice that said these words, unknown until both voices are told apart."""
        import numpy as np

        first = max(0, int((words[0].start - self._recent_start) * SAMPLE_RATE))
        last = int((words[-1].end - self._recent_start) * SAMPLE_RATE)
        if last - first < SHORTEST_LIVE_S * SAMPLE_RATE:
            return UNKNOWN
        middle = (first + last) // 2
        half = int(voiceprint.WINDOW_S * SAMPLE_RATE / 2)
        self._vectors.append(voiceprint.embed([self._recent[max(first, middle - half) : min(last, middle + half)]]))
        self._texts.append(_text(words))
        likeness = tell_apart(np.concatenate(self._vectors[-LIVE_MEMORY:]))
        if likeness is None:
            return UNKNOWN
        texts = self._texts[-LIVE_MEMORY:]
        labels = [int(value < 0) for value in likeness]
        in_order = list(dict.fromkeys(labels))
        said = [
            " ".join(text for label, text in zip(labels, texts, strict=True) if label == voice) for voice in in_order
        ]
        return dict(zip(in_order, roles_of(said), strict=True))[labels[-1]]
