"""Write doses, shares and blood pressures in digits where it is certain which number was said. Pure.

Only a number beside a unit, a percent or the other half of a blood pressure is touched; times, dates, ages and telephone
numbers stay as heard. Where the words can mean two numbers ("one fifty milligram tablet", "one or two hundred
milligrams") nothing is changed. Units follow ISMP's list of error-prone abbreviations: "mcg", "units" in full, and a zero
before a decimal point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sessions_app.stt.base import DOUBTFUL_BELOW, Segment, Word
from sessions_app.transcripts.spoken_numbers import find_numbers

_UNITS = {
    "milligram": "mg", "milligrams": "mg", "mg": "mg", "mgs": "mg",
    "microgram": "mcg", "micrograms": "mcg", "mcg": "mcg", "mcgs": "mcg",
    "gram": "g", "grams": "g",
    "milliliter": "mL", "milliliters": "mL", "millilitre": "mL", "millilitres": "mL", "ml": "mL",
    "kilogram": "kg", "kilograms": "kg", "kg": "kg",
    "milliequivalent": "mEq", "milliequivalents": "mEq",
    "units": "units", "percent": "%",
}  # fmt: skip
# "One fifty milligram tablet" is one tablet of 50 mg or of 150 mg.
_FORMS = frozenset(
    ["tablet", "tablets", "pill", "pills", "capsule", "capsules", "tab", "tabs", "patch", "patches", "dose", "doses"]
)
# A dose said with the hundred left out, "one fifty", is believed only where tablets come in such steps.
SHORT_DOSE_STEP = 25
SYSTOLIC = range(70, 261)
DIASTOLIC = range(30, 151)
# Fifteen and fifty sound alike: a dose of such a pair is drawn as doubtful below this confidence.
SURE_OF_PAIR = 0.8
_PAIRED = frozenset(str(value) for ten in range(3, 10) for value in (ten + 10, ten * 10))

_ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_ONE = f"(?:{'|'.join(_ONES)})"
_TEEN = "(?:ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)"
_TEN = "(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_BELOW_HUNDRED = f"(?:{_TEN}(?: {_ONE})?|{_TEEN}|{_ONE})"
_HUNDREDS = f"(?:(?:(?:a|{_BELOW_HUNDRED}) )?hundred(?: (?:and )?{_BELOW_HUNDRED})?)"
_THOUSANDS = f"(?:(?:a|{_BELOW_HUNDRED}) thousand(?: (?:and )?(?:{_HUNDREDS}|{_BELOW_HUNDRED}))?)"
_CARDINAL = f"(?:{_THOUSANDS}|{_HUNDREDS}|{_BELOW_HUNDRED})"
_SHORT_HUNDREDS = f"(?:{_ONE} {_TEN}(?: {_ONE})?)"
_DIGITS = r"(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
_DECIMALS = rf"(?:\d+|{_TEN}(?: {_ONE})?|{_TEEN}|(?:zero|oh|{_ONE})(?: (?:zero|oh|{_ONE}))*)"
_NUMBER = (
    rf"(?:(?:(?:{_CARDINAL}|zero|\d+) )?point {_DECIMALS}|(?:{_CARDINAL}|\d+) and a half|half a|a half"
    rf"|{_SHORT_HUNDREDS}|{_CARDINAL}|{_DIGITS})"
)
_HALF_OF_PRESSURE = rf"(?:{_SHORT_HUNDREDS}|{_ONE} {_TEEN}|{_ONE} oh {_ONE}|{_CARDINAL}|\d+)"
_DOSE = re.compile(
    rf"(?<!\S)(?P<first>{_NUMBER})(?: (?P<joint>to|or) (?P<second>{_NUMBER}))? (?P<unit>{'|'.join(_UNITS)}) "
)
_PRESSURE = re.compile(rf"(?<!\S)(?P<upper>{_HALF_OF_PRESSURE}) over (?P<lower>{_HALF_OF_PRESSURE}) ")
_A_NUMBER = re.compile(rf"(?:{_ONE}|{_TEEN}|{_TEN}|hundred|thousand|zero|oh|point|half|{_DIGITS})")
_MARKS = ",.?!;:"
_MARKED = re.compile(rf"(?<![{_MARKS}])([{_MARKS}]+)$")
_HYPHENED = re.compile(rf"\b({_TEN})-({_ONE})\b")
_GLUED = re.compile(rf"^({_DIGITS})-?(mgs?|mcg|ml|kg)\b")

_Change = tuple[int, int, list[Word]]


@dataclass(frozen=True, slots=True)
class _Plain:
    """Words in small letters as one text, each mark apart and a space behind each; `places` has each letter's word."""

    text: str
    places: Sequence[int]

    def before(self, start: int) -> list[str]:
        return [token for token in self.text[max(0, start - 60) : start].split() if token not in _MARKS]

    def after(self, end: int) -> str:
        return self.text[end : end + 40].partition(" ")[0]

    def words_of(self, start: int, end: int) -> tuple[int, int]:
        """Return the place of the first word and the one after the last of the text from `start` to `end`."""
        return self.places[start], self.places[end - 1] + 1


def written(words: Sequence[Word]) -> list[Word]:
    """Return the words with doses and blood pressures in digits; a changed word keeps its times and what was spoken."""
    plain = _plain(words)
    changes = sorted([*_pressures(plain, words), *_doses(plain, words)], key=lambda change: change[0])
    out: list[Word] = []
    copied = 0
    for start, end, instead in changes:
        if start >= copied:
            out += [*words[copied:start], *instead]
            copied = end
    return [*out, *words[copied:]]


