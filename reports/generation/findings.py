"""What was said that a note should hold, each as a whole sentence, and which of it no sentence of a report covers."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from reports.templating.structure import Section
from sessions_app.transcripts.clinical_terms import DRUGS, drug_name

from .antecedents import with_antecedents
from .base import TranscriptSegment
from .corrections import without_corrected
from .counting import is_measured
from .dictation import without_dictation
from .facts import Fact, facts_of, with_all_cited
from .folded import Folded
from .grammar import UNNAMED, has_verb
from .lexicon import DIAGNOSES, HARM_TO_OTHERS, SELF_HARM, SYMPTOM_PATTERNS, names_symptom
from .mapping import place_for, places_of
from .medical_words import in_medical_words, names_medicines
from .rewrite import finish, is_readable, rewrite
from .risk_panel import find_risk_statements
from .setting_up import is_setting_up
from .statements import whole_statements
from .substance_talk import is_soft_drinking
from .textnorm import content_words, tokens
from .therapy import therapy_facts
from .transcript_index import WordSet, word_weight
from .units import Unit, units_of
from .unrecognised import leaves_name_open, unrecognised_doses, without_another_name

# What is left out of a report is listed in this order; the first ones matter most.
RISK, MEDICATION, ALLERGY, DIAGNOSIS, PLAN, SUBSTANCE, SYMPTOM, OTHER = range(8)
_NAMES = ("risk", "medication", "allergy", "diagnosis", "plan", "substance", "symptom", "other")
_LEAST_SCORE = (0.0, 0.3, 0.3, 0.3, 0.3, 0.35, 0.35, 0.4)  # by rank: probability that it belongs in a note
_RISK_SCORE = 0.9
_FOUND_SCORE = 0.5
_COVERED_BY_CITING = 0.4  # share of a finding's words in a sentence that cites its segment
_COVERED_BY_ANY = 0.7  # and in one that does not
_TERSE = frozenset(("exam", "results", "vitals", "plan", "assessment"))  # kinds a clinician says without a verb
_MOST_LISTED = 40
_LONGEST = 45  # words
_SHORTEST_LABELLED = 2
_DOSE = Folded(r"\b\d+(?:\.\d+)? ?(?:mg|mcg|ml|units|milligrams?)\b")
_SUBSTANCES = Folded(
    r"\b(?:alcohol|drink(?:s|ing)?|beers?|wine|smok\w+|cigarettes?|cannabis|marijuana|weed|cocaine|heroin|vap\w+|sober)\b"
)
# What a patient weighs, sleeps and drinks in numbers, and what a clinician reads from a questionnaire.
_AMOUNT = re.compile(
    r"\b\d+(?:\.\d+)? (?:(?:hours?|cups?|glasses|units|drinks|cigarettes|times) (?:of \w+ )?(?:a|an|per|each|every)\b|"
    r"hours? of sleep|kilos?|kg|kilograms?|pounds?|lbs)\b",
    re.IGNORECASE,
)
_SCORE = re.compile(r"\bscores?\b.*\b(?:is|was|of|at)\b.*\b\d+", re.IGNORECASE)
_SLEEP = Folded(r"\b(?:sleep\w*|slept|insomnia|nightmares?|appetite|weight)\b")
_NEXT = Folded(
    r"\b(?:follow[- ]?up|come back|next (?:appointment|session|visit|week)|in (?:\w+ )?(?:weeks?|months?|days?)|refer\w*|"
    r"homework|diary|worksheet|practi[cs]e)\b"
)
_LABELLED = re.compile(
    r"^(?:Onset|Duration|Frequency|Amount|Severity|Location|Dose|Medication|Lives with|Occupation|Workplace)\b[^:]*: (.+)$"
)
_MEASURE = Folded(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|once|twice|days?|weeks?|months?|years?|hours?|"
    r"nights?|morning|"
    r"evening|daily|weekly|since|ago|always|childhood)\b"
)
# Beginnings that hang on words before them, and talk that says nothing of the patient.
_HANGING = Folded(
    r"^(?:for|to|and|but|so|because|or|then|which|that|than|as|like|with|from|of|by|about|it|this|these|those|they|he|she)\b"
)
_EMPTY = Folded(
    r"\b(?:sounds? good|share something|thank|handout|introduce|any questions|good (?:morning|afternoon)|nice to|"
    r"take a (?:look|listen|seat)|"
    r"go over|talk about (?:it|that)|we do know|guidelines?|is associated with|in this country|people who|let me|"
    r"you know)\b"
)

# What rewriting leaves of a sentence that broke off or began anew.
_BROKEN = Folded(
    r"\b(?:do|does|did|not|even|over|feel|feels|be|to|and|but|of|the|a|that|it|at|with|for|is|are|so|know|as well)\.$|"
    r"^(?:ever since|especially|something|everyone|everybody|slightly|not even|hard to)\b|"
    r"\bto (?:it|he|she|they|be they) \w+|\bwould (?:looks|seems|goes|feels)\b|\breports (?:going|something|it|that)\b|"
    r"\bhas been \w+ing anything\b|'s (?:left|right) is\b|\bthe patient have\b|\bcannot remember it\b|\bwe will be \w+en\b"
)
_SUBJECTS = frozenset(("patient", "client", "clinician"))
_LEAST_WORDS = 2  # that tell something besides who it is about


@dataclass(frozen=True, slots=True)
class Finding:
    """Something for a note, with its rank: risk first, other history last."""

    fact: Fact
    rank: int

    @property
    def name(self) -> str:
        return _NAMES[self.rank]


@lru_cache(maxsize=8)
def find_findings(segments: tuple[TranscriptSegment, ...]) -> tuple[Finding, ...]:
    """Return what was said that a note should hold, in the order of the session.

    Likely statements, drugs and doses, symptoms, plans, and what was said of the patient about risk. What the doctor
    marked belongs to it whatever it says.
    """
    facts = [fact for fact in _told(segments) if not fact.is_heading and not fact.is_minor]
    facts += _clinical_left_out(segments, {key for fact in facts for key in fact.evidence})
    doses = unrecognised_doses(segments)
    facts = without_another_name(facts, doses)
    findings = [Finding(fact, _rank(fact)) for fact in facts]
    kept = [one for one in findings if one.fact.score >= _LEAST_SCORE[one.rank] and _reads_well(one)]
    kept += _risk_left_out(segments, kept)
    kept += [Finding(_in_own_words(dose), MEDICATION) for dose in doses]
    held = {key for one in kept for key in one.fact.evidence}
    kept += [
        _marked(place, segment) for place, segment in enumerate(segments) if segment.mark and segment.id not in held
    ]
    return tuple(sorted(kept, key=lambda one: one.fact.index))


def uncovered(findings: Sequence[Finding], sentences: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return the findings that no sentence of a report says, the gravest first.

    A dose whose medicine is not known stays among them until somebody has named it.
    """
    said = [
        _said(sentence["text"], tuple(place["segment"] for place in sentence["evidence"]))
        for sentence in sentences
        if not leaves_name_open(sentence["text"])
    ]
    left = [finding for finding in findings if not _is_covered(finding.fact, said)]
    return sorted(left, key=lambda finding: finding.rank)


