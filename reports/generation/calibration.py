"""How often a reviewer keeps sentences of a given score: the keep score of the embedded engine, made honest."""

from collections.abc import Sequence
from itertools import pairwise

# Score and share of such sentences that the reference notes hold; fitted on the visits of ACI-Bench train (CC BY 4.0) by
# tools/fit_confidence.py, to be fitted again with the weights.
_TABLE = (
    (0.242, 0.354),
    (0.299, 0.405),
    (0.417, 0.470),
    (0.541, 0.582),
    (0.644, 0.738),
    (0.739, 0.772),
    (0.863, 0.920),
    (0.983, 1.000),
)
_BINS = 10


def calibrated(score: float, table: Sequence[tuple[float, float]] = _TABLE) -> float:
    """Return the share of kept sentences at a score from 0 to 1, on straight lines between the points of the table."""
    if score <= table[0][0]:
        return table[0][1]
    for (left, low), (right, high) in pairwise(table):
        if score <= right:
            return low + (high - low) * (score - left) / (right - left or 1.0)
    return table[-1][1]


def expected_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Return the expected calibration error of (probability, truth) pairs over ten bins of equal width."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(_BINS)]
    for probability, truth in pairs:
        bins[min(_BINS - 1, int(probability * _BINS))].append((probability, truth))
    total = len(pairs) or 1
    gaps = (abs(sum(probability - truth for probability, truth in own)) for own in bins)
    return sum(gaps) / total
