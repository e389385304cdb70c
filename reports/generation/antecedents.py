"""What an answer leaves to the words before it: the drug of a dose, and what an `it` stands for."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sessions_app.transcripts.clinical_terms import DRUGS, drug_name

from .counting import counted
from .folded import Folded
from .textnorm import tokens
from .units import Unit

_DOCTOR_TURNS = 2  # looked back at for the drug
# `\b\d+`, with the digit first: that is found much faster than a border of a word.
_DOSE = re.compile(r"\d(?<!\w\d)\d*(?:\.\d+)? ?(?:mg|mcg|micrograms?|milligrams?)\b", re.IGNORECASE)
_BARE_DOSE = re.compile(r"^(?:only |just |about |still )*\d+(?:\.\d+)? ?(?:mg|mcg)\b", re.IGNORECASE)
# Drugs whose level in the blood is measured.
_MEASURED_DRUGS = frozenset(
    ("lithium", "valproate", "divalproex", "clozapine", "carbamazepine", "lamotrigine", "nortriptyline")
)
_LEVEL = Folded(r"\b(your|my|the) (?=(?:blood )?level\b)")
_KEPT_AT = re.compile(
    r"\b(?P<verb>keep|leave|increase|raise|reduce|lower|decrease|continue|bring|take|put) it(?= (?:up |down |on |back )?(?:to|at|on)\b)",
    re.IGNORECASE,
)
_ONLY_PLACE = re.compile(
    r"^(?:(?:and|now|then|so|also)[ ,]+)*(?:on|upon) (?:the|your|his|her) (?:[a-z]+ ){0,2}[a-z]+[ .,]*$", re.IGNORECASE
)
# "I had two this month": of what the question names.
_HAD_SOME = re.compile(
    r"^(?P<had>i (?:still |only |just )?(?:had|have had|have|get|got|am having)(?: about| only| maybe| like)? "
    r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|a few|a couple|several|none|no more))"
    r"(?=[.,]?$|[ ,]+(?:this|last|in|on|since|a (?:day|night|week|month)|per|at|over|so|before|yesterday|today|every)\b)",
    re.IGNORECASE,
)
_IT = re.compile(
    r"^(?:(?:and|but|so|well|oh|yes|yeah|no)[ ,]+)*(?:it|that) (?=(?:is|was|has|had|used|got|gets|went|comes|came|goes|feels|felt|"
    r"improved|helps|helped|started|stopped|did|does)\b)",
    re.IGNORECASE,
)
# One thing asked about, by its name: "How is your sleep?", "And the appetite?", "What about the panic attacks?".
_ASKED_ABOUT = re.compile(
    r"^(?:(?:and|so|but|now|okay|then|good|right|well)[ ,]+)*"
    r"(?:(?:how|what) (?:is|are|was|were|has|have|had|about)(?: things been with)? )?"
    r"(?:your|the) (?P<name>(?:[a-z-]+ ){0,2}?[a-z-]+?)(?: been| doing| going)?"
    r"(?:,? (?:since|these days|at the moment|right now|now|lately|recently|at night|with|on|in|this|last|over)\b.*)?[?. ]*$",
    re.IGNORECASE,
)
_NO_NAME = frozenset(
    ("rest", "others", "other", "plan", "idea", "thing", "things", "day", "week", "weekend", "question", "same")
)
_DANGLING = re.compile(
    r"^(?:it|this|that|these|those|they) (?:is|was|are|were|has|have|had|used|got|gets|will|would|can|could|did|does|do|feels|felt|"
    r"went|goes|came|comes|helps|helped|started|stopped|improved)\b",
    re.IGNORECASE,
)
_EMPTY_IT = re.compile(
    r"^(?:it|that) (?:is|was|has been|would be|feels|felt) (?:(?:very|really|so|quite|too|been) )*(?:hard|difficult|easy|important|"
    r"possible|likely|common|normal|time|clear|like|as if|because|why|how|what|when)\b|^it (?:hurts|rained|snowed)\b",
    re.IGNORECASE,
)


def asked_about(question: str) -> str:
    """Return the one thing a question asks about, such as `sleep` of `How is your sleep?`; empty when it is none or more."""
    match = _ASKED_ABOUT.match(question)
    if match is None or " and " in match["name"] or match["name"].split()[-1].lower() in _NO_NAME:
        return ""
    return match["name"].lower()


def with_antecedents(units: Sequence[Unit]) -> Iterator[Unit]:
    """Yield the units with the drug of a dose and the thing an `it` stands for, where the words before are certain."""
    turns: list[tuple[int, set[str]]] = []  # the clinician's segments with the drugs named in each, the newest last
    named: Unit | None = None  # the answer that is only a number of what was asked about
    for unit in units:
        if counted(unit):
            named = unit
        elif (
            named
            and named.segment_id == unit.segment_id
            and not counted(named).endswith("s")
            and (begins := _IT.match(unit.text))
        ):
            yield replace(unit, text=f"{counted(named)} {unit.text[begins.end() :]}", named_in=named.question_id)
            continue
        drugs = set(map(drug_name, DRUGS.intersection(tokens(unit.text))))
        if unit.role == "doctor":
            yield _with_drug_kept(_with_level_of(unit, turns), turns) if not drugs else unit
            if turns and turns[-1][0] == unit.segment_id:
                turns[-1][1].update(drugs)
            else:
                turns.append((unit.segment_id, drugs))
            continue
        if drugs:
            turns.append((unit.segment_id, drugs))
            yield unit
            continue
        yield _with_subject(_with_drug(unit, turns))


def with_places(units: Iterable[Unit]) -> list[Unit]:
    """Return the units with what only names a place (`on the lower extremities`) put before the finding that follows it."""
    found: list[Unit] = []
    place: Unit | None = None
    for unit in units:
        named = place if place and place.segment_id == unit.segment_id and not unit.is_question else None
        place = unit if unit.role == "doctor" and _ONLY_PLACE.match(unit.text) else None
        if named is not None and place is None and not _ONLY_PLACE.match(unit.text):
            unit = replace(unit, text=f"{named.text.rstrip(' .,')}, {unit.text}")
        found.append(unit)
    return found


def is_dangling(text: str) -> bool:
    """Tell whether a sentence begins with a pronoun that stands for something it does not name."""
    return bool(_DANGLING.match(text)) and not _EMPTY_IT.match(text)


def _named(turns: Sequence[tuple[int, set[str]]]) -> tuple[str, int] | None:
    """Return the only drug named of late with the segment that names it; nothing when there are two."""
    lately = turns[-_DOCTOR_TURNS:]
    names = {name for _, drugs in lately for name in drugs}
    if len(names) != 1:
        return None
    [name] = names
    return name, next(segment for segment, drugs in reversed(lately) if name in drugs)


def _with_drug(unit: Unit, turns: Sequence[tuple[int, set[str]]]) -> Unit:
    dose = _DOSE.search(unit.text)
    # "Still on the sertraline?" - "Yes, 50 mg": the answer is told with its question, which names the drug.
    is_told_with_question = unit.is_turn_start and (unit.says_yes or unit.says_no)
    named = _named(turns) if dose and not unit.is_question and not is_told_with_question else None
    if (
        dose is None
        or named is None
        or re.search(r"\b(?:caffeine|ibuprofen|vitamin|of)\b", unit.text[dose.end() : dose.end() + 12])
    ):
        return unit
    name, segment = named
    bare = _BARE_DOSE.match(unit.text)
    text = f"{name}: {unit.text}" if bare else f"{unit.text[: dose.start()]}{name} {unit.text[dose.start() :]}"
    return replace(unit, text=text, named_in=segment)


def _with_drug_kept(unit: Unit, turns: Sequence[tuple[int, set[str]]]) -> Unit:
    """Return `Let us keep it at 2 mg` with the drug, when only one was spoken of in the whole session."""
    kept = _KEPT_AT.search(unit.text) if _DOSE.search(unit.text) and not unit.is_question else None
    if kept is None:
        return unit
    named = [(name, segment) for segment, drugs in turns for name in drugs]
    if len({name for name, _ in named}) != 1:
        return unit
    name, segment = named[-1]
    return replace(
        unit, text=f"{unit.text[: kept.start()]}{kept['verb']} {name}{unit.text[kept.end() :]}", named_in=segment
    )


def _with_level_of(unit: Unit, turns: Sequence[tuple[int, set[str]]]) -> Unit:
    found = _LEVEL.search(unit.text)
    if found is None:
        return unit
    measured = [(name, segment) for segment, drugs in turns for name in drugs if name in _MEASURED_DRUGS]
    if len({name for name, _ in measured}) != 1:
        return unit
    name, segment = measured[-1]
    text = f"{unit.text[: found.end()]}{name} {unit.text[found.end() :]}"
    return replace(unit, text=text, named_in=segment)


def _with_subject(unit: Unit) -> Unit:
    """Return `It is back to normal` as `Appetite is back to normal` when the appetite was asked about."""
    had = _HAD_SOME.match(unit.text) if unit.question and unit.is_turn_start else None
    if had and (name := asked_about(unit.question)).endswith("s"):
        return replace(unit, text=f"{had['had']} {name}{unit.text[had.end() :]}", named_in=unit.question_id)
    begins = _IT.match(unit.text) if unit.question and unit.is_turn_start else None
    name = asked_about(unit.question) if begins else ""
    if begins is None or not name or _EMPTY_IT.match(unit.text[begins.start() :]) or name.endswith("s"):
        return unit
    return replace(unit, text=f"{name} {unit.text[begins.end() :]}", named_in=unit.question_id)
