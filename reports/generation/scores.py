"""What the three numbers of a report honestly mean: completeness, quality_v1, confidence; and what was said but left out."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from reports.structure import Section
from sessions_app.clinical_terms import DRUGS

from .base import TranscriptSegment
from .facts import Fact, facts_of
from .grammar import UNNAMED, has_verb
from .lexicon import SELF_HARM, SYMPTOM_PATTERNS
from .rewrite import finish, is_readable, rewrite
from .textnorm import content_words, tokens
from .transcript_index import word_weight
from .units import Unit, units_of

if TYPE_CHECKING:
    from .guard import Guard

QUALITY_VERSION = "quality_v1"
_FINDING_FROM = 0.5  # probability that a statement belongs in a note
_COVERED_BY_CITING = 0.4  # share of a finding's words in a sentence that cites its segment
_COVERED_BY_ANY = 0.7  # and in one that does not
_LONGEST_SENTENCE = 45  # words
_MOST_MISSING = 40
_DOSE = re.compile(r"\b\d+(?:\.\d+)? ?(?:mg|mcg|mL|units)\b", re.IGNORECASE)
_FIRST_PERSON_START = re.compile(r"\b(?:I|my|me)\b")


@dataclass(frozen=True, slots=True)
class Scores:
    """Three numbers from 0 to 1, None when not computable, and the counts they come from.

    `missing` holds findings of the transcript that no sentence covers, those the doctor marked first: text, kind, mark,
    segment, start_ms, end_ms, speaker, quote.
    """

    completeness: float | None
    quality: float | None
    confidence: float | None
    missing: list[dict[str, Any]] = field(default_factory=list)
    required_documented: int = 0
    required_total: int = 0
    findings_covered: int = 0
    findings_total: int = 0
    to_check: int = 0

    def as_json(self) -> dict[str, float | None]:
        return {"completeness": self.completeness, "quality": self.quality, "confidence": self.confidence}


def score_sections(
    sections: Sequence[Mapping[str, Any]],
    structure: Sequence[Section],
    segments: Sequence[TranscriptSegment],
    *,
    guard: "Guard | None" = None,
) -> Scores:
    """Return the scores of contract sections against their template and transcript."""
    from .guard import guard_for

    guard = guard or guard_for(tuple(segments))
    sentences = list(_kept(sections))
    findings = find_findings(guard.index.segments)
    uncovered = [finding for finding in findings if not _is_covered(finding, sentences)]
    by_id = {section["id"]: section for section in sections}
    required = [section for section in structure if section.required]
    documented = sum(any(True for _ in _kept([by_id[section.id]])) for section in required if section.id in by_id)
    parts = []
    if required:
        parts.append(documented / len(required))
    if findings:
        parts.append(1 - len(uncovered) / len(findings))
    return Scores(
        completeness=round(sum(parts) / len(parts), 3) if parts else None,
        quality=_quality(sentences),
        confidence=_confidence(sentences, segments),
        missing=_marked_first([_missing(finding, guard) for finding in uncovered])[:_MOST_MISSING],
        required_documented=documented,
        required_total=len(required),
        findings_covered=len(findings) - len(uncovered),
        findings_total=len(findings),
        to_check=sum(sentence["support"] in ("partial", "unsupported") for sentence in sentences),
    )


@lru_cache(maxsize=8)
def find_findings(segments: tuple[TranscriptSegment, ...]) -> tuple[Fact, ...]:
    """Return what was said that a note should hold: likely statements, drugs and doses, symptoms, talk of self-harm.

    What the doctor marked belongs to it whatever it says.
    """
    findings = [fact for fact in facts_of(segments, UNNAMED) if fact.score >= _FINDING_FROM and not fact.is_heading]
    known = {segment for fact in findings for segment in fact.evidence}
    for unit in units_of(segments):
        if unit.segment_id in known or unit.is_question or not _is_clinical(unit):
            continue
        for sentence in rewrite(unit, "hpi", UNNAMED) or [finish(unit.text)]:
            if is_readable(sentence, by_doctor=unit.role == "doctor", may_be_terse=True):
                findings.append(
                    Fact(sentence, (unit.segment_id,), _FINDING_FROM, "hpi", unit.index, unit.role == "doctor")
                )
                break
    held = {segment for fact in findings for segment in fact.evidence}
    findings += [
        Fact(finish(segment.text), (segment.id,), _FINDING_FROM, "hpi", place, segment.speaker.startswith("doctor"))
        for place, segment in enumerate(segments)
        if segment.mark and segment.id not in held
    ]
    return tuple(sorted(findings, key=lambda fact: fact.index))


def _is_clinical(unit: Unit) -> bool:
    text = unit.text
    if SELF_HARM.search(text) or _DOSE.search(text) or any(word in DRUGS for word in tokens(text)):
        return True
    return unit.role == "patient" and any(pattern.search(text) for pattern in SYMPTOM_PATTERNS.values())


def _kept(sections: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for section in sections:
        yield from (sentence for sentence in section["sentences"] if not sentence.get("removed"))
        yield from _kept(section.get("subsections", ()))


def _is_covered(finding: Fact, sentences: Sequence[Mapping[str, Any]]) -> bool:
    words = set(content_words(finding.text))
    total = sum(map(word_weight, words)) or 1e-6
    for sentence in sentences:
        share = sum(map(word_weight, words & set(content_words(sentence["text"])))) / total
        cites = any(item["segment"] in finding.evidence for item in sentence["evidence"])
        if share >= (_COVERED_BY_CITING if cites else _COVERED_BY_ANY):
            return True
    return False


def _marked_first(missing: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(missing, key=lambda finding: not finding["mark"])


def _missing(finding: Fact, guard: "Guard") -> dict[str, Any]:
    segment = guard.index.segments[guard.index.order[finding.evidence[-1]]]
    return {
        "text": finding.text,
        "kind": finding.kind,
        "mark": segment.mark,
        "segment": segment.id,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "speaker": segment.speaker,
        "quote": segment.text,
    }


def _quality(sentences: Sequence[Mapping[str, Any]]) -> float | None:
    """Return quality_v1: the share of supported sentences, less half the shares of fragments, repetitions, first person, length."""
    if not sentences:
        return None
    count = len(sentences)
    supported = sum(sentence["support"] in ("supported", "confirmed") for sentence in sentences)
    prose = [sentence["text"] for sentence in sentences if sentence.get("layout", "prose") in ("prose", "paragraph")]
    faults = sum(not has_verb(text) and ":" not in text and len(text.split()) > 3 for text in prose)
    faults += count - len({" ".join(content_words(sentence["text"])) for sentence in sentences})
    faults += sum(bool(_FIRST_PERSON_START.search(text)) for text in prose)
    faults += sum(len(sentence["text"].split()) > _LONGEST_SENTENCE for sentence in sentences)
    return round(max(0.0, supported / count - 0.5 * faults / count), 3)


def _confidence(sentences: Sequence[Mapping[str, Any]], segments: Sequence[TranscriptSegment]) -> float | None:
    """Return the mean over sentences of their own confidence times that of the speech engine in the cited segments."""
    heard = {segment.id: segment.confidence for segment in segments}
    values = []
    for sentence in sentences:
        if sentence.get("confidence") is None:
            continue
        spoken = [confidence for item in sentence["evidence"] if (confidence := heard.get(item["segment"])) is not None]
        values.append(sentence["confidence"] * (sum(spoken) / len(spoken) if spoken else 1.0))
    return round(sum(values) / len(values), 3) if values else None
