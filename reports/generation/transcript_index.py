"""A transcript prepared for checking sentences against it: words by segment, polarity of each word, weights of words."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any
from zlib import crc32

from sessions_app.transcripts.clinical_terms import DRUGS, SAME_DRUG, drug_name

from .answers import is_no_question
from .base import TranscriptSegment
from .lexicon import SYNONYMS, relatives_in
from .polarity import without_answering_no
from .textnorm import STOPWORDS, clean, content_words, numbers_in, stem, tokens
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
        "musculoskeletal skin general like try tries tried see sees seen usually"
    )
)
_NEGATORS = frozenset(
    word_list(
        "no not none denies denied deny never without negative cannot neither nor unable absent n't nothing nobody"
    )
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
_WORD = re.compile(r"\w+")
_NUMBER_PARTS = re.compile(r"[./]")
_SPOKEN_NUMBERS = {
    "1": frozenset(word_list("one once a an first single half daily every each per")),
    "2": frozenset(word_list("two twice couple pair second both double other")),
    "3": frozenset(word_list("three third thrice triple")),
    "4": frozenset(word_list("four fourth")),
    "0": frozenset(word_list("none zero no never not")),
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
    for word in _WORD_OR_MARK.findall(without_answering_no(text.lower().replace("n't", " not"))):
        if word in _SCOPE_ENDS or (word in (",", "and") and negated and not is_list):
            negated = False
            continue
        if word == ",":
            continue
        if word in _NEGATORS:
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
        self._windows: dict[tuple[str, int], Any] = {}

    def windows_with(self, word: str, length: int) -> Any:
        """Return all runs of `length` units that say a stem or a synonym of it, as an array of the places of their last unit."""
        import numpy

        if (word, length) not in self._windows:
            said_at = [place for form in (word, *synonyms_of(word)) for place in self.units_with.get(form, ())]
            self._windows[word, length] = numpy.add.outer(numpy.array(said_at, dtype="int32"), numpy.arange(length))
        return self._windows[word, length]

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

    def cited(self, evidence: Iterable[int]) -> list[TranscriptSegment]:
        """Return the cited segments in transcript order; unknown ids are left out."""
        return [self.segments[place] for place in sorted({self.order[key] for key in evidence if key in self.order})]

    def cited_text(self, evidence: Iterable[int]) -> str:
        return " ".join(self.cleaned[segment] for segment in evidence if segment in self.cleaned)


def _indexed(unit: Unit) -> IndexedUnit:
    is_short = len(unit.text.split()) <= _SHORT_ANSWER or unit.says_yes or unit.says_no
    question = unit.question if unit.question and is_short else ""
    words = frozenset((*content_words(question), *content_words(unit.text)))
    polarity = {} if unit.is_question else word_polarity(unit.text)
    if question and unit.is_turn_start and (unit.says_no or unit.says_yes):
        denied = unit.says_no or is_no_question(question)
        for word in word_polarity(question):
            # "Are you drinking?" "No, I stopped drinking": the word is said both ways, so its polarity is not certain.
            if polarity.setdefault(word, denied) != denied:
                del polarity[word]
    return IndexedUnit(unit, words, f"{question} {unit.text}", polarity)


@lru_cache(maxsize=4096)
def spoken_numbers(text: str) -> frozenset[str]:
    """Return the numbers of a text, with those said as words that stay words (`a couple` is 2)."""
    found = set(numbers_in(text))
    for number in list(found):
        found.update(_NUMBER_PARTS.split(number))
    words = set(_WORD.findall(text.lower()))
    found.update(number for number, names in _SPOKEN_NUMBERS.items() if not names.isdisjoint(words))
    return frozenset(found)


class WordSet:
    """Stems to look others up in: by the word, by a synonym, by its first five letters."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        return frozenset(word[:_BEGINNING] for word in self._words if len(word) >= _BEGINNING)

    @classmethod
    def of_text(cls, text: str) -> "WordSet":
        return cls(_stems_of(text))

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> "WordSet":
        return cls(frozenset().union(*map(_stems_of, texts)))

    def covers(self, word: str) -> bool:
        if word in self._words or any(other in self._words for other in synonyms_of(word)):
            return True
        if len(word) > _BEGINNING and word[:_BEGINNING] in self._beginnings:
            return True
        # `stem` leaves short words alone: `goes` for `go`, `sits` for `sit`.
        return word.endswith("s") and (word[:-1] in self._words or word[:-2] in self._words)


@lru_cache(maxsize=4096)
def _stems_of(text: str) -> frozenset[str]:
    """Return the stems of all words of a text; the units around a place are asked for with each sentence that cites it."""
    return frozenset(map(stem, tokens(text)))


def synonyms_of(word: str) -> tuple[str, ...]:
    return _synonyms().get(word, ())


@cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    found = {stem(word): [stem(other) for other in others.split()] for word, others in SYNONYMS.items()}
    for brand, generic in SAME_DRUG.items():
        found.setdefault(stem(brand), []).append(stem(generic))
        found.setdefault(stem(generic), []).append(stem(brand))
    return {word: tuple(others) for word, others in found.items()}