def listed(
    left: Sequence[Finding], segments: Sequence[TranscriptSegment], structure: Sequence[Section]
) -> list[dict[str, Any]]:
    """Return findings as a report keeps them, those the doctor marked first, each with the section it fits.

    Each has text, kind, mark, place, evidence, and flat the last place it was said at.
    """
    by_id = {segment.id: segment for segment in segments}
    places = places_of(tuple(structure))
    is_in_medical_words = names_medicines(places)
    entries = []
    for finding in left:
        fact = finding.fact
        cited = [by_id[key] for key in fact.evidence if key in by_id]
        place = place_for(fact, places)
        entries.append(
            {
                "text": in_medical_words(fact.text) if is_in_medical_words else fact.text,
                "kind": finding.name,
                "mark": next((segment.mark for segment in cited if segment.mark), ""),
                "place": (place.leaf_id or place.section_id) if place else "",
                "evidence": [_quoted(segment) for segment in cited],
                **_quoted(cited[-1]),
            }
        )
    return sorted(entries, key=lambda entry: not entry["mark"])[:_MOST_LISTED]


def _quoted(segment: TranscriptSegment) -> dict[str, Any]:
    return {
        "segment": segment.id,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "speaker": segment.speaker,
        "quote": segment.text,
    }


def _told(segments: tuple[TranscriptSegment, ...]) -> list[Fact]:
    segments, made_of = whole_statements(without_corrected(without_dictation(segments)))
    told = therapy_facts(segments, UNNAMED)
    return with_all_cited(told if told is not None else facts_of(segments, UNNAMED), made_of)


