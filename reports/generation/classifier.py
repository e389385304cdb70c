"""Say what each unit is about: one of thirteen classes, by hashed words and a linear model."""

import itertools
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any
from zlib import crc32

from sessions_app.clinical_terms import DRUGS

from .lexicon import SYMPTOM_PATTERNS
from .textnorm import tokens
from .units import NO, YES, Unit
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
_NEIGHBOURS = ((-1, "p"), (-2, "p"), (1, "n"), (2, "n"))
_NEIGHBOUR_WORDS = 25


@lru_cache(maxsize=65536)
def _bucket(feature: str) -> tuple[int, float]:
    code = crc32(feature.encode())
    return code % BUCKETS, 1.0 if code & 0x80000000 else -1.0


def unit_features(units: Sequence[Unit], words: list[list[str]], index: int) -> set[str]:
    """Return the feature names of one unit; `words` are the tokens of every unit."""
    unit, own = units[index], words[index]
    role = "d" if unit.role == "doctor" else "p"
    features = {f"r{role}", f"rq{role}{unit.is_question}"}
    for word in own:
        features.add(f"w{word}")
        features.add(f"{role}w{word}")
    features.update(f"b{first}_{second}" for first, second in itertools.pairwise(own))
    if unit.question:
        features.update(f"q{word}" for word in tokens(unit.question))
    for offset, name in _NEIGHBOURS:
        if 0 <= index + offset < len(units):
            features.update(f"{name}{word}" for word in words[index + offset][:_NEIGHBOUR_WORDS])
    features.add(f"len{min(6, len(own) // 3)}")
    features.add(f"pos{int(unit.position * 10)}")
    features.add(f"posr{int(unit.position * 5)}{role}")
    if re.search(r"\d", unit.text):
        features.add("num")
    if YES.match(unit.raw):
        features.add("yes")
    if NO.match(unit.raw):
        features.add("no")
    for name, pattern in SYMPTOM_PATTERNS.items():
        if pattern.search(unit.text):
            features.update(("sym", f"sym{role}{name}"))
        if unit.question and pattern.search(unit.question):
            features.add("qsym")
    if any(word in DRUGS for word in own):
        features.update(("drug", f"drug{role}"))
    return features


def hash_features(features: set[str]) -> dict[int, float]:
    """Return bucket to value, scaled to length 1."""
    values: dict[int, float] = {}
    for feature in features:
        bucket, sign = _bucket(feature)
        values[bucket] = values.get(bucket, 0.0) + sign
    norm = sum(value * value for value in values.values()) ** 0.5 or 1.0
    return {bucket: value / norm for bucket, value in values.items() if value}


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
    for index in range(len(units)):
        values = hash_features(unit_features(units, words, index))
        buckets = numpy.fromiter(values.keys(), dtype="int64", count=len(values))
        amounts = numpy.fromiter(values.values(), dtype="float32", count=len(values))
        scores[index] = amounts @ weights[buckets] + bias
    exponents = numpy.exp(scores - scores.max(axis=1, keepdims=True)) if len(units) else scores
    return exponents / exponents.sum(axis=1, keepdims=True) if len(units) else scores
