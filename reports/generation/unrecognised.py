"""Doses whose medicine no table knows, and plans said in passing: neither may be missing from a note."""

import re
from collections.abc import Iterable, Sequence

from sessions_app.transcripts.clinical_terms import DRUGS

from .base import TranscriptSegment
from .corrections import without_corrected
from .dictation import without_dictation
from .facts import Fact
from .folded import Folded
from .rewrite import finish
from .textnorm import content_words, tokens
from .units import Unit, units_of

WITHOUT_NAME = "A dose was said whose medicine was not recognised"
NAME_IT = (
    "The cited words give a dose; the name of its medicine was not recognised. Write it here after listening again."
)
_AMOUNT = Folded(
    r"\b(?:\d+(?:\.\d+)?|half an?|an?|one|two|three) ?(?:mg|mcg|ml|milligrams?|micrograms?|millilit(?:er|re)s?|units?|"
    r"tablets?|capsules?|puffs?|pills?)\b"
)
_NUMBERED = re.compile(r"\b(?:\d|half|one|two|three)")
_OFTEN = r"(?:once|twice|two times|three times|\d times) (?:a day|per day|daily|a week)|every (?:night|morning|day)|at (?:night|bedtime)"
_COURSE = Folded(
    r"\b(?:start|prescribe|increase|restart|resume|stop|reduce)(?: you on)? (?!\w+ing\b|to\b|at\b|with\b|by\b|on\b|the day|your)"
    rf"(?:[\w.]+ ){{1,4}}?(?:{_OFTEN})\b"
)
# What else is counted so: what was measured, what is eaten and drunk, and what is done of an evening.
_NO_MEDICINE = Folded(
    r"\b(?:levels?|caffeine|coffee|nicotine|alcohol|beers?|drink\w*|wine|spirits|sodium|salt|sugars?|glucose|cholesterol|"
    r"potassium|protein|water|creatinine|urine|blood|per (?:deci|milli)?lit(?:er|re)|deciliter|dl)\b"
)
_NOT_SWALLOWED = Folded(
    r"\b(?:walk\w*|exercis\w*|breathing|meditat\w*|yoga|journal\w*|diary|practi[cs]\w*|studying|school|class\w*|job|"
    r"work\w*|gym)\b"
)
# Nothing that is done is weighed: "75 mg and the breathing exercises" is a dose all the same.
_WEIGHED = Folded(r"\b\d+(?:\.\d+)? ?(?:mg|mcg|milligrams?|micrograms?)\b")
_INTRODUCED = Folded(
    r"\b(?:start|add|prescrib|introduc|try|switch|put)\w*(?: you)?(?: (?:on|to|with))? "
    r"(?!you\b|"
    r"it\b|that\b|this\b|at\b|on\b|to\b|with\b|by\b|off\b|the (?:same|dose|medic\w*|tablets?)\b|an? (?:low\w*|small\w*|high\w*|dose)\b|"
    r"half\b|one\b|two\b|\d)\w"
)
_ANAPHOR = Folded(r"\b(?:it|that|this|them|those|the (?:dose|same|medic\w+)|same)\b")
_TAKEN = Folded(r"\b(?:is|are|was|were|been|you) (?:\w+ )?(?:taking|on)\b")
_NEAR = 4  # units before a dose in which its medicine may have been named
_LEAD = 3  # units before a dose that may have begun its sentence
_LONGEST_QUOTE = 32  # words
_SCORE = 0.98

_REGULAR = Folded(
    r"\b(?:(?:twice[- ])?weekly|fortnightly|bi-?weekly|monthly) (?:(?:individual|group|family|couples?|talking|cognitive|"
    r"behaviou?ral?|follow-up|one-to-one) ){0,2}"
    r"(?:psychotherapy|therapy|counsell?ing|cbt|dbt|emdr|sessions?|appointments?|visits?|check-ins?)\b"
)
_MEETING_WORDS = frozenset(content_words("follow up follow-up about"))
_NOT_PLANNED = Folded(r"\b(?:not|no|never|without|had|did|was|were|been|used|stop\w*|instead|last|ago|if)\b")
_SEEN_AGAIN = re.compile(
    r"\bsee you(?: again| back| here)? (in (?:about )?(?:a|an|\d+|one|two|three|four|six|eight|a couple of|a few) "
    r"(?:days?|weeks?|months?)|next (?:week|month|(?:mon|tues|wednes|thurs|fri|satur|sun)day)|tomorrow)\b",
    re.IGNORECASE,
)


def unrecognised_doses(segments: tuple[TranscriptSegment, ...]) -> list[Fact]:
    """Return the exact words of every dose whose medicine is not known, as facts of who said it."""
    heard = without_corrected(without_dictation(segments))
    units = units_of(heard)
    by_id = {segment.id: place for place, segment in enumerate(heard)}
    found: list[Fact] = []
    for place, unit in enumerate(units):
        if unit.is_question or not _is_dose(unit.text) or _names_drug(unit.text) or _names_drug(unit.question):
            continue
        lead = _lead_of(units, place)
        if _is_named_before(units, place, lead):
            continue
        first = by_id[units[lead].segment_id]
        said = heard[first : by_id[unit.segment_id] + 1]
        if quote := _quote(said, units[lead], unit):
            cited = tuple(segment.id for segment in said)
            by_doctor = unit.role == "doctor"
            kind = "plan" if by_doctor and not _TAKEN.search(unit.text) else "meds"
            found.append(Fact(quote, cited, _SCORE, kind, unit.index, by_doctor))
    return found