def _clinical_left_out(segments: tuple[TranscriptSegment, ...], known: set[int]) -> list[Fact]:
    """Return statements with a drug, a dose or a symptom of the patient that nothing else holds."""
    found = []
    by_id = {segment.id: segment for segment in segments}
    for unit in with_antecedents(units_of(without_corrected(without_dictation(segments)))):
        if unit.segment_id in known or unit.is_question or is_setting_up(unit) or not _is_clinical(unit):
            continue
        told = (one for one in rewrite(unit, "hpi", UNNAMED) if is_readable(one, by_doctor=unit.role == "doctor"))
        sentence = next(told, "")
        cited = {unit.segment_id} if unit.named_in is None else {unit.segment_id, unit.named_in}
        if is_measured(unit) and unit.question_id is not None:
            # A number that cannot be told with what it counts is still shown, as it was asked and answered.
            sentence = sentence or _in_their_words([_quoted(by_id[unit.question_id]), _quoted(by_id[unit.segment_id])])
            cited.add(unit.question_id)
        if sentence:
            found.append(Fact(sentence, tuple(sorted(cited)), _FOUND_SCORE, "hpi", unit.index, unit.role == "doctor"))
    return found


def _risk_left_out(segments: tuple[TranscriptSegment, ...], kept: Sequence[Finding]) -> list[Finding]:
    """Return what was said of the patient about risk as exact quotes, where nothing kept says it from the same place."""
    held = {key for one in kept if one.rank == RISK for key in one.fact.evidence}
    findings = []
    for place, statement in enumerate(find_risk_statements(segments)):
        cited = [one["segment"] for one in statement["evidence"]]
        is_clear = statement["subject"] == "patient" and statement["polarity"] != "asked"
        if statement["kind"] == "substance" or not is_clear or held & set(cited):
            continue
        held |= set(cited)
        text = _in_their_words(statement["evidence"])
        index = next((unit.index for unit in units_of(segments) if unit.segment_id == cited[-1]), place)
        findings.append(Finding(Fact(text, tuple(cited), _RISK_SCORE, "hpi", index, question="suicide"), RISK))
    return findings


def _in_their_words(places: Sequence[Mapping[str, Any]]) -> str:
    """Return who said what: a question with its answer, or one person's words; either may go over several segments."""
    first = places[0]["speaker"]
    said = " ".join(one["quote"].strip() for one in places if one["speaker"] == first).rstrip(".,")
    answer = " ".join(one["quote"].strip() for one in places if one["speaker"] != first).rstrip(".,")
    if answer:
        return f"Asked “{said}”, the patient answered “{answer}”."
    return f"The {'clinician' if first.startswith('doctor') else 'patient'} said “{said}”."


def _in_own_words(dose: Fact) -> Fact:
    return replace(dose, text=f"The {'clinician' if dose.from_doctor else 'patient'} said “{dose.text}”.")


