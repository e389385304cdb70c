"""Keep the evidence of drafts true to the transcript: after a correction, and after a new transcript."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from reports.content import Evidence, Sentence, all_sentences
from reports.generation.base import TranscriptSegment
from reports.models import Report
from reports.services.store import check_support, evidence_of, segments_of, store_change
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession, Transcription
from synapse.common.errors import Conflict


def is_evidence_stale(report: Report) -> bool:
    """Tell whether a draft's transcript was corrected, or replaced by a newer one, after its evidence was bound."""
    if not report.is_draft:
        return False
    newest = _newest_words(report.session)
    if newest is not None and newest.pk != report.transcription_id:
        return True
    corrected_at = report.transcription.corrected_at
    return corrected_at is not None and (report.evidence_bound_at is None or corrected_at > report.evidence_bound_at)


def rebind_evidence(report: Report, *, at: datetime) -> Report:
    """Bring a draft's evidence up to its transcript and check the sentences it changed again.

    Segments of the same transcript are found by id; those of another one by time. A sentence the doctor confirmed or
    wrote stays confirmed. A section with a sentence that fell back counts as unread. Does nothing when nothing
    changed; a draft somebody edits at this moment is left to the next call.
    """
    draft = Report.objects.select_related("session__doctor", "transcription").get(pk=report.pk)
    if not is_evidence_stale(draft):
        return draft
    newest = _newest_words(draft.session) or draft.transcription
    by_time = newest.pk != draft.transcription_id
    draft.transcription = newest
    segments = segments_of(newest)
    for sentence in all_sentences(draft.structured_data):
        _rebind_sentence(draft, sentence, segments, by_time=by_time)
    for finding in draft.unassigned:
        finding["evidence"] = _rebound(finding["evidence"], segments, by_time=by_time)
    draft.evidence_bound_at = max(at, newest.corrected_at or at)
    try:
        store_change(draft, verb="rebind_evidence", by=None, at=at, also=["transcription", "evidence_bound_at"])
    except Conflict:
        return Report.objects.select_related("session__doctor", "transcription").get(pk=report.pk)
    return draft


def rebind_session(session_id: UUID, *, at: datetime) -> int:
    """Bind the evidence of every draft of a session again; return how many were looked at."""
    drafts = list(Report.objects.filter(session_id=session_id, status=Report.Status.COMPLETED))
    for draft in drafts:
        rebind_evidence(draft, at=at)
    return len(drafts)


def _rebind_sentence(
    draft: Report, sentence: Sentence, segments: Sequence[TranscriptSegment], *, by_time: bool
) -> None:
    rebound = _rebound(sentence["evidence"], segments, by_time=by_time)
    if rebound == sentence["evidence"]:
        return
    sentence["evidence"] = rebound
    if sentence["support"] == "confirmed":
        return
    before = sentence["support"]
    check_support(draft, sentence)
    if before == "supported" and sentence["support"] != "supported":
        _mark_unread(draft, sentence["id"])


def _rebound(evidence: list[Evidence], segments: Sequence[TranscriptSegment], *, by_time: bool) -> list[Evidence]:
    """Return the places of the transcript that stand for the old ones, in the order of the recording."""
    if by_time:
        wanted = {
            segment.id
            for segment in segments
            if any(_overlap_ms(segment, place) * 2 > min(_length(segment), _length_of(place)) for place in evidence)
        }
    else:
        wanted = {place["segment"] for place in evidence}
    return [evidence_of(segment) for segment in segments if segment.id in wanted]


def _overlap_ms(segment: TranscriptSegment, place: Evidence) -> int:
    return max(0, min(segment.end_ms, place["end_ms"]) - max(segment.start_ms, place["start_ms"]))


def _length(segment: TranscriptSegment) -> int:
    return segment.end_ms - segment.start_ms


def _length_of(place: Evidence) -> int:
    return place["end_ms"] - place["start_ms"]


def _mark_unread(draft: Report, sentence_id: str) -> None:
    for section in draft.structured_data:
        if any(sentence["id"] == sentence_id for sentence in all_sentences([section])):
            draft.checked_sections = [known for known in draft.checked_sections if known != section["id"]]


def _newest_words(session: ConsultationSession) -> Transcription | None:
    """Return the session's newest transcript, or None while it has no finished one."""
    newest = session_queries.current_transcription(session)
    return newest if newest is not None and newest.status == Transcription.Status.COMPLETED else None
