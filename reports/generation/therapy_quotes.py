"""A client's own words, letter by letter as they stand in the transcript."""

import re
from collections.abc import Mapping

from .grammar import CLIENT, has_verb, patient_to_third
from .textnorm import clean
from .therapy_prose import is_hollow, weight_of
from .units import Unit

_LEAD = re.compile(
    r"^(?:(?:um+|uh+|er|oh|well|yeah|yes|no|so|and|but|like|i mean|you know|i guess|right|okay|mm-?hmm|mhm|hm+|huh)\b[ ,.-]*)+",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?<![ ,])[ ,]*+(?:\b(?:you know|i guess|or something|or whatever|and stuff|and|but|so)\b)?[ ,.!-]*$",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"\b(?:um+|uh+|er|oh|aye|eh|gosh|whoa)\b|[—–]|--|\w-(?: |$)|\b(?:you know|i mean)\b|"
    r"\?|\.\.\.|…|<|\[|[\"“”]|\b([\w']+)-+ ?\1\b|\b(\w+),? \2\b|, like\b|"
    r"\blike(?=,)|\blike$|\b(?:am|is|are|was|were|'m|'s|'re) like\b(?! (?:a|an|the)\b)",
    re.IGNORECASE,
)
_UNWRITTEN = re.compile(
    r"\bi\b|n't$|\b(?:to|the|a|my|that|because|(?:so|and|but),? I)$"
)  # speech that nobody put into sentences
# Whoever reads the quote alone has to know who does what.
_POINTS_BACK = re.compile(
    r"^(?:that|this|those|these|there|which|because|it's (?:because|like|just)|not|then|or|to|if|just|maybe|ever|even|"
    r"especially|when(?!.*,))\b",
    re.IGNORECASE,
)
_LONGEST = 20  # words
_SHORTEST = 3
_SHORTEST_ALONE = 6


def quote_of(unit: Unit, said: Mapping[int, str]) -> str:
    """Return the words of a unit fit to be quoted, or nothing when they are too long, too short or broken off."""
    text = " ".join(said.get(unit.segment_id, "").split())
    place = text.lower().find(unit.raw)
    if place < 0:
        return ""
    words = _TAIL.sub("", _LEAD.sub("", text[place : place + len(unit.raw)]))
    words = words.lstrip("-–— ")
    if not _SHORTEST <= len(words.split()) <= _LONGEST or _BROKEN.search(words):
        return ""
    return words


def telling_quote(unit: Unit, said: Mapping[int, str], *, least: float = 1.01) -> str:
    """Return the words of a unit when they can be read alone and tell something: how much, since when, why, who, how it feels.

    `least` is the weight they need; what is quoted under a heading of its own needs less.
    """
    words = quote_of(unit, said)
    if _UNWRITTEN.search(words):
        return ""
    if len(words.split()) < _SHORTEST_ALONE or _POINTS_BACK.match(words) or is_hollow(words):
        return ""
    return words if weight_of(words) >= least and has_verb(patient_to_third(clean(words), CLIENT)) else ""
