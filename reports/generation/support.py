"""How likely a sentence is not supported by its cited segments: sixteen figures and a logistic regression."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from math import exp

from sessions_app.transcripts.clinical_terms import DRUGS, drug_name

from .frames import without_frame
from .lexicon import BODY_PARTS, DIAGNOSES, SIDES, TESTS
from .textnorm import STOPWORDS, clean, numbers_in, stem, tokens
from .transcript_index import (
    FRAME_WORDS,
    IndexedUnit,
    TranscriptIndex,
    WordSet,
    spoken_numbers,
    word_polarity,
    word_weight,
)
from .weights import load_weights

_ENTITIES = frozenset(stem(word) for word in (*DRUGS, *DIAGNOSES, *SIDES, *BODY_PARTS, *TESTS)) | {
    "suicidal",
    "homicidal",
}
_WINDOW = 3  # units
_LONGEST_BARE_ANSWER = 8  # words


@dataclass(frozen=True, slots=True)
class Figures:
    """What is measured of one sentence; `missing` are its telling words nobody said near the cited segments."""

    values: tuple[float, ...]
    polarity_clash: float
    clashing: tuple[str, ...]
    coverage: float
    missing: tuple[str, ...]
    statements: tuple[str, ...]  # the cited units that state something, questions and bare answers left out
    stated: str  # all that is said in the cited units but the questions
    speakers: frozenset[str]  # who speaks in the cited units: doctor, patient or companion


def measure(text: str, evidence: Collection[int], index: TranscriptIndex) -> Figures:
    """Return the figures of a sentence against its cited segments and the whole transcript."""
    # The fillers of a cited place ("basically") are said there, though its units are read without them.
    heard = index.cited_text(evidence)
    plain = without_frame(clean(text, drop_fillers=False), heard)
    forms = {stem(word): word for word in tokens(plain) if word not in STOPWORDS}
    words = [word for word in forms if word not in FRAME_WORDS and not word.isdigit()]
    weights = {word: word_weight(word) for word in words}
    total = sum(weights.values()) or 1e-6
    near = index.around(evidence)
    cited = [indexed for indexed in near if indexed.unit.segment_id in evidence]
    near_words = WordSet.of_texts((*(indexed.text for indexed in near), heard))
    cited_words = WordSet.of_texts((*(indexed.text for indexed in cited), heard))
    covered_near = {word for word in words if near_words.covers(word)}
    covered = {word for word in words if word in covered_near or index.words.covers(word)}
    missing = [word for word in words if word not in covered_near]
    entities = [stem(drug_name(word)) for word in words if word in _ENTITIES]
    numbers = numbers_in(plain)
    cited_numbers = frozenset[str]().union(*(spoken_numbers(indexed.text) for indexed in near if numbers))
    clash, clashing = _polarity_clash(plain, cited)
    coverage = sum(weights[word] for word in covered_near) / total
    values = (
        1 - coverage,
        1 - sum(weights[word] for word in words if cited_words.covers(word)) / total,
        1 - sum(weights[word] for word in covered) / total,
        1 - _best_window(weights, index) / total,
        max((weights[word] for word in missing), default=0.0),
        float(len(missing)),
        max((weights[word] for word in words if word not in covered), default=0.0),
        float(len(words) - len(covered)),
        float(sum(not near_words.covers(word) for word in entities)),
        float(sum(not index.words.covers(word) for word in entities)),
        float(len(numbers - cited_numbers)),
        float(len(numbers - index.numbers)),
        clash,
        1.0 if clash > 0.5 else 0.0,
        0.0 if words else 1.0,
        len(words) / 10,
    )
    return Figures(
        values,
        clash,
        tuple(forms[word] for word in clashing),
        coverage,
        tuple(forms[word] for word in missing),
        _statements(cited),
        " ".join(indexed.unit.text for indexed in cited if not indexed.unit.is_question),
        frozenset(indexed.unit.role for indexed in cited),
    )


def _statements(cited: list[IndexedUnit]) -> tuple[str, ...]:
    """Return what was stated in the cited units; nothing when one is a bare yes or no, which turns the words before it."""
    units = [indexed.unit for indexed in cited]
    if any(
        unit.question and (unit.says_yes or unit.says_no) and len(unit.text.split()) <= _LONGEST_BARE_ANSWER
        for unit in units
    ):
        return ()
    return tuple(unit.text for unit in units if not unit.is_question)


def _polarity_clash(plain: str, cited: list[IndexedUnit]) -> tuple[float, list[str]]:
    """Return the share, by weight, of the words said in the cited units that the sentence turns around."""
    said: dict[str, set[bool]] = defaultdict(set)
    for indexed in cited:
        for word, negated in indexed.polarity.items():
            said[word].add(negated)
    matched, clashing = 0.0, []
    weight = 0.0
    for word, negated in word_polarity(plain).items():
        if word not in said or word in FRAME_WORDS:
            continue
        matched += word_weight(word)
        if negated not in said[word]:
            clashing.append(word)
            weight += word_weight(word)
    return (weight / matched if matched else 0.0), clashing


def _best_window(weights: dict[str, float], index: TranscriptIndex) -> float:
    """Return the largest weight of the sentence's words said within three units that follow each other."""
    import numpy

    scores = numpy.zeros(len(index.units) + _WINDOW)
    for word, weight in weights.items():
        scores[index.windows_with(word, _WINDOW)] += weight
    return float(scores.max())


@cache
def _model() -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...], float]:
    arrays = load_weights("guard")
    return (
        tuple(map(float, arrays["mean"])),
        tuple(map(float, arrays["scale"])),
        tuple(map(float, arrays["w"])),
        float(arrays["b"]),
    )


def risk(figures: Figures) -> float:
    """Return the probability, 0 to 1, that the sentence is not supported."""
    mean, scale, weights, bias = _model()
    score = bias + sum(
        weight * (value - centre) / width
        for weight, value, centre, width in zip(weights, figures.values, mean, scale, strict=True)
    )
    return 1 / (1 + exp(-max(-30.0, min(30.0, score))))
