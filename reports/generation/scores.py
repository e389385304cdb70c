"""What the three numbers of a report honestly mean: completeness, quality and confidence; and what was left out.

None of them says that the note is right: they count form, and support by what was said.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reports.templating.structure import Section

from .base import TranscriptSegment
from .findings import find_findings, listed, uncovered
from .grammar import has_verb
from .textnorm import content_words

if TYPE_CHECKING:
    from .guard import Guard

QUALITY_FORMULA = "quality_v2"
_LONGEST_SENTENCE = 45  # words
_FAULT_WEIGHT = 0.5  # of a fault of form, against 1 of a sentence that is not supported
_FIRST_PERSON = re.compile(r"\b(?:I|my|me)\b")
_QUOTED = re.compile(r"“[^”]*”")


@dataclass(frozen=True, slots=True)
class Fault:
    """What lowers the quality of one sentence: unsupported, fragment, repeated, first_person or long."""

    sentence: str
    kind: str


@dataclass(frozen=True, slots=True)
class Scores:
    """Three numbers from 0 to 1, None when not computable, and the counts they come from.

    `missing` holds findings of the transcript that no sentence covers, those the doctor marked first, then by gravity.
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
    sentences: int = 0
    fragments: int = 0
    repeated: int = 0
    first_person: int = 0
    long: int = 0
    confidence_of: int = 0  # sentences the confidence is the mean of

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
    heard = guard.index.segments if guard is not None else tuple(segments)
    sentences = [sentence for sentence in _kept(sections) if sentence.get("state") != "not_assessed"]
    findings = find_findings(heard)
    left = uncovered(findings, sentences)
    by_id = {section["id"]: section for section in sections}
    required = [section for section in structure if section.required]
    documented = sum(_is_documented(by_id[section.id]) for section in required if section.id in by_id)
    parts = []
    if required:
        parts.append(documented / len(required))
    if findings:
        parts.append(1 - len(left) / len(findings))
    faults = faults_of(sections)
    confidences = _confidences(sentences, heard)
    return Scores(
        completeness=round(sum(parts) / len(parts), 3) if parts else None,
        quality=_quality(sentences, faults),
        confidence=round(sum(confidences) / len(confidences), 3) if confidences else None,
        missing=listed(left, heard, structure),
        required_documented=documented,
        required_total=len(required),
        findings_covered=len(findings) - len(left),
        findings_total=len(findings),
        to_check=sum(sentence["support"] in ("partial", "unsupported") for sentence in sentences),
        sentences=len(sentences),
        fragments=_count(faults, "fragment"),
        repeated=_count(faults, "repeated"),
        first_person=_count(faults, "first_person"),
        long=_count(faults, "long"),
        confidence_of=len(confidences),
    )


def faults_of(sections: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Return everything that lowers the quality of a report, in reading order."""
    faults: list[Fault] = []
    seen: set[str] = set()
    for sentence in _kept(sections):
        text = sentence["text"]
        own_words = _QUOTED.sub(" ", text)
        if sentence["support"] in ("partial", "unsupported"):
            faults.append(Fault(sentence["id"], "unsupported"))
        key = " ".join(content_words(text))
        if key and key in seen:
            faults.append(Fault(sentence["id"], "repeated"))
        seen.add(key)
        if len(text.split()) > _LONGEST_SENTENCE:
            faults.append(Fault(sentence["id"], "long"))
        if sentence.get("layout", "prose") not in ("prose", "paragraph") or sentence.get("item"):
            continue
        if not has_verb(text) and ":" not in text and len(text.split()) > 3:
            faults.append(Fault(sentence["id"], "fragment"))
        if _FIRST_PERSON.search(own_words):
            faults.append(Fault(sentence["id"], "first_person"))
    return faults


def _count(faults: Iterable[Fault], kind: str) -> int:
    return sum(fault.kind == kind for fault in faults)


def _kept(sections: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for section in sections:
        yield from (sentence for sentence in section["sentences"] if not sentence.get("removed"))
        yield from _kept(section.get("subsections", ()))


def _is_documented(section: Mapping[str, Any]) -> bool:
    """Tell whether a section says anything; that something was not assessed says nothing."""
    return any(sentence.get("state") != "not_assessed" for sentence in _kept([section]))


def _quality(sentences: Sequence[Mapping[str, Any]], faults: Sequence[Fault]) -> float | None:
    """Return quality_v2: the share of supported sentences, less half the share of faults of form."""
    if not sentences:
        return None
    unsupported = _count(faults, "unsupported")
    of_form = len(faults) - unsupported
    return round(max(0.0, 1 - unsupported / len(sentences) - _FAULT_WEIGHT * of_form / len(sentences)), 3)


def _confidences(sentences: Sequence[Mapping[str, Any]], segments: Sequence[TranscriptSegment]) -> list[float]:
    """Return of each sentence an engine wrote its own confidence times that of the speech engine in the cited segments."""
    heard = {segment.id: segment.confidence for segment in segments}
    values = []
    for sentence in sentences:
        if sentence.get("confidence") is None:
            continue
        spoken = [confidence for item in sentence["evidence"] if (confidence := heard.get(item["segment"])) is not None]
        values.append(sentence["confidence"] * (sum(spoken) / len(spoken) if spoken else 1.0))
    return values
