"""How a draft changes: read, changed and checked in memory, then stored if nobody was faster.

Checking a sentence reads the whole transcript, so it happens before the transaction; the revision tells whether the
draft is still the one that was checked.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

from reports import content, permissions
from reports.content import Evidence, Section, Sentence
from reports.generation import guard, risk_panel, scores, tristate
from reports.generation.base import TranscriptSegment
from reports.models import Report
from reports.printing import rendering
from reports.templating.structure import parse_structure
from sessions_app import queries as session_queries
from sessions_app.models import Transcription
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError

LONGEST_SENTENCE = 2_000
MOST_ATTEMPTS = 4  # two windows that save at the same moment, and a refresh
CONTENT_FIELDS = (
    "structured_data",
    "generated_content",
    "missing",
    "unassigned",
    "risk_statements",
    "completeness_score",
    "quality_score",
    "confidence_score",
    "score_details",
    "manual_corrections",
    "manually_edited",
    "checked_sections",
    "reviewed_by",
    "reviewed_at",
    "revision",
    "updated_at",
)


class StaleRevision(Conflict):
    """The draft was changed after the doctor read it."""

    code = "stale_revision"

    def __init__(self) -> None:
        super().__init__("This report was changed in the meantime. Reload the page to see it, then try again.")


class NotInReport(DomainError):
    """A sentence, section or finding that is not in this report; `name` is what it was asked for by."""

    code = "not_in_report"
    status = 404

    def __init__(self, what: str, name: str = "") -> None:
        super().__init__(f"This {what} is not in the report any more. Reload the page.")
        self.what = what
        self.name = name


class UnusableSentence(DomainError):
    """A sentence without words, or with far too many."""

    code = "unusable_sentence"


def change_draft(
    report: Report,
    change: Callable[[Report], bool | None],
    *,
    verb: str,
    by: User,
    at: datetime,
    revision: int | None = None,
    also: Sequence[str] = (),
) -> Report:
    """Open a draft, change it in memory and store it; nothing is stored when the change answers False.

    A change that names no revision is made again on top of what somebody stored in between: what it touches is looked
    at anew, so it may refuse then. Raises NotAllowed, Conflict, StaleRevision and whatever the change raises.
    """
    for attempt in range(1, MOST_ATTEMPTS + 1):
        draft = open_draft(report, by=by, revision=revision)
        if change(draft) is False:
            return draft
        try:
            store_change(draft, verb=verb, by=by, at=at, also=also)
        except StaleRevision:
            if revision is not None or attempt == MOST_ATTEMPTS:
                raise
        else:
            return draft
    raise AssertionError("the loop above returns or raises")


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
    follow_sections(draft)
    save_change(draft, verb=verb, by=by, at=at, also=also)


def follow_sections(draft: Report) -> None:
    """Set what follows from a draft's sections, in place: statuses, plain text, scores; and what was said about risk."""
    content.set_statuses(draft.structured_data)
    draft.generated_content = rendering.as_text(draft)
    set_scores(draft)
    set_risk_statements(draft)


def set_risk_statements(report: Report) -> None:
    """Find what was said about risk in the transcript as it stands, in place; what was decided about it stays."""
    found = risk_panel.find_risk_statements(segments_of(report.transcription))
    report.risk_statements = risk_panel.carried_over(found, report.risk_statements)


def save_change(draft: Report, *, verb: str, by: User | None, at: datetime, also: Sequence[str] = ()) -> None:
    """Save a changed draft whose scores are set. Raises StaleRevision as `store_change`."""
    opened = draft.revision
    with unit_of_work():
        stored = Report.objects.select_for_update().only("revision", "status", "structured_data").get(pk=draft.pk)
        if stored.revision != opened or stored.status != Report.Status.COMPLETED:
            raise StaleRevision
        _keep_review_true(draft, stored.structured_data, by=by, at=at)
        draft.revision = opened + 1
        draft.save(update_fields=[*CONTENT_FIELDS, *also])
        record(Action.UPDATE, by=by, target=draft, patient_id=draft.session.patient_id, detail={"verb": verb})


def _keep_review_true(draft: Report, before: list[Section], *, by: User | None, at: datetime) -> None:
    """Take back what is not true any more about who read the draft, in place.

    What the session's doctor writes herself she has read: her mark stays and the review is of now. A section somebody
    else changed, a colleague or an engine, has to be read again.
    """
    old = {section["id"]: _wording(section) for section in before}
    changed = {section["id"] for section in draft.structured_data if _wording(section) != old.get(section["id"])}
    is_own = by is not None and by.pk == draft.session.doctor_id
    if changed and not is_own:
        draft.checked_sections = [known for known in draft.checked_sections if known not in changed]
    if {section["id"] for section in draft.structured_data} - set(draft.checked_sections):
        draft.reviewed_by = draft.reviewed_at = None
    elif changed and is_own:
        draft.reviewed_by, draft.reviewed_at = by, at


def _wording(section: Section) -> list[tuple[str, str, object, object]]:
    return [
        (sentence["id"], sentence["text"], sentence.get("state"), sentence.get("cells"))
        for sentence in content.all_sentences([section])
    ]


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


def score_details(result: scores.Scores) -> dict[str, int | str]:
    """Return the counts behind the scores and the formula of quality: no words of anybody, they are stored in clear."""
    counts = {name: value for name, value in asdict(result).items() if isinstance(value, int)}
    return {**counts, "quality_formula": scores.QUALITY_FORMULA}


def check_support(report: Report, sentence: Sentence) -> None:
    """Check a sentence against the places it cites; set support and flags in place, whatever the flags were."""
    cited = [place["segment"] for place in sentence["evidence"]]
    checks = guard.guard_for(segments_of(report.transcription))
    result = tristate.check_line(checks, sentence["text"], cited, sentence.get("item", ""))
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
    **more: object,
) -> None:
    """Keep what a change replaced, so that it can be undone and looked up; `index` is where the line stands or stood.

    Entries of one change share their `step` and time. `more` is what a verb needs beyond that.
    """
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
            "step": report.revision + 1,
            **more,
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
        raise NotInReport("line", sentence_id)
    return place


def require_section(sections: Sequence[Section], section_id: str) -> Section:
    section = content.find_section(sections, section_id)
    if section is None:
        raise NotInReport("section", section_id)
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
        for segment in transcription.words_so_far
    )


def evidence_of(segment: TranscriptSegment) -> Evidence:
    return {
        "segment": segment.id,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "speaker": segment.speaker,
        "quote": segment.text,
    }
