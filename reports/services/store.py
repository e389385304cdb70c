"""How a draft changes: read, changed and checked in memory, then stored if nobody was faster.

Checking a sentence reads the whole transcript, so it happens before the transaction; the revision tells whether the
draft is still the one that was checked.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from reports import content, permissions, rendering
from reports.content import Evidence, Section, Sentence
from reports.generation import guard, scores
from reports.generation.base import TranscriptSegment
from reports.models import Report
from reports.structure import parse_structure
from sessions_app import queries as session_queries
from sessions_app.models import Transcription
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError

LONGEST_SENTENCE = 2_000
CONTENT_FIELDS = (
    "structured_data",
    "generated_content",
    "missing",
    "unassigned",
    "completeness_score",
    "quality_score",
    "confidence_score",
    "score_details",
    "manual_corrections",
    "manually_edited",
    "checked_sections",
    "revision",
    "updated_at",
)


class StaleRevision(Conflict):
    """The draft was changed after the doctor read it."""

    code = "stale_revision"

    def __init__(self) -> None:
        super().__init__("This report was changed in the meantime. Reload the page to see it, then try again.")


class NotInReport(DomainError):
    """A sentence, section or finding that is not in this report."""

    code = "not_in_report"
    status = 404

    def __init__(self, what: str) -> None:
        super().__init__(f"This {what} is not in the report any more. Reload the page.")


class UnusableSentence(DomainError):
    """A sentence without words, or with far too many."""

    code = "unusable_sentence"


def open_draft(report: Report, *, by: User, revision: int | None = None) -> Report:
    """Return the draft as stored now, to be changed in memory and given to `store_change`.

    `revision` is the one the doctor saw; None takes any. Raises NotAllowed, Conflict and StaleRevision.
    """
    fresh = Report.objects.select_related("session__doctor", "transcription").get(pk=report.pk)
    permissions.check_can_edit(by, fresh)
    if revision is not None and fresh.revision != revision:
        raise StaleRevision
    return fresh


def store_change(draft: Report, *, verb: str, by: User | None, at: datetime, also: Sequence[str] = ()) -> None:
    """Save a changed draft with all that follows from its sections, raise its revision, write the audit row.

    `also` names further fields. Raises StaleRevision when the stored draft is no longer the one that was opened.
    """
    content.set_statuses(draft.structured_data)
    draft.generated_content = rendering.as_text(draft)
    set_scores(draft)
    opened = draft.revision
    with unit_of_work():
        stored = Report.objects.select_for_update().only("revision", "status").get(pk=draft.pk)
        if stored.revision != opened or stored.status != Report.Status.COMPLETED:
            raise StaleRevision
        draft.revision = opened + 1
        draft.save(update_fields=[*CONTENT_FIELDS, *also])
        record(Action.UPDATE, by=by, target=draft, patient_id=draft.session.patient_id, detail={"verb": verb})


def set_scores(report: Report) -> None:
    """Compute the scores and what was said but left out, for the sections as they stand, in place."""
    result = scores.score_sections(
        report.structured_data, parse_structure(report.template_structure), segments_of(report.transcription)
    )
    report.missing = result.missing
    report.completeness_score = result.completeness
    report.quality_score = result.quality
    report.confidence_score = result.confidence
    report.score_details = score_details(result)


def score_details(result: scores.Scores) -> dict[str, int]:
    """Return the counts behind the scores: numbers only, they are stored in clear."""
    return {name: value for name, value in asdict(result).items() if isinstance(value, int)}


def check_support(report: Report, sentence: Sentence) -> None:
    """Check a sentence against the places it cites; set support and flags in place, whatever the flags were."""
    cited = [place["segment"] for place in sentence["evidence"]]
    result = guard.check_sentence(sentence["text"], cited, segments_of(report.transcription))
    sentence["support"] = result.support
    sentence["flags"] = [{"kind": flag.kind, "detail": flag.detail} for flag in result.flags]


def log_correction(
    report: Report,
    *,
    verb: str,
    section: Section,
    before: Sentence | None,
    after: Sentence | None,
    by: User,
    at: datetime,
    index: int | None = None,
) -> None:
    """Keep what a change replaced, so that it can be restored and looked up."""
    sentence = after or before
    report.manual_corrections = [
        *report.manual_corrections,
        {
            "sentence": sentence["id"] if sentence else "",
            "section": section["id"],
            "index": index,
            "verb": verb,
            "before": before,
            "after": after,
            "by": str(by.pk),
            "at": at.isoformat(),
        },
    ]
    report.manually_edited = True


def clean_text(text: str) -> str:
    """Return a sentence on one line; raise UnusableSentence."""
    cleaned = " ".join(text.split())
    if not cleaned:
        raise UnusableSentence("Write the sentence, or remove the line.")
    if len(cleaned) > LONGEST_SENTENCE:
        raise UnusableSentence(f"A sentence has at most {LONGEST_SENTENCE} characters. Split it.")
    return cleaned


def require_sentence(sections: Sequence[Section], sentence_id: str) -> content.Place:
    place = content.find_sentence(sections, sentence_id)
    if place is None:
        raise NotInReport("line")
    return place


def require_section(sections: Sequence[Section], section_id: str) -> Section:
    section = content.find_section(sections, section_id)
    if section is None:
        raise NotInReport("section")
    return section


def segments_of(transcription: Transcription) -> tuple[TranscriptSegment, ...]:
    """Return the transcript as engines and the guard read it, with what the doctor marked while it was said."""
    marked = session_queries.marked_segments(transcription)
    return tuple(
        TranscriptSegment(
            id=segment["id"],
            start_ms=segment["start_ms"],
            end_ms=segment["end_ms"],
            speaker=segment["speaker"],
            text=segment["text"],
            confidence=segment.get("confidence"),
            mark=marked.get(segment["id"], ""),
        )
        for segment in transcription.segments
    )


def evidence_of(segment: TranscriptSegment) -> Evidence:
    return {
        "segment": segment.id,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "speaker": segment.speaker,
        "quote": segment.text,
    }
