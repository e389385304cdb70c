"""Say who spoke: hear how each stretch of speech sounds, tell the voices apart, give each word to one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from sessions_app.stt import voiceprint
from sessions_app.stt.agreement import ends_sentence
from sessions_app.stt.base import SAMPLE_RATE, Segment, Word
from sessions_app.stt.clustering import find_voices, unit
from sessions_app.stt.roles import roles_by_profile, roles_of
from sessions_app.stt.segmenting import phrases, utterances

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOP_S = 0.4
_BATCH = 32
# A long stretch is cut into pieces of about this length: a turn may begin in it without a pause.
PIECE_S = 2.4
PHRASE_PAUSE_S = 0.35

# How far from its middle a word still hears a window (standard deviation, s).
REACH_S = 0.3
# The voice changes between two words only when the sound says so: how much likeness, in seconds of speech, a change
# costs within a phrase, at a short pause, and where a phrase ends.
CHANGE = 0.15
CHANGE_AT_PAUSE = 0.075
CHANGE_AT_END = 0.0225
SHORT_PAUSE_S = 0.15
_SHORTEST_WORD_S, _LONGEST_WORD_S = 0.1, 0.8


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech without a pause: its length in seconds, the middle of each window in it, and how each sounds."""

    seconds: float
    moments: Sequence[float]
    vectors: NDArray[np.float32]


def listen(stretches: Iterable[tuple[float, NDArray[np.float32]]]) -> list[Stretch]:
    """Describe the voice in stretches of speech, given as (start in seconds, audio)."""
    import numpy as np

    window = int(voiceprint.WINDOW_S * SAMPLE_RATE)
    pieces: list[NDArray[np.float32]] = []
    found: list[tuple[float, list[float]]] = []
    for start_s, audio in stretches:
        surplus = max(0, len(audio) - window)
        places = np.linspace(0, surplus, 1 + round(surplus / (HOP_S * SAMPLE_RATE))).astype(int)
        pieces += [audio[first : first + window] for first in places]
        half = min(window, len(audio)) / 2
        found.append((len(audio) / SAMPLE_RATE, [start_s + (int(first) + half) / SAMPLE_RATE for first in places]))
    vectors = [voiceprint.embed(pieces[first : first + _BATCH]) for first in range(0, len(pieces), _BATCH)]
    every = np.concatenate(vectors) if vectors else voiceprint.embed([])
    ends = np.cumsum([len(moments) for _, moments in found])
    return (
        [
            Stretch(seconds, moments, own)
            for (seconds, moments), own in zip(found, np.split(every, ends[:-1]), strict=True)
        ]
        if found
        else []
    )


class Voices:
    """All that was heard in a recording, to give each of its words a speaker.

    `doctor_voice` is the doctor's voice profile, or empty.
    """

    def __init__(self, *, doctor_voice: Sequence[float] = ()) -> None:
        self._doctor_voice = doctor_voice
        self._heard: list[Stretch] = []

    def add(self, stretches: Iterable[Stretch]) -> None:
        self._heard += stretches

    def attribute(self, words: Sequence[Word]) -> list[Segment]:
        """Return the words as utterances, each with its voice's number and its speaker.

        Voices count from 1 in the order of their first words.
        """
        if not words:
            return []
        means = tell_apart(self._heard)
        labels = _follow(words, self._heard, means)
        in_order = list(dict.fromkeys(labels))
        numbers = {label: number for number, label in enumerate(in_order, start=1)}
        roles = roles_by_profile(means[in_order], self._doctor_voice) if self._doctor_voice and len(means) else None
        roles = roles or roles_of([_said_by(label, labels, words) for label in in_order])
        spoken = [(str(numbers[label]), run) for label, run in _runs(words, labels)]
        return [
            replace(segment, speaker=roles[int(segment.speaker) - 1], voice=int(segment.speaker))
            for segment in utterances(spoken)
        ]


def tell_apart(heard: Sequence[Stretch]) -> NDArray[np.float32]:
    """Return the mean direction of each voice, a unit vector each; none when nothing was heard."""
    import numpy as np

    vectors, seconds = [], []
    for stretch in heard:
        parts = max(1, round(len(stretch.vectors) * HOP_S / PIECE_S))
        for part in np.array_split(stretch.vectors, parts):
            vectors.append(part.mean(0))
            seconds.append(stretch.seconds / parts)
    if not vectors:
        return voiceprint.embed([])
    return find_voices(unit(np.stack(vectors)), np.array(seconds))


def _follow(words: Sequence[Word], heard: Sequence[Stretch], voices: NDArray[np.float32]) -> list[int]:
    """Return the most likely voice of each word (Viterbi): near in sound, and changing where phrases end."""
    import numpy as np

    if len(voices) < 2:
        return [0] * len(words)
    moments = np.concatenate([stretch.moments for stretch in heard])
    likeness = np.concatenate([stretch.vectors for stretch in heard]) @ voices.T
    order = np.argsort(moments, kind="stable")
    moments, likeness = moments[order], likeness[order]
    score = np.zeros(len(voices))
    came_from: list[NDArray[np.intp]] = []
    every = np.arange(len(voices))
    for before, word in pairwise([words[0], *words]):
        changed = score.max() - _cost_of_change(before, word)
        came_from.append(np.where(score >= changed, every, score.argmax()))
        score = np.maximum(score, changed)
        weight = min(_LONGEST_WORD_S, max(_SHORTEST_WORD_S, word.end - word.start))
        score = score + weight * _heard_at(word.middle, moments, likeness)
    labels = [int(score.argmax())]
    for previous in reversed(came_from[1:]):
        labels.append(int(previous[labels[-1]]))
    return labels[::-1]


def _cost_of_change(before: Word, word: Word) -> float:
    pause = word.start - before.end
    if ends_sentence(before) or pause >= PHRASE_PAUSE_S:
        return CHANGE_AT_END
    return CHANGE_AT_PAUSE if pause >= SHORT_PAUSE_S else CHANGE


def _heard_at(moment: float, moments: NDArray[np.float64], likeness: NDArray[np.float32]) -> NDArray[np.float64]:
    """Average the likeness of the windows around a moment, or take the nearest one."""
    import numpy as np

    first, last = np.searchsorted(moments, [moment - 4 * REACH_S, moment + 4 * REACH_S])
    if first == last:
        nearest = int(np.abs(moments - moment).argmin())
        return np.asarray(likeness[nearest], np.float64)
    weights = np.exp(-0.5 * ((moments[first:last] - moment) / REACH_S) ** 2)
    return np.asarray(weights @ likeness[first:last] / weights.sum(), np.float64)


def _runs(words: Sequence[Word], labels: Sequence[int]) -> Iterable[tuple[int, list[Word]]]:
    """Cut the words where the voice changes and where phrases end."""
    place = 0
    for phrase in phrases(words, pause_s=PHRASE_PAUSE_S):
        own = labels[place : place + len(phrase)]
        place += len(phrase)
        for label, run in groupby(zip(own, phrase, strict=True), key=lambda pair: pair[0]):
            yield label, [word for _, word in run]


def _said_by(label: int, labels: Sequence[int], words: Sequence[Word]) -> str:
    return " ".join(word.text for own, word in zip(labels, words, strict=True) if own == label)
