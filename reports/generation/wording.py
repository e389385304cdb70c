"""Slips that whole words hide: a `not` moved in or out, a quote nobody said, one drug named twice, a value of something else."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from sessions_app.transcripts.clinical_terms import DRUGS, drug_name

from .folded import Folded
from .lexicon import BODY_PARTS
from .polarity import without_answering_no
from .textnorm import clean, tokens

_PARTS = re.compile(r"[.,;:?!]+")
_NEGATORS = frozenset(("not", "no", "never"))
_WIDTH = 3  # words that stand together
_QUOTE = re.compile(r"“([^”]{2,})”")
_VALUE = re.compile(
    r"\b(?P<name>[a-z][a-z0-9-]+) (?:level |score |reading )?(?:is|was|are|were|of|at|came back(?: at)?)"
    r"(?: (?:now|about|around|only|currently|at|still|just))* (?P<number>\d+(?:[./]\d+)*)(?![\d./]*\w)",
    re.IGNORECASE,
)
_IMAGED = Folded(rf"\b(?P<part>{'|'.join(sorted(BODY_PARTS))}) (?P<picture>x-ray|mri|ct|ultrasound|scan)\b")
_DIGIT_OF = dict(
    zip(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
        map(str, range(1, 11)),
        strict=True,
    )
)
_RANGE = re.compile(
    rf"\b(?P<first>\d+|{'|'.join(_DIGIT_OF)}) (?:to|or) (?P<last>\d+|{'|'.join(_DIGIT_OF)}) "
    r"(?P<unit>minutes?|hours?|days?|weeks?|months?|years?|times?|drinks?|tablets?|mg)\b"
)
_NO_NAME = frozenset(
    ("it", "that", "this", "he", "she", "they", "there", "which", "one", "who", "what", "and", "because", "patient", "client", "level")
)  # fmt: skip


def turned_words(sentence: str, said: Iterable[str]) -> tuple[str, ...]:
    """Return three words that stand together in a sentence and in the statements, with a negation inside only one of both.

    Words that are also found with the same polarity are not turned. Empty when nothing is.
    """
    heard: dict[tuple[str, ...], set[bool]] = defaultdict(set)
    for statement in said:
        for words, is_negated in _standing_together(statement):
            heard[words].add(is_negated)
    return next(
        (words for words, is_negated in _standing_together(sentence) if heard.get(words, {is_negated}) == {not is_negated}),
        (),
    )  # fmt: skip


def _standing_together(text: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    plain = text.lower().replace("cannot", "can not").replace("n't", " not")
    for part in _PARTS.split(without_answering_no(plain)):
        words: list[str] = []
        denied: list[bool] = []  # whether a negation stands right before the word
        is_denied = False
        for word in tokens(part):
            if word in _NEGATORS:
                is_denied = True
                continue
            words.append(word)
            denied.append(is_denied)
            is_denied = False
        for start in range(len(words) - _WIDTH + 1):
            inside = denied[start + 1 : start + _WIDTH]
            yield tuple(words[start : start + _WIDTH]), any(inside)


def misquoted(text: str, raw: str, said: str) -> str:
    """Return the first words in quotation marks that stand neither in the cited words as written nor as read."""
    quotes = _QUOTE.findall(text)
    if not quotes:
        return ""
    heard = [f" {' '.join(tokens(words))} " for words in (raw, said, clean(raw, drop_fillers=False))]
    for quote in quotes:
        forms = {
            " ".join(tokens(quote)),
            " ".join(tokens(clean(quote, drop_fillers=False))),
            " ".join(tokens(clean(quote))),
        }
        if not any(form and f" {form} " in words for form in forms for words in heard):
            return str(quote)
    return ""


def named_too_often(text: str, said: str) -> str:
    """Return a drug that a sentence names more often than the cited words, where they name another one too."""
    stated, heard = _drugs_of(text), _drugs_of(said)
    if not set(heard) - set(stated):
        return ""
    return next((name for name, count in stated.items() if 0 < heard[name] < count), "")


def _drugs_of(text: str) -> Counter[str]:
    return Counter(drug_name(word) for word in tokens(text) if word in DRUGS)


def other_value(text: str, said: str) -> tuple[str, str, str] | None:
    """Return a name, the number a sentence gives it and those the cited words give it, where these are others."""
    heard = _values_of(said)
    for name, numbers in _values_of(text).items():
        if name in heard and (wrong := numbers - heard[name]):
            return name, min(wrong), ", ".join(sorted(heard[name]))
    return None


def other_part_imaged(text: str, said: str) -> tuple[str, str] | None:
    """Return a part of the body and its picture, where the cited words name that picture of other parts only."""
    stated = list(_IMAGED.finditer(text))
    if not stated:
        return None
    heard: dict[str, set[str]] = defaultdict(set)
    for match in _IMAGED.finditer(said):
        heard[match["picture"]].add(match["part"])
    for match in stated:
        if heard[match["picture"]] and match["part"] not in heard[match["picture"]]:
            return match["part"], match["picture"]
    return None


def other_range(text: str, said: str) -> str:
    """Return a range (`one to 2 weeks`) of a sentence whose unit the cited words give only with other ranges."""
    stated = _ranges_of(text)
    heard = _ranges_of(said) if stated else {}
    return next(
        (f"{first} to {last} {unit}" for unit, ranges in stated.items() for first, last in ranges
         if heard[unit] and (first, last) not in heard[unit]),
        "",
    )  # fmt: skip


def _ranges_of(text: str) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for match in _RANGE.finditer(text.lower()):
        first, last = (_DIGIT_OF.get(match[name], match[name]) for name in ("first", "last"))
        found[match["unit"].rstrip("s")].add((first, last))
    return found


def _values_of(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for match in _VALUE.finditer(text.lower()):
        if match["name"] not in _NO_NAME:
            found[match["name"]].add(match["number"])
    return found
