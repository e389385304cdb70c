"""Say how alike two spellings sound in English, from their letters alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

VOWEL_WEIGHT = 0.4
CONSONANT_WEIGHT = 0.8
OTHER_VOWEL = 0.3
NEAR_CONSONANT = 0.4
OTHER_SOUND = 1.0

_VOWELS = frozenset("aeiou")
# Sounds that a listener, and a small speech model, take for one another.
_NEAR = tuple(map(frozenset, ("pb", "td", "kg", "fv", "bvw", "sSCj", "mn", "lr")))
# Coarser than _NEAR: no two of them share a sound, so that counting them bounds the distance from below.
_FAMILIES = ("pbfvw", "td", "kg", "sSCj", "mn", "lr")

_Replacement = str | Callable[[re.Match[str]], str]
_RULES: tuple[tuple[re.Pattern[str], _Replacement], ...] = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"[^a-z]", ""),
        (r"ph", "f"),
        (r"ght", "t"),
        (r"sch|sh|ti(?=[aou])|ci(?=[aou])|si(?=on)", "S"),
        (r"tch|ch", "C"),
        (r"th", "t"),
        (r"dg", "j"),
        (r"ck", "k"),
        (r"q(?:ue|u)?", "kw"),
        (r"x", "ks"),
        (r"^ks", "s"),
        (r"c(?=[eiy])", "s"),
        (r"c", "k"),
        (r"g(?=[eiy])", "j"),
        (r"^kn", "n"),
        (r"h", ""),
        (r"z", "s"),
        (r"(?<=[aeiou])w", "u"),
        (r"y", "i"),
        (r"(.)\1+", r"\1"),
        (r"(?<=[^aeiou])e$", ""),
        (r"[aeiou]+", lambda run: run[0][0]),
    )
)


class Sound:
    """What a spelling sounds like: one letter a sound, a vowel group as its first vowel."""

    __slots__ = ("counts", "letters", "weight")

    def __init__(self, spelling: str) -> None:
        letters = spelling.lower()
        for pattern, sound in _RULES:
            letters = pattern.sub(sound, letters)
        self.letters = letters
        self.weight = sum(map(_weight, letters))
        self.counts = tuple(sum(letter in family for letter in letters) for family in _FAMILIES)


@lru_cache(maxsize=20_000)
def sound_of(spelling: str) -> Sound:
    return Sound(spelling)


def likeness(heard: Sound, meant: Sound, *, at_least: float) -> float:
    """Return how alike two words sound, 1 for the same sounds, 0 for anything below `at_least`.

    1 less the weighted edit distance over the weight of the longer word.
    """
    longer = max(heard.weight, meant.weight)
    limit = (1 - at_least) * longer
    apart = sum(abs(here - there) for here, there in zip(heard.counts, meant.counts, strict=True))
    if not longer or abs(heard.weight - meant.weight) > limit or OTHER_SOUND / 2 * apart > limit:
        return 0.0
    distance = _distance(heard.letters, meant.letters, limit)
    return 1 - distance / longer if distance <= limit else 0.0


def _distance(heard: str, meant: str, limit: float) -> float:
    row = [0.0]
    for letter in meant:
        row.append(row[-1] + _weight(letter))
    for letter in heard:
        below = [row[0] + _weight(letter)]
        for place, other in enumerate(meant):
            below.append(
                min(
                    row[place] + _difference(letter, other),
                    row[place + 1] + _weight(letter),
                    below[place] + _weight(other),
                )
            )
        row = below
        if min(row) > limit:
            break
    return row[-1]


def _weight(letter: str) -> float:
    return VOWEL_WEIGHT if letter in _VOWELS else CONSONANT_WEIGHT


@lru_cache(maxsize=1_000)
def _difference(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        return OTHER_VOWEL
    return NEAR_CONSONANT if any(one in near and other in near for near in _NEAR) else OTHER_SOUND
