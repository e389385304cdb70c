"""What a signed report changes in the patient's record, proposed line by line; the doctor ticks what is taken over.

Plain rules over the report's own words, no model: a proposal only ever repeats what a signed sentence says.
"""

import re
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from patients.models import Patient
from reports import queries
from reports.content import Sentence, all_sentences
from reports.generation.lexicon import DIAGNOSES, KIN, NEGATION
from reports.models import Report
from sessions_app.transcripts.clinical_terms import DRUGS

MEDICATION_TOPICS = ("medications", *queries.PLAN_TOPICS)
LONGEST_SENTENCE = 200  # characters; a longer one reasons about a diagnosis and does not state it

_DOSE = re.compile(
    r"\d+(?:[.,]\d+)?\s?(?:mg|mcg|µg|micrograms?|g|mL|ml|units?|IU|drops?|tablets?|puffs?)\b(?:\s?/\s?\d+\s?(?:mg|mL|ml))?"
)
_RAISED_TO = re.compile(r"\bto\s+$")
_HOW_WORDS = (
    "once|twice|thrice|times|three|every|each|at|in|the|a|an|per|daily|nightly|weekly|morning|mornings|evening|evenings|night|"
    "nights|bedtime|noon|lunch|dinner|breakfast|day|days|week|weeks|month|with|after|before|meals?|food|as|needed|prn|by|mouth|"
    "orally|od|bd|tds|qds|qhs|bid|tid|qid|other|for|sleep|one|two|hours?|\\d+"
)
_HOW = re.compile(rf"(?:\s+(?:{_HOW_WORDS})\b)+", re.IGNORECASE)
_STOP = re.compile(
    r"\b(stop\w*|discontinu\w*|come off|came off|wean\w* off|taper\w* off|no longer tak\w+|cease\w*)\b", re.IGNORECASE
)
_START = re.compile(r"\b(start\w*|begin\w*|began|add(?:ed|ing)?|initiat\w*|prescrib\w*|trial of)\b", re.IGNORECASE)
_CHANGE = re.compile(
    r"\b(increas\w*|rais\w*|decreas\w*|reduc\w*|lower\w*|chang\w*|switch\w*|titrat\w*|adjust\w*|up to|down to)\b",
    re.IGNORECASE,
)
_NOT_TAKEN = re.compile(r"\b(avoid\w*|stay(?:s|ing)? away from|allerg\w+ to|instead of|rather than)\b", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[.;]|,? (?:but|because|so that|which) ", re.IGNORECASE)

_ALLERGIC_TO = re.compile(
    r"\ballerg(?:y|ic|ies)(?: reaction)?s? to\s+(?P<what>[a-z][\w' -]{1,60}?)(?=[.,;()]|\s+(?:with|which|causing|but|since)\b|$)",
    re.IGNORECASE,
)
_SOME_ALLERGY = re.compile(
    r"\b(?P<what>(?!drug|food|seasonal|an|the|no|known|any)[a-z][\w-]+) allergy\b", re.IGNORECASE
)

_DIAGNOSIS_LEAD = re.compile(
    r"^(?:this is|it is|the (?:diagnosis|impression) is|impression:|diagnosis:|(?:the patient|he|she) has|consistent with)\s+",
    re.IGNORECASE,
)

_CLAUSES = re.compile(r"[,;:.] |, and |, but | and (?:it|she|he|they|this|that) |, which ")

_NUMBERS = {
    **{
        word: place
        for place, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight"), start=1)
    },
    **{word: place for place, word in enumerate(("nine", "ten", "eleven", "twelve"), start=9)},
    "a": 1,
    "an": 1,
    "a couple of": 2,
    "couple of": 2,
}
_NUMBER_WORDS = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_INTERVAL = re.compile(
    rf"\b(?:about |around |the next )?(?P<count>\d{{1,3}}|{_NUMBER_WORDS})[ -](?:more )?"
    r"(?P<unit>day|week|fortnight|month)s?\b",
    re.IGNORECASE,
)
_RETURN = re.compile(
    r"\b(follow(?:ing)?[ -]?up|return\w*|see (?:you|him|her|them|the patient)|come back|comes back|review|next (?:visit|appointment|"
    r"session)|appointment|check back|recheck|meet)\b",
    re.IGNORECASE,
)
_NEXT = re.compile(r"\bnext (?P<unit>week|month)\b", re.IGNORECASE)
_DAYS = {"day": 1, "week": 7, "fortnight": 14, "month": 30}
LONGEST_INTERVAL_DAYS = 366


class Kind(StrEnum):
    MEDICATION = "medication"
    ALLERGY = "allergy"
    DIAGNOSIS = "diagnosis"


class Change(StrEnum):
    """What the report says of a medication; other proposals are new facts."""

    NEW = "new"
    START = "start"
    CHANGE = "change"
    CONTINUE = "continue"
    STOP = "stop"


@dataclass(frozen=True)
class Proposal:
    """One line for the record, and the sentence it comes from."""

    kind: Kind
    text: str
    change: Change
    sentence: Sentence

    @property
    def key(self) -> str:
        """A name that stays as long as the report says the same."""
        return f"{self.kind.value}-{zlib.crc32(self.text.encode()):08x}"


@dataclass(frozen=True)
class FollowUp:
    """When the patient should come again: days after the session, and the sentence that says so."""

    days: int
    sentence: Sentence


@dataclass(frozen=True)
class Facts:
    """What was ticked, as the patient's record takes it."""

    medications: list[str]
    allergies: list[str]
    diagnoses: list[str]


def propose(report: Report) -> list[Proposal]:
    """Return what a signed report says that the patient's record does not say yet; nothing for a draft."""
    if not report.is_signed or report.erased_at is not None:
        return []
    found = [*_medications(report), *_allergies(report), *_diagnoses(report)]
    return [proposal for proposal in found if not _is_known(proposal, report.session.patient)]


def facts_of(proposals: Iterable[Proposal], keys: Collection[str]) -> Facts:
    """Return the ticked proposals by where they go in the record."""
    ticked = [proposal for proposal in proposals if proposal.key in keys]

    def texts(kind: Kind) -> list[str]:
        return [proposal.text for proposal in ticked if proposal.kind is kind]

    return Facts(texts(Kind.MEDICATION), texts(Kind.ALLERGY), texts(Kind.DIAGNOSIS))


def follow_up_of(report: Report) -> FollowUp | None:
    """Return the interval the plan names, the first place that is about coming again before any other."""
    for topics in (("follow_up",), queries.PLAN_TOPICS):
        for section in queries.sections_about(report, topics):
            for sentence in section["sentences"]:
                days = _days_in(sentence["text"])
                if days is not None and (topics == ("follow_up",) or _RETURN.search(sentence["text"])):
                    return FollowUp(days, sentence)
    return None


def _medications(report: Report) -> list[Proposal]:
    """Return one proposal a drug: what the report says of it last, since plans follow histories."""
    by_drug: dict[str, Proposal] = {}
    for section in queries.sections_about(report, MEDICATION_TOPICS):
        for sentence in section["sentences"]:
            for proposal in _medications_in(sentence, report):
                by_drug[proposal.text.split()[0].lower()] = proposal
    return list(by_drug.values())


def _medications_in(sentence: Sentence, report: Report) -> Iterable[Proposal]:
    text = sentence["text"]
    if KIN.search(text):
        return
    names = [match for match in re.finditer(r"[A-Za-z]+", text) if match.group().lower() in DRUGS]
    for place, name in enumerate(names):
        before = text[names[place - 1].end() if place else 0 : name.start()]
        until = names[place + 1].start() if place + 1 < len(names) else len(text)
        after = _CLAUSE_END.split(text[name.end() : until])[0]
        drug = name.group().capitalize()
        if _STOP.search(before):
            yield Proposal(
                Kind.MEDICATION, f"{drug}: stopped {report.session.started_at:%Y-%m-%d}", Change.STOP, sentence
            )
            continue
        if NEGATION.search(before) or _NOT_TAKEN.search(before):
            continue
        line = " ".join(part for part in (drug, *_dose_in(after)) if part)
        change = Change.CHANGE if _CHANGE.search(before) else Change.START if _START.search(before) else Change.CONTINUE
        yield Proposal(Kind.MEDICATION, line, change, sentence)


def _dose_in(text: str) -> tuple[str, ...]:
    """Return the dose and how it is taken; of `from 50 mg to 75 mg` the second."""
    doses = list(_DOSE.finditer(text))
    if not doses:
        return ()
    dose = next((match for match in doses if _RAISED_TO.search(text[: match.start()])), doses[0])
    how = _HOW.match(text[dose.end() :])
    return (dose.group(), how.group().strip() if how else "")


def _allergies(report: Report) -> Iterable[Proposal]:
    for sentence in all_sentences(report.structured_data):
        text = sentence["text"]
        if NEGATION.search(text) or KIN.search(text):
            continue
        for match in [*_ALLERGIC_TO.finditer(text), *_SOME_ALLERGY.finditer(text)]:
            what = match.group("what").strip()
            yield Proposal(Kind.ALLERGY, what[:1].upper() + what[1:], Change.NEW, sentence)


def _diagnoses(report: Report) -> Iterable[Proposal]:
    for section in queries.sections_about(report, ("assessment",)):
        for sentence in section["sentences"]:
            text = sentence["text"].strip().rstrip(".")
            if len(text) > LONGEST_SENTENCE or NEGATION.search(text) or KIN.search(text):
                continue
            line = next((clause for clause in _CLAUSES.split(text) if _names_diagnosis(clause)), "")
            line = _DIAGNOSIS_LEAD.sub("", line.strip())
            if not line:
                continue
            yield Proposal(Kind.DIAGNOSIS, line[:1].upper() + line[1:], Change.NEW, sentence)


def _names_diagnosis(text: str) -> bool:
    return not DIAGNOSES.isdisjoint(re.findall(r"[a-z']+", text.lower()))


def _is_known(proposal: Proposal, patient: Patient) -> bool:
    """Tell whether the record has the line; a drug to be continued is known by its name alone when no dose is said."""
    known = {
        Kind.MEDICATION: patient.current_medications.splitlines(),
        Kind.ALLERGY: patient.allergy_list,
        Kind.DIAGNOSIS: patient.medical_history.splitlines(),
    }[proposal.kind]
    plain = _plain(proposal.text)
    if proposal.kind is Kind.MEDICATION and proposal.change is Change.CONTINUE and " " not in plain:
        return any(plain in _plain(line).split() for line in known)
    return any(plain == _plain(line) for line in known)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9.]+", text.lower()))


def _days_in(text: str) -> int | None:
    """Return the interval a sentence names, in days."""
    match = _INTERVAL.search(text)
    if match is None:
        following = _NEXT.search(text)
        return _DAYS[following.group("unit").lower()] if following else None
    count = match.group("count").lower()
    days = (int(count) if count.isdigit() else _NUMBERS[count]) * _DAYS[match.group("unit").lower()]
    return days if 0 < days <= LONGEST_INTERVAL_DAYS else None