def with_unrecognised(facts: Iterable[Fact], segments: tuple[TranscriptSegment, ...]) -> list[Fact]:
    """Return facts with each such dose told as one, in place of those that would take another word for its medicine.

    What is taken already is told in the words it was said with, where a fact has it.
    """
    facts = list(facts)
    doses = [dose for dose in unrecognised_doses(segments) if dose.kind == "plan" or not _of_dose(facts, dose)]
    told = without_another_name(facts, doses)
    for dose in doses:
        line = f"{WITHOUT_NAME}: “{dose.text}”."
        told.append(Fact(line, dose.evidence, _SCORE, dose.kind, dose.index, dose.from_doctor))
    for plan in _plans_in_words(units_of(without_corrected(without_dictation(segments)))):
        if not any(_tells(fact, plan) for fact in told):
            told.append(plan)
    return sorted(told, key=lambda fact: fact.index)


def without_another_name(facts: Iterable[Fact], doses: Sequence[Fact]) -> list[Fact]:
    """Return facts without those of such a dose: each would take whatever word stands before it for the medicine."""
    facts = list(facts)
    renamed = [fact for dose in doses if dose.kind == "plan" for fact in _of_dose(facts, dose)]
    return [fact for fact in facts if fact not in renamed]


def _of_dose(facts: Iterable[Fact], dose: Fact) -> list[Fact]:
    return [
        fact
        for fact in facts
        if dose.evidence[-1] in fact.evidence and _is_dose(fact.text) and not _names_drug(fact.text)
    ]


def leaves_name_open(text: str) -> bool:
    """Tell whether a line of a note says that the medicine of a dose is not known."""
    return text.startswith(WITHOUT_NAME)


def _plans_in_words(units: Sequence[Unit]) -> list[Fact]:
    found = []
    for unit in units:
        if unit.role != "doctor" or unit.is_question:
            continue
        if (match := _REGULAR.search(unit.text)) and not _NOT_PLANNED.search(unit.text):
            found.append(Fact(finish(match.group(0)), (unit.segment_id,), _SCORE, "plan", unit.index, True))
        if seen := _SEEN_AGAIN.search(unit.text):
            text = finish(f"follow-up {seen.group(1)}")
            found.append(Fact(text, (unit.segment_id,), _SCORE, "plan", unit.index, True))
    return found


def _tells(fact: Fact, plan: Fact) -> bool:
    """Tell whether a fact has the words of a plan; a quote of them under a medicine does not tell it."""
    if leaves_name_open(fact.text):
        return False
    said = set(content_words(fact.text))
    is_meeting = plan.text.startswith("Follow-up") and set(plan.evidence) <= set(fact.evidence)
    if is_meeting and said & set(content_words(plan.text)) - _MEETING_WORDS:
        return True
    return set(content_words(plan.text)) - _MEETING_WORDS <= said and fact.kind in ("plan", "agreement")


def _is_dose(text: str) -> bool:
    amount = _AMOUNT.search(text)
    is_amount = bool(amount and _NUMBERED.match(amount.group(0)))
    if _NO_MEDICINE.search(text) or (_NOT_SWALLOWED.search(text) and not _WEIGHED.search(text)):
        return False
    return is_amount or bool(_COURSE.search(text))


def _names_drug(text: str) -> bool:
    return not DRUGS.isdisjoint(tokens(text))


def _lead_of(units: Sequence[Unit], place: int) -> int:
    """Return where the sentence of a dose begins: with itself, or with the same speaker's words that introduce it."""
    unit = units[place]
    for earlier in range(place - 1, max(-1, place - 1 - _LEAD), -1):
        one = units[earlier]
        if one.role != unit.role or one.is_question or _names_drug(one.text):
            break
        if _INTRODUCED.search(one.text):
            return earlier
    return place


def _is_named_before(units: Sequence[Unit], place: int, lead: int) -> bool:
    unit = units[place]
    is_introduced = lead != place or _INTRODUCED.search(unit.text)
    if _ANAPHOR.search(unit.text) and not is_introduced:
        return any(_names_drug(one.text) for one in units[:place])
    near = [*units[max(0, place - _NEAR) : place], *units[place + 1 : place + 2]]
    return not is_introduced and any(_names_drug(one.text) for one in near)


def _quote(said: Sequence[TranscriptSegment], first: Unit, last: Unit) -> str:
    """Return the words from the beginning of one unit to the end of another, to the letter."""
    whole = " ".join(" ".join(segment.text.split()) for segment in said)
    lowered = whole.lower()
    start = lowered.find(first.raw)
    end = lowered.find(last.raw, max(start, 0))
    if start < 0 or end < 0:
        return ""
    words = whole[start : end + len(last.raw)].strip(" .,;").split()
    return " ".join(words[-_LONGEST_QUOTE:])