def in_digits(segment: Segment) -> Segment:
    """Return the segment with its words written in digits; one without words stays."""
    words = tuple(written(segment.words))
    if words == segment.words:
        return segment
    return replace(segment, words=words, text=" ".join(word.text for word in words))


def _plain(words: Sequence[Word]) -> _Plain:
    pieces: list[str] = []
    places: list[int] = []
    for place, word in enumerate(words):
        text = _MARKED.sub(r" \1", word.text.lower())
        text = _GLUED.sub(r"\1 \2", _HYPHENED.sub(r"\1 \2", text)) + " "
        pieces.append(text)
        places += [place] * len(text)
    return _Plain("".join(pieces), places)


def _pressures(plain: _Plain, words: Sequence[Word]) -> Iterator[_Change]:
    for found in _PRESSURE.finditer(plain.text):
        upper, lower = _in_digits(found["upper"]), _in_digits(found["lower"])
        following = plain.after(found.end())
        if _A_NUMBER.fullmatch(following) or following in _UNITS or _continues_a_number(plain, found.start()):
            continue
        if not (int(lower) < int(upper) and int(upper) in SYSTOLIC and int(lower) in DIASTOLIC):
            continue
        start, end = plain.words_of(*found.span())
        yield start, end, [_joined(words[start:end], f"{upper}/{lower}")]


def _doses(plain: _Plain, words: Sequence[Word]) -> Iterator[_Change]:
    for found in _DOSE.finditer(plain.text):
        numbers = [found[name] for name in ("first", "second") if found[name]]
        if _continues_a_number(plain, found.start()) or not _is_certain(numbers, plain.after(found.end())):
            continue
        start, end = plain.words_of(*found.span())
        last = "second" if found["second"] else "first"
        last_start, last_end = plain.words_of(*found.span(last))
        unit, unit_at = _UNITS[found["unit"]], plain.words_of(*found.span("unit"))[0]
        instead: list[Word] = []
        if last == "second":
            first_start, first_end = plain.words_of(*found.span("first"))
            instead += [_joined(words[first_start:first_end], _in_digits(found["first"])), words[first_end]]
        digits = _in_digits(found[last])
        if unit == "%":
            instead.append(_joined(words[last_start:end], f"{digits}%"))
        elif last_end > unit_at:
            instead += _split(words[unit_at], digits, unit)
        else:
            instead += [_joined(words[last_start:last_end], digits), _joined([words[unit_at]], unit)]
        yield start, end, [_doubted(word) for word in instead]


def _is_certain(numbers: Sequence[str], following: str) -> bool:
    """Tell whether the words of a dose can mean only one number each."""
    # "One or two hundred milligrams": the hundred may belong to both.
    scaled = ["hundred" in number or "thousand" in number for number in numbers]
    if scaled[-1] and not all(scaled):
        return False
    for number in numbers:
        if re.fullmatch(_SHORT_HUNDREDS, number) and (following in _FORMS or int(_in_digits(number)) % SHORT_DOSE_STEP):
            return False
    return True


def _continues_a_number(plain: _Plain, start: int) -> bool:
    before = plain.before(start)
    return bool(before) and (
        bool(_A_NUMBER.fullmatch(before[-1]))
        or (before[-1] in {"and", "over"} and bool(_A_NUMBER.fullmatch(before[-2:][0])))
    )


def _in_digits(said: str) -> str:
    if re.fullmatch(_DIGITS, said):
        return f"0{said}" if said.startswith(".") else said
    if said in {"half a", "a half"}:
        return "0.5"
    if said.endswith(" and a half"):
        return f"{_in_digits(said.removesuffix(' and a half'))}.5"
    whole, point, decimals = said.rpartition("point ")
    if point:
        return f"{_in_digits(whole.strip()) if whole else '0'}.{_decimals(decimals)}"
    if " oh " in said:
        return str(100 * (_ONES.index(said.split()[0]) + 1) + _ONES.index(said.split()[2]) + 1)
    if said in _ONES:
        return str(_ONES.index(said) + 1)
    return str(next(find_numbers(said.split()))[2])


def _decimals(said: str) -> str:
    if re.fullmatch(rf"(?:(?:zero|oh|{_ONE}) ?)+", said):
        return "".join(str(_ONES.index(digit) + 1) if digit in _ONES else "0" for digit in said.split())
    return _in_digits(said)


def _joined(words: Sequence[Word], text: str) -> Word:
    """Return one word for several; what was spoken is kept where it was written another way."""
    spoken = " ".join(word.text for word in words)
    mark = _MARKED.search(spoken)
    text += mark[0] if mark else ""
    if text == spoken:
        return words[0]
    return Word(words[0].start, words[-1].end, text, min(word.confidence for word in words), spoken=spoken)


def _split(word: Word, digits: str, unit: str) -> list[Word]:
    """Return "25mg" as two words that share the time."""
    digits = digits.rstrip(_MARKS)
    mark = _MARKED.search(word.text)
    middle = word.start + (word.end - word.start) * len(digits) / (len(digits) + len(unit))
    return [
        Word(word.start, middle, digits, word.confidence, spoken=word.text),
        Word(middle, word.end, unit + (mark[0] if mark else ""), word.confidence, spoken=word.text),
    ]


def _doubted(word: Word) -> Word:
    is_open = word.text in _PAIRED and DOUBTFUL_BELOW <= word.confidence < SURE_OF_PAIR
    return replace(word, confidence=DOUBTFUL_BELOW - 0.01) if is_open else word
