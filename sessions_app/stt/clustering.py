"""Find how many people speak from how stretches of speech sound, and how each of them sounds.

Agglomerative clustering from below, k-means after each step, a merge of voices that lie too close together, and a second
look at each voice: two people who sound alike are one group with two centres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_VOICES = 6
# Stretches of one person lie at a mean cosine of 0.75 and more, of two people at 0.66 and less (bench/speakers.py).
SAME_STRETCH = 0.70
# The mean directions of two people lie at 0.81 at most, halves of one person's speech at 0.91 and more. Two women on one
# telephone line lie at 0.87: they stay one voice without a name rather than risk that one person becomes two.
SAME_VOICE = 0.86
# How far one stretch lies from its voice, as a share of squared length: fewer stretches, less certain a mean.
SPREAD = 0.5
# The share of a voice's scatter that two halves of it explain: 0.16 and 1.7 for each stretch at most in recordings of one
# person, 0.21 and more in long ones of two (bench/speakers.py).
EXPLAINED = 0.18
EXPLAINED_BY_CHANCE = 1.7
FEWEST_STRETCHES = 12
LEAST_OF_HALVES = 0.2
# Too little of a voice to believe in another person.
LEAST_SHARE = 0.02
LEAST_S = 3.0
# A stretch shorter than this says too little to found a voice.
SHORTEST_S = 0.8
# More stretches than this add nothing to where the voices lie; about 40 minutes of talk.
SAMPLE_OF = 1_000
_ROUNDS = 10


def find_voices(vectors: NDArray[np.float32], seconds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return one unit vector for each person heard, at most six.

    `vectors` holds a unit vector for each stretch of speech, `seconds` its length.
    """
    import numpy as np

    chosen = np.flatnonzero(seconds >= SHORTEST_S)
    if not len(chosen):
        chosen = np.arange(len(vectors))
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), SAMPLE_OF)).astype(int)]
    vectors, weights = vectors[chosen], seconds[chosen]
    labels = _merged(vectors, weights, _agglomerate(vectors, weights))
    while labels.max() + 1 < MOST_VOICES:
        divided = _divided(vectors, weights, labels)
        if divided is None:
            break
        settled = _settle(vectors, weights, divided)
        if settled.max() <= labels.max():
            break
        labels = settled
    return _means(vectors, weights, labels)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors of length 1 in the same directions."""
    import numpy as np

    return np.asarray(vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9), np.float32)


def _agglomerate(vectors: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Join the two nearest groups, by the mean cosine of their members, until none are near."""
    import numpy as np

    labels = np.arange(len(vectors))
    likeness = (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(likeness, -np.inf)
    size = weights.copy()
    best = likeness.argmax(1)
    for _ in range(len(vectors) - 1):
        near = likeness[np.arange(len(vectors)), best]
        one = int(near.argmax())
        other = int(best[one])
        if near[one] < SAME_STRETCH:
            break
        joined = (size[one] * likeness[one] + size[other] * likeness[other]) / (size[one] + size[other])
        joined[one] = -np.inf
        likeness[one], likeness[:, one] = joined, joined
        likeness[other], likeness[:, other] = -np.inf, -np.inf
        size[one] += size[other]
        labels[labels == other] = one
        stale = np.flatnonzero((best == one) | (best == other))
        best[stale] = likeness[stale].argmax(1)
        best[one] = likeness[one].argmax()
        closer = joined > likeness[np.arange(len(vectors)), best]
        best[closer] = one
    return labels


def _merged(vectors: NDArray[np.float32], weights: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Drop voices that say too little and join the nearest two until all lie apart; labels count from 0."""
    import numpy as np

    while True:
        labels = _settle(vectors, weights, labels)
        voices = _means(vectors, weights, labels)
        if len(voices) == 1:
            return labels
        spoken = np.bincount(labels, weights)
        least = int(spoken.argmin())
        if spoken[least] < max(LEAST_S, LEAST_SHARE * spoken.sum()):
            labels = _without(least, vectors, voices)
            continue
        (one, other), cosine = _nearest_pair(voices, np.bincount(labels))
        if cosine < SAME_VOICE and len(voices) <= MOST_VOICES:
            return labels
        labels = np.where(labels == other, one, labels)


def _divided(
    vectors: NDArray[np.float32], weights: NDArray[np.float64], labels: NDArray[np.intp]
) -> NDArray[np.intp] | None:
    """Give half of a voice that is two people's a label of its own, or return nothing when each is one person's."""
    import numpy as np

    for voice in range(labels.max() + 1):
        own = np.flatnonzero(labels == voice)
        if len(own) < FEWEST_STRETCHES:
            continue
        halves = _halves(vectors[own], weights[own])
        spoken = np.bincount(halves, weights[own])
        if len(spoken) < 2 or spoken.min() < max(LEAST_S, LEAST_OF_HALVES * spoken.sum()):
            continue
        means = _means(vectors[own], weights[own], halves)
        needed = EXPLAINED + EXPLAINED_BY_CHANCE / len(own)
        if means[0] @ means[1] < SAME_VOICE and _explained(vectors[own], weights[own], halves) > needed:
            divided = labels.copy()
            divided[own[halves == 1]] = labels.max() + 1
            return divided
    return None


def _halves(vectors: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Cut a voice across its longest direction and let k-means settle the cut."""
    import numpy as np

    centred = vectors - np.average(vectors, axis=0, weights=weights)
    longest = np.linalg.svd(centred, full_matrices=False)[2][0]
    return _settle(vectors, weights, (centred @ longest > 0).astype(np.intp))


def _explained(vectors: NDArray[np.float32], weights: NDArray[np.float64], halves: NDArray[np.intp]) -> float:
    """Return which share of the distance to one mean is gone with a mean for each half."""
    import numpy as np

    whole = _means(vectors, weights, np.zeros(len(vectors), np.intp))[0]
    alone = 1 - np.average(vectors @ whole, weights=weights)
    split = 1 - np.average((vectors * _means(vectors, weights, halves)[halves]).sum(1), weights=weights)
    return float(1 - split / max(alone, 1e-9))


def _settle(vectors: NDArray[np.float32], weights: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Give each stretch to the nearest mean until nothing moves (spherical k-means); labels count from 0."""
    import numpy as np

    labels = np.unique(labels, return_inverse=True)[1]
    for _ in range(_ROUNDS):
        nearest = (vectors @ _means(vectors, weights, labels).T).argmax(1)
        moved = np.unique(nearest, return_inverse=True)[1]
        if np.array_equal(moved, labels):
            break
        labels = moved
    return labels


def _without(voice: int, vectors: NDArray[np.float32], voices: NDArray[np.float32]) -> NDArray[np.intp]:
    import numpy as np

    kept = np.delete(np.arange(len(voices)), voice)
    return np.asarray(kept[(vectors @ voices[kept].T).argmax(1)], np.intp)


def _means(vectors: NDArray[np.float32], weights: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.float32]:
    import numpy as np

    sums = np.zeros((labels.max() + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, labels, vectors * weights[:, None].astype(np.float32))
    return unit(sums)


def _nearest_pair(voices: NDArray[np.float32], stretches: NDArray[np.intp]) -> tuple[tuple[int, int], float]:
    """Return the two voices that lie closest together, and the cosine that their true directions would have."""
    import numpy as np

    certainty = 1 / np.sqrt(1 + SPREAD / stretches)
    cosine = (voices @ voices.T) / np.outer(certainty, certainty)
    np.fill_diagonal(cosine, -np.inf)
    one, other = np.unravel_index(int(cosine.argmax()), cosine.shape)
    return (int(one), int(other)), float(cosine[one, other])
