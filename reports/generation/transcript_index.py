"""A transcript prepared for checking sentences against it: words by segment, polarity of each word, weights of words."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from zlib import crc32

from sessions_app.clinical_terms import DRUGS, SAME_DRUG, drug_name

from .answers import is_no_question
from .base import TranscriptSegment
from .lexicon import SYNONYMS, relatives_in
from .textnorm import STOPWORDS, clean, numbers_in, stem, tokens
from .units import Unit, units_of
from .weights import load_weights
from .words import word_list

WEIGHT_BUCKETS = 2**14
# Words a note adds by itself: they say nothing about the patient.
FRAME_WORDS = frozenset(
    stem(word)
    for word in word_list(
        "patient report reports reported state states stated deny denies denied denie endorse endorses note notes "
        "noted mention mentions mentioned present presents visit today clinic office evaluation history "
        "significant past medical year years old male female mr mrs ms dr discuss discussed advise advised "
        "continue recommend follow client session feel express identified explored describe described provided "
        "due regarding additional treatment reasoning referral specialist education counseling testing agreement "
        "understand plan assessed exam examination review result normal negative positive currently associated "
        "symptom condition related time also experience experiences experiencing indicated duration onset "
        "frequency severity amount location medication dose clinician explained accompanying person agrees agree "
        "said says cardiovascular respiratory constitutional gastrointestinal psychiatric neurological "
        "musculoskeletal skin general"
    )
)
_NEGATORS = re.compile(
    r"^(?:no|not|none|denies|denied|deny|never|without|negative|cannot|neither|nor|unable|absent|n't|nothing|nobody)$"
)
_LIST_NEGATORS = frozenset(("no", "denies", "denied", "deny", "without", "never", "negative", "neither", "nor"))
_WORD_OR_MARK = re.compile(r"[a-z0-9]+(?:[./]\d+)*|n't|[.;,!?:]")
_SCOPE_ENDS = frozenset(".;!?:") | {
    "but",
    "however",
    "although",
    "though",
    "except",
    "because",
    "reports",
    "since",
    "until",
    "who",
    "which",
    "unless",
}
_BEGINNING = 5  # letters
_SHORT_ANSWER = 8  # words; up to here a unit is read with its question
_SPOKEN_NUMBERS = {
    "1": re.compile(r"\b(one|once|a|an|first|single|half|daily|every|each|per)\b", re.IGNORECASE),
    "2": re.compile(r"\b(two|twice|couple|pair|second|both|double|other)\b", re.IGNORECASE),
    "3": re.compile(r"\b(three|third|thrice|triple)\b", re.IGNORECASE),
    "4": re.compile(r"\b(four|fourth)\b", re.IGNORECASE),
    "0": re.compile(r"\b(none|zero|no|never|not)\b", re.IGNORECASE),
}


@cache
def _weights() -> list[float]:
    return [float(value) for value in load_weights("guard")["idf"]]


def word_weight(word: str) -> float:
    """Return how telling a stem is: near 0 for a word of every visit, about 4 for a rare one."""
    return _weights()[crc32(word.encode()) % WEIGHT_BUCKETS]


def word_polarity(text: str) -> dict[str, bool]:
    """Return each content stem of a text and whether it stands under a negation; positive wins when it does both."""
    found: dict[str, bool] = {}
    negated, is_list = False, False
    for word in _WORD_OR_MARK.findall(text.lower().replace("n't", " not")):
        if word in _SCOPE_ENDS or (word in (",", "and") and negated and not is_list):
            negated = False
            continue
        if word == ",":
            continue
        if _NEGATORS.match(word):
            negated, is_list = True, word in _LIST_NEGATORS
            continue
        if word in STOPWORDS:
            continue
        key = stem(word)
        found[key] = found.get(key, True) and negated
    return found


@dataclass(frozen=True, slots=True)
class IndexedUnit:
    """A unit with its words. `polarity` holds the words whose polarity is certain."""

    unit: Unit
    words: frozenset[str]
    text: str
    polarity: dict[str, bool]


class TranscriptIndex:
    """Built once for a transcript, used for each sentence."""

    def __init__(self, segments: Iterable[TranscriptSegment]) -> None:
        self.segments = tuple(segments)
        self.order = {segment.id: place for place, segment in enumerate(self.segments)}
        self.units = [_indexed(unit) for unit in units_of(self.segments)]
        self.by_segment: dict[int, list[IndexedUnit]] = defaultdict(list)
        for indexed in self.units:
            self.by_segment[indexed.unit.segment_id].append(indexed)
        self.cleaned = {segment.id: clean(segment.text, drop_fillers=False) for segment in self.segments}
        self.text = " ".join(self.cleaned.values())
        self.words = WordSet(
            [*(word for indexed in self.units for word in indexed.words), *map(stem, tokens(self.text))]
        )
        self.numbers = spoken_numbers(self.text)
        self.units_with: dict[str, list[int]] = defaultdict(list)
        for place, indexed in enumerate(self.units):
            for word in indexed.words:
                self.units_with[word].append(place)

    @cached_property
    def drugs(self) -> frozenset[str]:
        """The generic names of the drugs somebody named."""
        return frozenset(drug_name(word) for word in tokens(self.text) if word in DRUGS)

    @cached_property
    def relatives(self) -> frozenset[str]:
        return frozenset(relatives_in(self.text))

    def around(self, evidence: Iterable[int], reach: int = 1) -> list[IndexedUnit]:
        """Return the units of the cited segments and of `reach` segments on each side."""
        places = sorted(
            {
                place
                for segment in evidence
                if segment in self.order
                for place in range(self.order[segment] - reach, self.order[segment] + reach + 1)
                if 0 <= place < len(self.segments)
            }
        )
        return [indexed for place in places for indexed in self.by_segment.get(self.segments[place].id, ())]

    def cited_text(self, evidence: Iterable[int]) -> str:
        return " ".join(self.cleaned[segment] for segment in evidence if segment in self.cleaned)


def _indexed(unit: Unit) -> IndexedUnit:
    is_short = len(unit.text.split()) <= _SHORT_ANSWER or unit.says_yes or unit.says_no
    question = unit.question if unit.question and is_short else ""
    words = frozenset(stem(word) for word in tokens(f"{question} {unit.text}") if word not in STOPWORDS)
    polarity = {} if unit.is_question else word_polarity(unit.text)
    if question and unit.is_turn_start and (unit.says_no or unit.says_yes):
        denied = unit.says_no or is_no_question(question)
        for word in word_polarity(question):
            polarity.setdefault(word, denied)
    return IndexedUnit(unit, words, f"{question} {unit.text}", polarity)


def spoken_numbers(text: str) -> frozenset[str]:
    """Return the numbers of a text, with those said as words that stay words (`a couple` is 2)."""
    found = set(numbers_in(text))
    for number in list(found):
        found.update(re.split(r"[./]", number))
    found.update(number for number, pattern in _SPOKEN_NUMBERS.items() if pattern.search(text))
    return frozenset(found)


class WordSet:
    """Stems to look others up in: by the word, by a synonym, by its first five letters."""

    __slots__ = ("_beginnings", "_words")

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._beginnings = frozenset(word[:_BEGINNING] for word in self._words if len(word) >= _BEGINNING)

    @classmethod
    def of_text(cls, text: str) -> "WordSet":
        return cls(stem(word) for word in tokens(text))

    def covers(self, word: str) -> bool:
        if word in self._words or any(other in self._words for other in synonyms_of(word)):
            return True
        return len(word) > _BEGINNING and word[:_BEGINNING] in self._beginnings


def synonyms_of(word: str) -> tuple[str, ...]:
    return _synonyms().get(word, ())


@cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    found = {stem(word): [stem(other) for other in others.split()] for word, others in SYNONYMS.items()}
    for brand, generic in SAME_DRUG.items():
        found.setdefault(stem(brand), []).append(stem(generic))
        found.setdefault(stem(generic), []).append(stem(brand))
    return {word: tuple(others) for word, others in found.items()}
