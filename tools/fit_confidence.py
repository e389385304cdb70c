#!/usr/bin/env python
"""Fit the table that turns the embedded engine's keep score into the share of such sentences a note holds.

    python tools/fit_confidence.py DATA_FOLDER

Fits by isotonic regression on the visits of aci_bench_train.json (CC BY 4.0), each half scored by weights trained on the
other one, since weights are too sure of what they were trained on. Prints the table for `reports/generation/calibration.py`
and the expected calibration error on aci_bench_valid.json before and after. A sentence counts as held when the words it
comes from align with a sentence of the reference note. To be run again whenever the weights of `units` are trained anew.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from reports.generation import classifier, facts
from reports.generation.calibration import calibrated, expected_error
from reports.generation.classifier import NONE
from reports.generation.facts import facts_of
from reports.generation.grammar import person_for
from reports.generation.textnorm import content_words
from reports.generation.units import make_units
from tools.train_report_model import (
    MTS_WEIGHT,
    Idf,
    Rows,
    _aligned_rows,
    _excerpt_rows,
    align,
    fit_softmax,
    inverse_frequencies,
    segments_of,
)

Pair = tuple[float, bool]  # score of a drafted sentence, and whether the note holds it
_BLOCKS = 10  # points of the table


def pairs_of(visits: Sequence[dict[str, Any]], idf: Idf) -> list[Pair]:
    """Return score and truth of every sentence the engine takes from the visits."""
    pairs = []
    for visit in visits:
        segments = segments_of(visit["segments"])
        labels = align(make_units(segments), visit["note"], idf)
        person = person_for(visit.get("meta", {}).get("patient_gender", ""))
        pairs += [(fact.score, labels[fact.index] != NONE) for fact in facts_of(segments, person)]
    return pairs


def cross_scored(visits: Sequence[dict[str, Any]], excerpts: Sequence[dict[str, Any]], idf: Idf) -> list[Pair]:
    """Return the pairs of the visits, each half scored by weights that never saw it."""
    pairs: list[Pair] = []
    shipped = classifier._model
    for half in (0, 1):
        trained_on = [visit for place, visit in enumerate(visits) if place % 2 != half]
        weights = _weights_of(trained_on, excerpts, idf)
        classifier._model = lambda weights=weights: weights  # type: ignore[assignment, misc]
        facts._smoothed_of.cache_clear()
        pairs += pairs_of([visit for place, visit in enumerate(visits) if place % 2 == half], idf)
    classifier._model = shipped
    facts._smoothed_of.cache_clear()
    return pairs


def _weights_of(visits: Sequence[dict[str, Any]], excerpts: Sequence[dict[str, Any]], idf: Idf) -> tuple[Any, Any]:
    rows, labels = _aligned_rows(list(visits), idf)
    importance = [1.0] * len(rows)
    for excerpt in excerpts:
        more_rows, more_labels = _excerpt_rows(excerpt)
        rows, labels = rows + more_rows, labels + more_labels
        importance += [MTS_WEIGHT] * len(more_rows)
    order = {name: place for place, name in enumerate(classifier.CLASSES)}
    target = np.array([order[label] for label in labels])
    matrix, bias = fit_softmax(Rows(rows), target, np.array(importance), classifier.BUCKETS, len(order), 8.0, 150)
    return matrix.astype("float32"), bias.astype("float32")


def isotonic(pairs: Sequence[Pair]) -> list[tuple[float, float]]:
    """Return the mean score and the rising share of `_BLOCKS` equal blocks, pooled where they fall (PAV)."""
    ordered = sorted(pairs)
    size = max(1, len(ordered) // _BLOCKS)
    blocks = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    pools: list[list[Pair]] = []
    for block in blocks:
        pools.append(list(block))
        while len(pools) > 1 and _share(pools[-2]) >= _share(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    return [(sum(score for score, _ in pool) / len(pool), _share(pool)) for pool in pools]


def _share(pool: Sequence[Pair]) -> float:
    return sum(truth for _, truth in pool) / len(pool)


def main() -> None:
    folder = Path(sys.argv[1])
    train, valid = (
        json.loads((folder / f"aci_bench_{part}.json").read_text(encoding="utf-8")) for part in ("train", "valid")
    )
    excerpts = json.loads((folder / "mts_dialog_train.json").read_text(encoding="utf-8"))
    weights, unseen = inverse_frequencies(
        [content_words(one["dialogue"]) + content_words(one["note"]) for one in train]
    )

    def idf(word: str) -> float:
        return weights.get(word, unseen)

    table = isotonic(cross_scored(train, excerpts, idf))
    print("\n".join(f"    ({score:.3f}, {share:.3f})," for score, share in table))
    held_out = pairs_of(valid, idf)
    print(f"valid, n {len(held_out)}: as scored {expected_error(held_out):.3f}")
    print(f"with the shipped table {expected_error([(calibrated(score), truth) for score, truth in held_out]):.3f}")
    fresh = [(calibrated(score, tuple(table)), truth) for score, truth in held_out]
    print(f"with the table above {expected_error(fresh):.3f}")


if __name__ == "__main__":
    main()
