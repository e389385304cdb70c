"""Sentence boundaries: by punctuation, and by a small model where a speech engine gave none."""

import re
from functools import cache
from typing import Any
from zlib import crc32

from .weights import load_weights

BUCKETS = 2**15
_LONGEST_WHOLE = 9  # words; a shorter piece is never split by the model
_LONGEST_SENTENCE = 24  # words; beyond it even an unlikely boundary is taken
_SHORTEST_PART = 5
_LEAST_LIKELY_CUT = -3.0  # log odds
_OPENERS = frozenset(("i", "so", "and", "but", "we", "there", "you", "it", "he", "she", "they", "now", "let"))
_END = re.compile(
    r"(?<!\b[Dd]r\.)(?<!\b[MmDd]r \.)(?<!\b[Mm]r\.)(?<!\b[Mm]s\.)(?<!\b[Mm]rs\.)(?<!\b[Mm]s \.)(?<!\b[Mm]rs \.)(?<=[.?!])[\"']?\s+(?=\S)"
)


def _bucket(feature: str) -> int:
    return crc32(feature.encode()) % BUCKETS


def gap_features(words: list[str], place: int, run: int) -> list[int]:
    """Return the feature buckets of the gap after `words[place]`; `run` counts the words since the last boundary."""

    def word(index: int) -> str:
        return words[index] if 0 <= index < len(words) else "_"

    before, here, after, beyond = word(place - 1), word(place), word(place + 1), word(place + 2)
    return [
        _bucket(feature)
        for feature in (
            f"0{here}",
            f"1{after}",
            f"2{here} {after}",
            f"3{before} {here}",
            f"4{after} {beyond}",
            f"5{before} {after}",
            f"6{here} {beyond}",
            f"7{min(run, 12)}",
            f"8{after}{min(run // 3, 5)}",
        )
    ]


@cache
def _model() -> tuple[Any, float]:
    weights = load_weights("boundary")
    return weights["w"].astype("float32"), float(weights["b"])


def is_punctuated(texts: list[str]) -> bool:
    """Say whether the speech engine gave punctuation: at least one end mark in 25 words over the whole transcript."""
    words = sum(len(text.split()) for text in texts)
    marks = sum(len(re.findall(r"[.?!](?=\s|$)", text)) for text in texts)
    return marks * 25 >= words


def split_sentences(text: str, *, threshold: float = -0.3, use_model: bool = True) -> list[str]:
    """Return the sentences of one utterance. The threshold is on the model's log odds; lower splits more."""
    sentences: list[str] = []
    for piece in _END.split(text):
        words = piece.split()
        if not use_model or len(words) <= _LONGEST_WHOLE:
            sentences.append(piece)
            continue
        sentences.extend(_split_by_model(words, threshold))
    return [sentence for sentence in sentences if sentence.strip(" .?!,")]


def _split_by_model(words: list[str], threshold: float) -> list[str]:
    weights, bias = _model()
    lowered = [word.lower().strip(",") for word in words]
    sentences: list[list[str]] = []
    scores: list[list[float]] = []
    current, inside = [words[0]], list[float]()
    run = 0
    for place in range(len(words) - 1):
        run += 1
        score = float(weights[gap_features(lowered, place, run)].sum() + bias)
        if run >= 2 and score > threshold:
            sentences.append(current)
            scores.append(inside)
            current, inside, run = [], [], 0
        else:
            inside.append(score)
        current.append(words[place + 1])
    sentences.append(current)
    scores.append(inside)
    return [
        " ".join(piece) for sentence, gaps in zip(sentences, scores, strict=True) for piece in _cut_long(sentence, gaps)
    ]


def _cut_long(words: list[str], gaps: list[float]) -> list[list[str]]:
    """Cut what is too long for one sentence where a boundary is most likely; `gaps` are the scores between the words."""
    if len(words) <= _LONGEST_SENTENCE:
        return [words]
    inner = range(_SHORTEST_PART - 1, len(words) - _SHORTEST_PART)
    best = max(inner, key=lambda place: gaps[place] + (0.5 if words[place + 1].lower() in _OPENERS else 0.0))
    if gaps[best] < _LEAST_LIKELY_CUT:
        return [words]
    return [*_cut_long(words[: best + 1], gaps[:best]), *_cut_long(words[best + 1 :], gaps[best + 1 :])]
