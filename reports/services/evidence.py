"""Keep the evidence of drafts true to the transcript: after a correction, and after a new transcript."""

import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from reports.content import SOURCE_CORRECTED, Evidence, Flag, Sentence, all_sentences
from reports.generation import guard, locate
from reports.generation.base import TranscriptSegment
from reports.models import Report
from reports.services.store import check_support, evidence_of, segments_of, store_change
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession, Transcription
from synapse.common.errors import Conflict

_WORD = re.compile(r"[\w'’]+")


def find_evidence(report: Report, text: str) -> list[Evidence]:
    """Return where a sentence written by hand was said; nothing unless those words support it without a doubt."""
    segments = segments_of(report.transcription)
    checks = guard.guard_for(segments)
    places = locate.locate(text, checks.index)
    if not places or checks.check(text, places).support != "supported":
        return []
    return [evidence_of(segment) for segment in segments if segment.id in places]


def is_evidence_stale(report: Report) -> bool:
    """Tell whether a draft's transcript was corrected, or replaced by a newer one, after its evidence was bound."""
    if not report.is_draft or report.is_provisional:
        return False  # one from live words is written again, not bound again
    standing = report.session.transcriptions.only("session", "status", "corrected_at")
    newest = session_queries.current_transcription(report.session, among=standing)
    is_same = newest is not None and newest.pk == report.transcription_id
    if newest is not None and newest.status == Transcription.Status.COMPLETED and not is_same:
        return True
    corrected_at = newest.corrected_at if newest is not None and is_same else report.transcription.corrected_at
    return corrected_at is not None and (report.evidence_bound_at is None or corrected_at > report.evidence_bound_at)


def rebind_evidence(report: Report, *, at: datetime) -> Report:
    """Bring a draft's evidence up to its transcript and check the sentences it changed again.

    Segments of the same transcript are found by id; those of another one by time. A sentence whose cited words were
    corrected is marked until the doctor confirms or edits it; one the doctor confirmed or wrote stays confirmed. A
    section with a marked sentence, or one that fell back, counts as unread. Does nothing when nothing changed; a draft
    somebody edits at this moment is left to the next call.
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
        finding["evidence"] = rebound(finding["evidence"], segments, by_time=by_time)
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


def bind_again(draft: Report, sentence: Sentence) -> Sentence:
    """Return a sentence kept in the log as it stands today: bound to the transcript, checked again if that moved."""
    bound = sentence.copy()
    bound["evidence"] = rebound(sentence["evidence"], segments_of(draft.transcription), by_time=False)
    if bound["evidence"] != sentence["evidence"] and bound["support"] != "confirmed":
        check_support(draft, bound)
    return bound


def _rebind_sentence(
    draft: Report, sentence: Sentence, segments: Sequence[TranscriptSegment], *, by_time: bool
) -> None:
    cited = sentence["evidence"]
    bound = rebound(cited, segments, by_time=by_time)
    if bound == cited:
        return
    flag = None if by_time else _corrected_flag(sentence, bound)
    sentence["evidence"] = bound
    before = sentence["support"]
    if before != "confirmed":
        check_support(draft, sentence)
    sentence["flags"] = [one for one in sentence["flags"] if one["kind"] != SOURCE_CORRECTED]
    if flag is not None:
        sentence["flags"].append(flag)
    if flag is not None or (before == "supported" and sentence["support"] != "supported"):
        _mark_unread(draft, sentence["id"])


def _corrected_flag(sentence: Sentence, bound: list[Evidence]) -> Flag | None:
    """Return the mark of a sentence whose cited words or speakers changed; several corrections are one from the first.

    None when the words are those the sentence was last read with: put back, set with other marks, or cut elsewhere.
    """
    marked = next((flag for flag in sentence["flags"] if flag["kind"] == SOURCE_CORRECTED), None)
    before = marked["before"] if marked is not None else _said(sentence["evidence"])
    after = _said(bound)
    old, new = _plain_words(before), _plain_words(after)
    is_cut_elsewhere = {_extent(place) for place in sentence["evidence"]} != {_extent(place) for place in bound}
    if old == new or (is_cut_elsewhere and f" {old} " in f" {new} "):
        return None
    detail = "The transcript was corrected after this was written. Read the sentence again."
    return {"kind": SOURCE_CORRECTED, "detail": detail, "before": before, "after": after}


def _said(places: list[Evidence]) -> str:
    """Return cited words with their speakers, a line for each turn."""
    lines: list[str] = []
    speaker = None
    for place in places:
        if place["speaker"] == speaker:
            lines[-1] += f" {place['quote']}"
        else:
            speaker = place["speaker"]
            lines.append(f"{speaker}: {place['quote']}")
    return "\n".join(lines)


def _plain_words(said: str) -> str:
    return " ".join(_WORD.findall(said.lower()))


def _extent(place: Evidence) -> tuple[int, int]:
    return place["start_ms"], place["end_ms"]


def rebound(evidence: list[Evidence], segments: Sequence[TranscriptSegment], *, by_time: bool) -> list[Evidence]:
    """Return the places of the transcript that stand for the old ones, in the order of the recording.

    A place is found by its segment's id while that stands uncut; a merged or split one by its time, as all are in
    another transcript.
    """
    known = {segment.id: segment for segment in segments}
    wanted: set[int] = set()
    for place in evidence:
        segment = known.get(place["segment"])
        is_whole = segment is not None and (segment.start_ms, segment.end_ms) == (place["start_ms"], place["end_ms"])
        if not by_time and is_whole:
            wanted.add(place["segment"])
        else:
            wanted |= {one.id for one in segments if _overlap_ms(one, place) * 2 > min(_length(one), _length_of(place))}
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
