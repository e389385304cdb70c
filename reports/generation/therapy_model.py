"""Say of each statement of a counselling session what it is, and whether a note rests on it."""

import itertools
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any
from zlib import crc32

from .folded import Folded
from .lexicon import SELF_HARM, SYMPTOM_PATTERNS, names_symptom
from .textnorm import tokens
from .units import Unit
from .weights import load_weights
from .words import word_list

BUCKETS = 2**14
CLINICIAN_LABELS = tuple(
    word_list("open closed scaling reflection affirmation education technique observation impression plan safety chat")
)
CLIENT_LABELS = tuple(
    word_list(
        "problem feeling sleep substance risk past social medication motive doubt goal scale strength response step chat"
    )
)
LABELS = tuple(f"t_{name}" for name in CLINICIAN_LABELS) + tuple(f"c_{name}" for name in CLIENT_LABELS)
KEPT = len(LABELS)  # one column more than labels: whether a note rests on the statement
COLUMNS = len(LABELS) + 1
_LONGEST_CONTEXT = 12  # words of a neighbour that are looked at
_KIN = "wife|husband|mother|mom|mum|father|dad|son|daughter|kids?|children|sister|brother|boyfriend|girlfriend|partner|family|friends?"
_CUES: dict[str, Folded] = {
    name: Folded(pattern)
    for name, pattern in (
        ("want", r"\bi (?:really |just |do )?(?:want|would like|hope|wish|need|have) to\b|\bi want\b"),
        ("could", r"\bi (?:guess i |think i |suppose i )?(?:could|can|might)\b"),
        ("will", r"\bi (?:will|am going to)\b"),
        ("but", r"\bbut\b"),
        ("because", r"\bbecause\b"),
        ("feel", r"\bi (?:feel|felt|am (?:so |really |just |very )?(?:scared|ashamed|angry|sad|tired|afraid|worried))\b"),
        ("used", r"\bi used to\b|\bwhen i was\b|\byears? ago\b|\blast (?:year|spring|summer|winter)\b"),
        ("not", r"\b(?:not|never|no)\b"),
        ("kin", rf"\bmy (?:\w+ )?(?:{_KIN})\b"),
        ("so_you", r"^(?:so |and so |and )?(?:you|your|part of you|it sounds|sounds|on the one)\b"),
        ("rate", r"\b(?:scale|zero to ten|0 to 10|one to ten|1 to 10|to 100)\b"),
        ("number", r"\d"),
        ("meet", r"\b(?:next (?:week|session|time|monday|tuesday|wednesday|thursday|friday)|in \w+ weeks?|see you|meet)\b"),
        ("praise", r"\b(?:great|good job|proud|courage|brave|strong|strength|thank you for|appreciate|impress\w*|well done)\b"),
        ("share", r"\b(?:may i|can i|is it (?:ok|okay|all right)|would it be (?:ok|okay|all right)|would you like|if you like)\b"),
        ("teach", r"\b(?:people|research|studies|body|brain|common|normal|risk|recommended|most|many)\b"),
        ("realize", r"\bi (?:did not know|never thought|had not (?:thought|noticed)|see|realize|guess)\b|\bmakes sense\b|\bexactly\b"),
    )
}  # fmt: skip


@lru_cache(maxsize=32768)
def _bucket(feature: str) -> tuple[int, float]:
    code = crc32(feature.encode())
    return code % BUCKETS, 1.0 if code & 0x80000000 else -1.0


def unit_features(units: Sequence[Unit], words: Sequence[Sequence[str]], index: int) -> dict[int, float]:
    """Return the hashed features of one unit, scaled to length 1; `words` are the tokens of every unit."""
    unit, own = units[index], words[index]
    role = "t" if unit.role == "doctor" else "c"
    features = {f"{role}role", f"{role}asks{unit.is_question}", f"{role}turn{unit.is_turn_start}"}
    features.update(f"{role}{word}" for word in own)
    features.update(f"{role}{first}_{second}" for first, second in itertools.pairwise(own))
    features.add(f"{role}starts_{'_'.join(own[:2])}")
    features.update(f"q{word}" for word in tokens(unit.question)[:_LONGEST_CONTEXT])
    for offset, name in ((-1, "before"), (1, "after")):
        if 0 <= index + offset < len(units):
            features.update(f"{role}{name}{word}" for word in words[index + offset][:_LONGEST_CONTEXT])
    features.add(f"{role}length{min(8, len(own) // 3)}")
    features.add(f"{role}place{int(unit.position * 5)}")
    features.update(f"{role}cue_{name}" for name, pattern in _CUES.items() if pattern.search(unit.text))
    if SELF_HARM.search(unit.text) or SELF_HARM.search(unit.question):
        features.add(f"{role}selfharm")
    if names_symptom(unit.text):
        named = (name for name, pattern in SYMPTOM_PATTERNS.items() if pattern.search(unit.text))
        features.update(f"{role}symptom{name}" for name in named)
    values: dict[int, float] = {}
    for feature in features:
        bucket, sign = _bucket(feature)
        values[bucket] = values.get(bucket, 0.0) + sign
    norm = sum(value * value for value in values.values()) ** 0.5 or 1.0
    return {bucket: value / norm for bucket, value in values.items() if value}


@cache
def _model() -> tuple[Any, Any]:
    weights = load_weights("therapy")
    return weights["w"].astype("float32"), weights["b"].astype("float32")


def scores_of(units: Sequence[Unit]) -> Any:
    """Return an array of shape (units, columns) of log odds: the labels, then KEPT."""
    import numpy

    weights, bias = _model()
    words = [tokens(unit.text) for unit in units]
    scores = numpy.zeros((len(units), COLUMNS), dtype="float32")
    for index in range(len(units)):
        values = unit_features(units, words, index)
        buckets = numpy.fromiter(values.keys(), dtype="int64", count=len(values))
        amounts = numpy.fromiter(values.values(), dtype="float32", count=len(values))
        scores[index] = amounts @ weights[buckets] + bias
    return scores
