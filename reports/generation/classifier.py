"""Say what each unit is about: one of thirteen classes, by hashed words and a linear model."""

import itertools
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any
from zlib import crc32

from sessions_app.transcripts.clinical_terms import DRUGS

from .lexicon import SYMPTOM_PATTERNS, names_symptom
from .textnorm import tokens
from .units import Unit
from .weights import load_weights

BUCKETS = 2**16
NONE = "none"
CLASSES = (
    NONE,
    "cc",
    "hpi",
    "ros",
    "pmh",
    "social",
    "meds",
    "allergy",
    "vitals",
    "exam",
    "results",
    "assessment",
    "plan",
)
_DIGIT = re.compile(r"\d")
_NEIGHBOURS = ((-1, "p"), (-2, "p"), (1, "n"), (2, "n"))
_NEIGHBOUR_WORDS = 25
_BATCH = 256  # units read at once; more take memory, fewer take time


@lru_cache(maxsize=8192)
def _code(feature: str) -> int:
    return crc32(feature.encode())


def _word_code(name: str) -> Callable[[str], int]:
    """Return what codes a word by what it is to a unit: its own (also by role), asked, said before, said after."""
    return lru_cache(maxsize=4096)(lambda word: crc32(f"{name}{word}".encode()))


_WORD_CODES = {name: _word_code(name) for name in ("w", "dw", "pw", "q", "p", "n")}


@lru_cache(maxsize=512)
def _asked(question: str) -> frozenset[int]:
    """Return the codes of a question, which often has several answers."""
    codes = set(map(_WORD_CODES["q"], tokens(question)))
    if names_symptom(question):
        codes.add(_code("qsym"))
    return frozenset(codes)


def unit_features(units: Sequence[Unit], words: Sequence[tuple[str, ...]], index: int) -> set[int]:
    """Return the codes of the features of one unit; `words` are the tokens of every unit."""
    unit, own = units[index], words[index]
    role = "d" if unit.role == "doctor" else "p"
    features = {f"r{role}", f"rq{role}{unit.is_question}"}
    features.add(f"len{min(6, len(own) // 3)}")
    features.add(f"pos{int(unit.position * 10)}")
    features.add(f"posr{int(unit.position * 5)}{role}")
    if _DIGIT.search(unit.text):
        features.add("num")
    if unit.says_yes:
        features.add("yes")
    if unit.says_no:
        features.add("no")
    if names_symptom(unit.text):
        named = [name for name, pattern in SYMPTOM_PATTERNS.items() if pattern.search(unit.text)]
        features.update(("sym", *(f"sym{role}{name}" for name in named)))
    if not DRUGS.isdisjoint(own):
        features.update(("drug", f"drug{role}"))
    codes = set(map(_code, features))
    codes.update(map(_WORD_CODES["w"], own))
    codes.update(map(_WORD_CODES[f"{role}w"], own))
    codes.update([crc32(f"b{first}_{second}".encode()) for first, second in itertools.pairwise(own)])
    if unit.question:
        codes |= _asked(unit.question)
    for offset, name in _NEIGHBOURS:
        if 0 <= index + offset < len(units):
            codes.update(map(_WORD_CODES[name], words[index + offset][:_NEIGHBOUR_WORDS]))
    return codes


def _bucket_values(codes: set[int]) -> dict[int, float]:
    values: dict[int, float] = {}
    for code in codes:
        bucket = code % BUCKETS
        values[bucket] = values.get(bucket, 0.0) + (1.0 if code & 0x80000000 else -1.0)
    return values


def hash_features(codes: set[int]) -> dict[int, float]:
    """Return bucket to value, scaled to length 1."""
    values = _bucket_values(codes)
    length = _length(codes)
    return {bucket: value / length for bucket, value in values.items() if value}


def _length(codes: set[int]) -> float:
    """Return the length of the vector `hash_features` scales to 1; features rarely share a bucket."""
    if len({code % BUCKETS for code in codes}) == len(codes):
        return float(len(codes) ** 0.5)
    return sum(value * value for value in _bucket_values(codes).values()) ** 0.5 or 1.0


@cache
def _model() -> tuple[Any, Any]:
    weights = load_weights("units")
    return weights["w"].astype("float32"), weights["b"].astype("float32")


def classify(units: Sequence[Unit]) -> Any:
    """Return an array of shape (units, classes) of probabilities, in the order of CLASSES."""
    import numpy

    weights, bias = _model()
    words = [tokens(unit.text) for unit in units]
    scores = numpy.zeros((len(units), len(CLASSES)), dtype="float32")
    for first in range(0, len(units), _BATCH):
        features = [unit_features(units, words, index) for index in range(first, min(first + _BATCH, len(units)))]
        counts = numpy.array([len(codes) for codes in features])
        codes = numpy.fromiter(itertools.chain.from_iterable(features), dtype="int64", count=int(counts.sum()))
        signed = weights[codes % BUCKETS] * numpy.where(codes & 0x80000000, 1.0, -1.0).astype("float32")[:, None]
        sums = numpy.add.reduceat(signed, numpy.cumsum(counts) - counts)
        lengths = numpy.array([_length(one) for one in features], dtype="float32")
        scores[first : first + _BATCH] = sums / lengths[:, None] + bias
    exponents = numpy.exp(scores - scores.max(axis=1, keepdims=True)) if len(units) else scores
    return exponents / exponents.sum(axis=1, keepdims=True) if len(units) else scores
