"""Where a sentence without citations was said, and how likely it was said at all: for lines written by hand or pasted."""

import re
from collections import defaultdict

from .support import measure
from .textnorm import STOPWORDS, clean, stem, tokens
from .transcript_index import FRAME_WORDS, TranscriptIndex, synonyms_of, word_weight

MOST_PLACES = 3  # segments
_LONGEST_ANSWER = 8  # words; a shorter segment is read with the question before it
# Behaviour and intentions are what notes add most readily: nobody says them aloud unless they happened (features of
# unfaithful therapy notes, TN-Eval, ACL 2025: objective and plan sections are the least faithful).
_OBSERVED = re.compile(
    r"\b(?:appear\w*|affect|eye contact|cooperative|calm|engaged|tearful|groomed|alert|oriented|coherent|speech|posture|"
    r"demeanou?r|attentive|insight|judge?ment|receptive|mood (?:is|was))\b",
    re.IGNORECASE,
)
_INTENDED = re.compile(
    r"\b(?:will|plan|goals?|follow[- ]up|schedul\w*|next session|continue|recommend\w*|refer\w*|monitor\w*|encourage\w*|"
    r"develop\w*|assign\w*)\b",
    re.IGNORECASE,
)
_KIND_WEIGHT = 0.2  # added for each of the two; the figure hardly changes between 0.15 and 0.3
_COVERAGE_FIGURES = 4  # the first figures of `measure`: shares of the sentence's words that nobody said


def locate(text: str, index: TranscriptIndex, *, most: int = MOST_PLACES) -> tuple[int, ...]:
    """Return the ids of the segments that together say most of a sentence, in transcript order; empty when none does.

    Segments are taken greedily, each for the words the ones before lack.
    """
    plain = clean(text, drop_fillers=False)
    words = {stem(word) for word in tokens(plain) if word not in STOPWORDS} - FRAME_WORDS
    said: dict[int, set[str]] = defaultdict(set)
    for word in words:
        for form in (word, *synonyms_of(word)):
            for place in index.units_with.get(form, ()):
                said[index.units[place].unit.segment_id].add(word)
    chosen: list[int] = []
    covered: set[str] = set()
    while said and len(chosen) < most:
        best = max(said, key=lambda segment: (sum(map(word_weight, said[segment] - covered)), -segment))
        if not said[best] - covered:
            break
        chosen.append(best)
        covered |= said.pop(best)
    return tuple(sorted(_with_exchanges(chosen, index), key=lambda segment: index.order[segment]))


def uncited_risk(text: str, index: TranscriptIndex) -> float:
    """Return how likely, 0 to 1 but not calibrated, it is that nobody said a sentence that cites nothing."""
    figures = measure(text, locate(text, index), index)
    missing = sum(figures.values[:_COVERAGE_FIGURES]) / _COVERAGE_FIGURES
    kinds = bool(_OBSERVED.search(text)) + bool(_INTENDED.search(text))
    return min(1.0, missing + _KIND_WEIGHT * kinds)


def _with_exchanges(chosen: list[int], index: TranscriptIndex) -> set[int]:
    """Return the segments, with the answer to a question and the question of a short answer."""
    found = set(chosen)
    for segment in chosen:
        place = index.order[segment]
        units = index.by_segment.get(segment, [])
        if units and units[-1].unit.is_question and place + 1 < len(index.segments):
            found.add(index.segments[place + 1].id)
        if place and len(index.segments[place].text.split()) <= _LONGEST_ANSWER:
            found.add(index.segments[place - 1].id)
    return found