def _marked(place: int, segment: TranscriptSegment) -> Finding:
    fact = Fact(finish(segment.text), (segment.id,), _FOUND_SCORE, "hpi", place, segment.speaker.startswith("doctor"))
    return Finding(fact, _rank(fact))


def _is_clinical(unit: Unit) -> bool:
    if _DOSE.search(unit.text) or any(word in DRUGS for word in tokens(unit.text)):
        return True
    if unit.role == "doctor":
        return bool(_SCORE.search(unit.text))
    if is_measured(unit):
        return True
    if _AMOUNT.search(unit.text) or (re.search(r"\d", unit.text) and names_symptom(unit.question)):
        return True
    return unit.role == "patient" and any(pattern.search(unit.text) for pattern in SYMPTOM_PATTERNS.values())


def _rank(fact: Fact) -> int:
    said = f"{fact.question} {fact.text}"
    words = set(tokens(fact.text))
    if SELF_HARM.search(said) or HARM_TO_OTHERS.search(said):
        return RISK
    if _DOSE.search(fact.text) or words & DRUGS:
        return MEDICATION
    if fact.kind == "allergy" or "allerg" in fact.text.lower():
        return ALLERGY
    if fact.kind == "assessment" and words & DIAGNOSES:
        return DIAGNOSIS
    if fact.kind in ("plan", "agreement") or (fact.from_doctor and _NEXT.search(fact.text)):
        return PLAN
    if _SUBSTANCES.search(fact.text) and not is_soft_drinking(fact.text, fact.question):
        return SUBSTANCE
    if _SLEEP.search(fact.text) or any(pattern.search(fact.text) for pattern in SYMPTOM_PATTERNS.values()):
        return SYMPTOM
    return OTHER


def _reads_well(finding: Finding) -> bool:
    """Tell whether a finding is a statement of its own about the patient, so that a reader would not call it noise."""
    fact = finding.fact
    text = fact.text
    words = text.split()
    if fact.kind in ("education", "focus") or text.rstrip().endswith("?") or len(words) > _LONGEST:
        return False
    if labelled := _LABELLED.match(text):
        return len(words) > _SHORTEST_LABELLED and bool(_MEASURE.search(labelled.group(1)))
    if finding.rank > ALLERGY and (_EMPTY.search(text) or _HANGING.match(text)):
        return False
    if _BROKEN.search(text) or len(set(content_words(text)) - _SUBJECTS) < _LEAST_WORDS:
        return False
    return has_verb(text) or ":" in text or (fact.from_doctor and fact.kind in _TERSE)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a sentence says and cites."""

    words: frozenset[str]
    drugs: frozenset[str]
    doses: frozenset[str]
    cited: frozenset[int]


@lru_cache(maxsize=1024)  # with a change of one sentence all are asked for
def _said(text: str, cited: tuple[int, ...]) -> _Said:
    return _Said(
        frozenset(content_words(text)),
        frozenset(drug_name(word) for word in tokens(text) if word in DRUGS),
        frozenset(match.group(0).lower().replace(" ", "") for match in _DOSE.finditer(text)),
        frozenset(cited),
    )


def _is_covered(fact: Fact, sentences: Iterable[_Said]) -> bool:
    """Tell whether a sentence says it; one with another drug or dose does not, however much of the rest it says."""
    own = _said(fact.text, fact.evidence)
    weights = {word: word_weight(word) for word in own.words}
    total = sum(weights.values()) or 1e-6
    for sentence in sentences:
        cites = not own.cited.isdisjoint(sentence.cited)
        shared = own.words & sentence.words
        if not (cites or shared) or not (own.drugs <= sentence.drugs and own.doses <= sentence.doses):
            continue
        share = sum(weights[word] for word in shared) / total
        if cites and share < _COVERED_BY_CITING:
            heard = WordSet(sentence.words)
            share = sum(weight for word, weight in weights.items() if heard.covers(word)) / total
        if share >= (_COVERED_BY_CITING if cites else _COVERED_BY_ANY):
            return True
    return False
