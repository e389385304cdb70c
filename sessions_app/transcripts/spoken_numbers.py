"""Spoken numbers as digits: `one thirty two` is 132."""

import re
from collections.abc import Iterator, Sequence

_UP_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_ONES = {word: value for value, word in enumerate(_UP_TO_NINETEEN.split())} | {"oh": 0}
_TENS = {
    word: 10 * place
    for place, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_SCALES = {"hundred", "thousand"}
_NUMBER_WORDS = set(_ONES) | set(_TENS) | _SCALES
_TENS_HYPHEN = re.compile(
    rf"\b({'|'.join(_TENS)})-(?=(?:one|two|three|four|five|six|seven|eight|nine)\b)", re.IGNORECASE
)
_WORD = re.compile(r"[a-z]+")
_END_MARKS = ",.?!;"


def number_words_to_digits(text: str) -> str:
    """Return the text with number words as digits: `one thirty two` is 132, `nineteen ninety five` 1995; `one` stays."""
    if _NUMBER_WORDS.isdisjoint(_WORD.findall(text.lower())):
        return text
    words = split_tens(text).split(" ")
    out: list[str] = []
    copied = 0
    for start, end, value in find_numbers(words):
        last = words[end - 1]
        out += [*words[copied:start], f"{value}{last[-1] if last[-1:] in _END_MARKS else ''}"]
        copied = end
    return " ".join(out + words[copied:])


def split_tens(text: str) -> str:
    """Return the text with `twenty-five` as two words."""
    return _TENS_HYPHEN.sub(r"\1 ", text)


def find_numbers(words: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield where numbers are said: place of the first word, place after the last, the number; `one` alone is none."""
    place = 0
    while place < len(words):
        run = _number_run(words, place)
        length = 0 if run in (["one"], ["oh"], ["a"]) else len(run)
        while length and (value := _value(run[:length])) is None:
            length -= 1
        if not length or run[:length] in (["oh"], ["a"]):
            place += 1
            continue
        assert value is not None
        yield place, place + length, value
        place += length


def _number_run(words: Sequence[str], start: int) -> list[str]:
    """Return the number words that stand together from `start`, without their punctuation."""
    run: list[str] = []
    for place in range(start, len(words)):
        word = words[place].lower().strip(_END_MARKS)
        following = words[place + 1].lower().strip(_END_MARKS) if place + 1 < len(words) else ""
        is_article = word == "a" and not run and following in _SCALES
        is_joint = word == "and" and bool(run) and run[-1] in _SCALES and following in _NUMBER_WORDS
        if word not in _NUMBER_WORDS and not is_article and not is_joint:
            break
        run.append(word)
        if words[place][-1:] in _END_MARKS:
            break
    return run


def _value(words: list[str]) -> int | None:
    """Return the number a list of number words says, or None when they are more than one number."""
    total = 0
    current: int | None = None
    kind = ""
    for word in words:
        if word == "and":
            continue
        if word == "a":
            current, kind = 1, "one"
        elif word == "hundred":
            current, kind = (1 if current is None else current) * 100, "hundred"
        elif word == "thousand":
            total, current, kind = total + (1 if current is None else current) * 1000, None, "thousand"
        else:
            value = _TENS.get(word, _ONES.get(word, 0))
            now = "tens" if word in _TENS else "one" if value < 10 else "teen"
            if current is None:
                current = value
            elif kind == "hundred" or (now == "one" and kind == "tens"):
                current += value
            elif now != "one" and current < 100:
                current = current * 100 + value
            else:
                return None
            kind = now
    if current is None and not total:
        return None
    return total + (current or 0)
