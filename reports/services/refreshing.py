"""A provisional report becomes final: written again from the finished transcript around what the doctor did to it."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import datetime
from typing import cast
from uuid import UUID

from reports.content import Section, Sentence, all_sentences, find_section
from reports.generation import assemble, named_generator
from reports.generation.assemble import AssembledReport
from reports.generation.base import GenerationError, GenerationRequest
from reports.models import Report, StyleRule
from reports.services import history, merging, styling
from reports.services.drafting import styled_request, write_draft, written_by
from reports.services.evidence import rebound
from reports.services.store import (
    MOST_ATTEMPTS,
    StaleRevision,
    check_support,
    follow_sections,
    save_change,
    segments_of,
)
from sessions_app import queries as session_queries
from sessions_app.models import Transcription
from synapse.accounts.choices import NotificationEvent
from synapse.accounts.services import notify
from synapse.audit.services import unit_of_work
from synapse.common import jobs
from synapse.common.models import Job

_WRITTEN = (
    "transcription",
    "is_provisional",
    "evidence_bound_at",
    "engine",
    "ai_model",
    "prompt_version",
    "token_usage",
    "fallback_code",
    "applied_rules",
    "reviewed_by",
    "reviewed_at",
)


def refresh_report(report_id: UUID, *, job: Job, clock: Callable[[], datetime]) -> None:
    """Write the lines nobody touched again; what the doctor changed, confirmed, added or removed stays.

    The body of its job, which may run twice without harm; edits that arrive while the engine writes are part of the
    result. Raises TransientJobError, PermanentJobError and LeaseLost.
    """
    report = _waiting(report_id)
    if report is None:
        return
    request, rules = styled_request(report)
    try:
        draft, fallback_code = write_draft(report, request, job=job, at=clock())
    except GenerationError as error:
        raised = jobs.TransientJobError if error.transient else jobs.PermanentJobError
        raise raised(error.code) from None
    fields = written_by(draft, fallback_code, at=clock())
    if not _store(report, request, assemble.assemble(draft, request), fields, rules=rules, at=clock(), job=job):
        raise jobs.TransientJobError("busy")


def refresh_with_built_in(report_id: UUID, *, code: str, at: datetime) -> None:
    """Refresh with the built-in engine when the chosen one was given up; `code` says why and holds no patient data."""
    report = _waiting(report_id)
    if report is None:
        return
    request, rules = styled_request(report)
    draft = named_generator("embedded").generate(request)
    fields = written_by(draft, code[:60], at=at)
    _store(report, request, assemble.assemble(draft, request), fields, rules=rules, at=at)


def _waiting(report_id: UUID) -> Report | None:
    """Return a provisional draft with the finished words of its session, or None when there is nothing to do."""
    report = Report.objects.select_related("session__patient", "session__doctor", "template", "transcription").get(
        pk=report_id
    )
    words = session_queries.current_transcription(report.session)
    if not report.is_provisional or not report.is_draft or words is None or not words.is_completed:
        return None
    report.transcription = words
    return report


def _store(
    report: Report,
    request: GenerationRequest,
    written: AssembledReport,
    fields: dict[str, object],
    *,
    rules: Sequence[StyleRule],
    at: datetime,
    job: Job | None = None,
) -> bool:
    """Put the doctor's work over the new draft as it stands at this moment; again when she was faster."""
    for _ in range(MOST_ATTEMPTS):
        draft = Report.objects.select_related("session__doctor", "transcription").get(pk=report.pk)
        if not draft.is_provisional or not draft.is_draft:
            return True
        kept = kept_ids(draft)
        _swap(draft, report.transcription, deepcopy(written), kept, at=at)
        styled, draft.applied_rules = styling.apply_rules(
            draft.structured_data, rules, request, doctor=report.session.doctor, at=at, leave=kept
        )
        draft.manual_corrections = [*draft.manual_corrections, *styled]
        for name, value in fields.items():
            setattr(draft, name, value)
        follow_sections(draft)
        try:
            with unit_of_work():
                if job is not None:
                    jobs.assert_held(job)
                save_change(draft, verb="refresh", by=None, at=at, also=_WRITTEN)
                notify(report.session.doctor, NotificationEvent.REPORT_READY)
        except StaleRevision:
            continue
        return True
    return False


def _swap(draft: Report, words: Transcription, written: AssembledReport, kept: set[str], *, at: datetime) -> None:
    """Replace the untouched lines of a draft, in place."""
    draft.manual_corrections = [entry for entry in draft.manual_corrections if entry["verb"] != history.STYLE]
    draft.transcription = words
    old: list[Section] = draft.structured_data
    before = {section["id"]: _texts(section) for section in old}
    entries = history.in_effect(draft.manual_corrections)
    present = {line["id"] for line in all_sentences(old)}
    gone = [entry["before"] for entry in entries if entry["after"] is None and entry["before"]]
    wordings: dict[str, list[Sentence]] = {}
    for entry in entries:
        if entry["before"] and entry["sentence"] in kept:
            wordings.setdefault(entry["sentence"], []).append(entry["before"])
    _bind_by_time(draft, kept)
    draft.structured_data = merging.merge(
        cast("list[Section]", written.sections),
        old,
        kept=kept,
        gone=[line for line in gone if line["id"] not in present],
        written_as=wordings,
        used=[entry["sentence"] for entry in draft.manual_corrections],
    )
    draft.unassigned = written.unassigned
    draft.is_provisional = False
    draft.evidence_bound_at = max(at, words.corrected_at or at)
    draft.checked_sections = [
        known
        for known in draft.checked_sections
        if (section := find_section(draft.structured_data, known)) and _texts(section) == before.get(known)
    ]
    if {section["id"] for section in draft.structured_data} - set(draft.checked_sections):
        draft.reviewed_by = draft.reviewed_at = None


def kept_ids(draft: Report) -> set[str]:
    """Return the ids of the lines that are the doctor's: written, changed, moved or confirmed by her."""
    touched = history.touched_ids(draft.manual_corrections)
    return {
        line["id"]
        for line in all_sentences(draft.structured_data)
        if line["id"] in touched or line["origin"] == "doctor" or line["support"] == "confirmed"
    }


def _bind_by_time(draft: Report, kept: set[str]) -> None:
    segments = segments_of(draft.transcription)
    for line in all_sentences(draft.structured_data):
        if line["id"] in kept and line["evidence"]:
            line["evidence"] = rebound(line["evidence"], segments, by_time=True)
            if line["support"] != "confirmed":
                check_support(draft, line)


def _texts(section: Section) -> list[str]:
    return [line["text"] for line in all_sentences([section])]
