"""Numbers with what they count, doses with their drug, and what a speaker took back: figures that must be right."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sessions_app.transcripts.clinical_terms import DRUGS, drug_name

from .textnorm import STOPWORDS, stem

_SPOKEN = {
    "one": "1",
    "once": "1",
    "a": "1",
    "an": "1",
    "per": "1",
    "each": "1",
    "every": "1",
    "two": "2",
    "twice": "2",
    "couple": "2",
    "both": "2",
    "three": "3",
    "thrice": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
}
# What is counted, by the name it is compared under; any other word after a number counts under its stem.
_UNIT_NAMES = {
    "mg": "mg milligram milligrams",
    "mcg": "mcg microgram micrograms",
    "g": "g gram grams",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "unit": "unit units",
    "tablet": "tablet tablets pill pills capsule capsules",
    "time": "time times",
    "minute": "minute minutes min mins",
    "hour": "hour hours h hr hrs",
    "day": "day days",
    "night": "night nights",
    "week": "week weeks",
    "month": "month months",
    "year": "year years",
    "session": "session sessions visit visits",
    "kg": "kg kilo kilos kilogram kilograms",
    "pound": "pound pounds lb lbs",
    "centimeter": "cm centimeter centimeters centimetre centimetres",
    "drink": "drink drinks beer beers glass glasses",
    "cigarette": "cigarette cigarettes",
    "pack": "pack packs",
    "percent": "percent %",
}
UNITS = {word: name for name, words in _UNIT_NAMES.items() for word in words.split()}
_DOSE_UNITS = frozenset(("mg", "mcg", "g", "ml", "unit"))
_TOKEN = re.compile(r"\d+(?:[./]\d+)*|%|[a-z]+(?:-[a-z]+)*|[.,;:?!]")
_DIGIT_BEFORE_UNIT = re.compile(r"(\d)(?=[a-z%])")
_RANGE_WORDS = frozenset(("to", "or", "and"))
_ADVERBS = frozenset(("once", "twice", "thrice"))
# Articles and the like are a number only before what is counted: `a week`, `every day`.
_ARTICLES = frozenset(("a", "an", "per", "each", "every", "both", "couple"))
_DOSE_REACH = 6  # tokens between a drug and its dose
_TAKES_BACK = frozenset(("no", "sorry", "wait", "mean", "meant", "scratch", "correction", "rather"))
_BETWEEN = _TAKES_BACK | frozenset(("i", "that", "not", "the", "it", "is", "was", "to", "actually", "make", ",", "."))
_CORRECTION_REACH = 7  # tokens between what was taken back and what was meant


@lru_cache(maxsize=64)  # several checks ask for the same sentence and the same cited words
def words_of(text: str) -> tuple[str, ...]:
    """Return words, numbers and marks of a text in lower case, `mg` apart from its number."""
    return tuple(_TOKEN.findall(_DIGIT_BEFORE_UNIT.sub(r"\1 ", text.lower())))


@dataclass(slots=True)
class Quantities:
    """Numbers of a text by what they count; `bare` are those before any other word."""

    counted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    bare: set[str] = field(default_factory=set)


def quantities_of(text: str, *, spoken: bool = False) -> Quantities:
    """Return the quantities of a text. With `spoken`, words that mean a number count too (`a week`, `twice`)."""
    found = Quantities()
    words = words_of(text)
    for place, word in enumerate(words):
        number = word if word[0].isdigit() else _SPOKEN.get(word) if spoken else None
        if number is None:
            continue
        unit = _unit_after(words, place)
        if word in _ADVERBS:
            found.counted["time"].add(number)
        elif unit:
            found.counted[unit].add(number)
        if (not unit and word not in _ARTICLES) or word in _ADVERBS:
            found.bare.add(number)
    return found


def _unit_after(words: Sequence[str], place: int) -> str:
    """Return what the number at a place counts, looking past the second number of a range; empty when it is not said."""
    following = words[place + 1 : place + 5]
    if len(following) > 2 and following[0] in _RANGE_WORDS and _is_number(following[1]):
        following = following[2:]
    if following[:1] == ("of",):
        following = following[1:]
    if not following or not following[0].isalpha() or following[0] in STOPWORDS:
        return ""
    return UNITS.get(following[0]) or stem(following[0])


def _is_number(word: str) -> bool:
    return word[0].isdigit() or word in _SPOKEN


def doses_of(text: str) -> dict[str, set[str]]:
    """Return the doses named with each drug (generic name): `sertraline` to {"50"}."""
    words = words_of(text)
    if DRUGS.isdisjoint(words):
        return {}
    places = [place for place, word in enumerate(words) if word in DRUGS]
    doses = {
        place for place, word in enumerate(words) if word[0].isdigit() and _unit_after(words, place) in _DOSE_UNITS
    }
    found: dict[str, set[str]] = defaultdict(set)
    # `50 mg of sertraline`: a dose directly before a drug is that drug's.
    for place in places:
        before = place - (3 if words[place - 1] == "of" else 2)
        if before in doses:
            found[drug_name(words[place])].add(words[before])
            doses.remove(before)
    for place, following in zip(places, [*places[1:], len(words)], strict=False):
        reach = range(place + 1, min(following, place + 1 + _DOSE_REACH))
        found[drug_name(words[place])].update(words[other] for other in reach if other in doses)
    return {drug: numbers for drug, numbers in found.items() if numbers}


def taken_back(text: str) -> dict[str, str]:
    """Return drugs and numbers a speaker corrected at once, each with what was meant: `Prozac, no, Lexapro`.

    What is also said elsewhere in the text was not taken back altogether and is left out.
    """
    words = words_of(text)
    if _TAKES_BACK.isdisjoint(words):
        return {}
    times = Counter(words)
    found: dict[str, str] = {}
    for place, word in enumerate(words):
        is_drug, is_number = word in DRUGS, word[0].isdigit()
        if not (is_drug or is_number) or times[word] > 1:
            continue
        between: list[str] = []
        for other in words[place + 1 : place + 1 + _CORRECTION_REACH]:
            if (other in DRUGS if is_drug else other[0].isdigit()) and _TAKES_BACK & set(between):
                found[word] = other
                break
            if other not in _BETWEEN and other not in UNITS:
                break
            between.append(other)
    return found


def is_measure(unit: str) -> bool:
    """Say whether a unit is one of the known ones, which nobody says in other words."""
    return unit in _UNIT_NAMES
