"""How a report comes to be: asked for, written by an engine in the background, failed, tried again."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from django.db.models import F, Max

from reports import permissions, queries
from reports.content import Section
from reports.generation import assemble, named_generator, risk_panel
from reports.generation.base import GeneratedReport, GenerationContext, GenerationError, GenerationRequest
from reports.generation.prices import with_cost
from reports.models import Report, ReportTemplate, StyleRule
from reports.printing import rendering
from reports.services import styling
from reports.services.store import follow_sections, score_details, segments_of
from reports.services.writers import CHOSEN, choose_writer, words_leave
from reports.templating.structure import Section as TemplateSection
from reports.templating.structure import parse_structure
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession, Transcription
from synapse.accounts.choices import NotificationEvent
from synapse.accounts.models import User, UserProfile
from synapse.accounts.services import notify
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common import jobs
from synapse.common.errors import DomainError
from synapse.common.models import Job
from synapse.common.transitions import advance
from synapse.outside.calls import Purpose

Status = Report.Status
Clock = Callable[[], datetime]
GENERATE = "reports.tasks.generate"
REFRESH = "reports.tasks.refresh"


class UnusableTemplate(DomainError):
    """The template is switched off, or not this doctor's to use."""

    code = "unusable_template"
    field = "template"


def request_report(
    session: ConsultationSession,
    *,
    by: User | None,
    at: datetime,
    template: ReportTemplate | None = None,
    report_type: str | None = None,
) -> Report:
    """Make the next version of the session's report and queue its writing.

    Without a template the usual one for the kind of report is taken: for most the doctor's default, else the clinic's.
    `by` is None when the system asks (the first report after a transcript). Raises NotAllowed, ReportRunning, NoSpeech,
    Conflict and UnusableTemplate.
    """
    with unit_of_work():
        transcription = session_queries.current_transcription(session)
        if by is not None:
            permissions.check_can_write(by)
        permissions.check_can_be_written(session, transcription)
        assert transcription is not None
        kind = report_type or queries.usual_type(session)
        template = template or queries.template_for(session.doctor, kind)
        if not template.is_active or not may_use(session.doctor, by, template):
            raise UnusableTemplate("This template cannot be used. Choose another one.")
        report = Report.objects.create(
            session=session,
            template=template,
            transcription=transcription,
            report_type=kind,
            version=next_version(session, kind),
            template_version=template.version,
            template_structure=snapshot_of(template),
        )
        count_use(template, at=at)
        _enqueue(report, by=by, at=at)
        record(Action.CREATE, by=by, target=report, patient_id=session.patient_id, detail={"verb": "request"})
    return report


def draft_from_live_words(session: ConsultationSession, *, at: datetime) -> Report | None:
    """Queue a provisional report of a session that has just ended, from the words heard while it ran.

    None when there are too few of them, or a report already: the first one is then written from the transcript.
    """
    with unit_of_work():
        transcription = session_queries.live_transcription(session)
        if transcription is None or session.reports.exists():
            return None
        template = queries.default_template(session.doctor)
        kind = queries.usual_type(session)
        report = Report.objects.create(
            session=session,
            template=template,
            transcription=transcription,
            report_type=kind,
            version=next_version(session, kind),
            template_version=template.version,
            template_structure=snapshot_of(template),
            is_provisional=True,
        )
        count_use(template, at=at)
        _enqueue(report, by=None, at=at)
        detail = {"verb": "draft_from_live_words"}
        record(Action.CREATE, by=None, target=report, patient_id=session.patient_id, detail=detail)
    return report


def regenerate(
    report: Report,
    *,
    by: User,
    at: datetime,
    template: ReportTemplate | None = None,
    report_type: str | None = None,
) -> Report:
    """Have the session's report written again as a new version, or as another kind; the old one stays.

    Raises as `request_report`.
    """
    kind = report_type or report.report_type
    if template is None and kind == report.report_type:
        template = report.template
    return request_report(report.session, by=by, at=at, template=template, report_type=kind)


def retry_report(report: Report, *, by: User, at: datetime, built_in: bool = False) -> Report:
    """Try a failed report again, with the built-in engine when `built_in`. Raises NotAllowed and Conflict."""
    with unit_of_work():
        report = Report.objects.select_for_update(of=("self",)).select_related("session").get(pk=report.pk)
        permissions.check_can_retry(by, report)
        advance(report, Status.PENDING, at=at, error_code="", fallback_code=CHOSEN if built_in else "")
        _enqueue(report, by=by, at=at)
        record(Action.UPDATE, by=by, target=report, patient_id=report.session.patient_id, detail={"verb": "retry"})
    return report


def generate_report(report_id: UUID, *, job: Job, clock: Clock) -> None:
    """Write a waiting report: the body of its job, which may run twice without harm.

    Raises TransientJobError (worth another attempt), PermanentJobError and LeaseLost.
    """
    report = Report.objects.select_related("session__patient", "session__doctor", "template", "transcription").get(
        pk=report_id
    )
    if not report.is_running:
        return
    if report.status == Status.PENDING:
        with unit_of_work():
            advance(report, Status.GENERATING, at=clock(), generation_started_at=clock())
    request, rules = styled_request(report)
    try:
        draft, fallback_code = write_draft(report, request, job=job, at=clock())
    except GenerationError as error:
        raised = jobs.TransientJobError if error.transient else jobs.PermanentJobError
        raise raised(error.code) from None
    _store(report, request, draft, fallback_code, rules=rules, job=job, at=clock())


def fail_generation(report_id: UUID, *, code: str, at: datetime) -> None:
    """End a report whose job was given up; does nothing when it has ended already. `code` holds no patient data."""
    with unit_of_work():
        report = Report.objects.select_for_update(of=("self",)).select_related("session").get(pk=report_id)
        if report.is_running:
            advance(report, Status.FAILED, at=at, error_code=code[:60])
            detail = {"verb": "fail", "code": code[:60]}
            record(Action.UPDATE, by=None, target=report, patient_id=report.session.patient_id, detail=detail)
            notify(report.session.doctor, NotificationEvent.REPORT_FAILED)


def build_request(report: Report) -> GenerationRequest:
    """Return what an engine gets for a report."""
    sections = parse_structure(report.template_structure)
    return request_for(report.session, report.transcription, sections, instructions=report.template.ai_prompt)


def request_for(
    session: ConsultationSession,
    transcription: Transcription,
    sections: tuple[TemplateSection, ...],
    *,
    instructions: str = "",
) -> GenerationRequest:
    """Return what an engine gets: the words and what may be known of the visit; identity only to be replaced."""
    patient = session.patient
    profile = UserProfile.objects.filter(user=session.doctor).first()
    day = rendering.local_date(session.started_at)
    identifiers = (
        patient.first_name,
        patient.last_name,
        patient.full_name,
        patient.phone_primary,
        patient.phone_secondary,
        patient.email,
        patient.patient_id,
        patient.emergency_contact_name,
        *patient.emergency_contact_name.split(),
        patient.emergency_contact_phone,
        patient.insurance_policy_number,
        patient.insurance_group_number,
    )
    return GenerationRequest(
        sections=sections,
        segments=segments_of(transcription),
        context=GenerationContext(
            gender=patient.gender,
            age_band=age_band(patient.age_on(day)),
            session_type=session.session_type,
            session_date=f"{day:%Y-%m}",
            chief_complaint=session.chief_complaint,
            previous_plan=queries.previous_plan(session),
            private_context=session.private_context if session.context_for_report else "",
            doctor_specialization=profile.specialization if profile else "",
            language=(transcription.language or "en").split("-")[0],
        ),
        instructions=instructions,
        identifiers=tuple(dict.fromkeys(value.strip() for value in identifiers if value and value.strip())),
    )


def snapshot_of(template: ReportTemplate) -> dict[str, object]:
    """Return what a report keeps of its template."""
    return {"name": template.name, "slug": template.slug, "sections": template.structure["sections"]}


def next_version(session: ConsultationSession, report_type: str) -> int:
    latest = session.reports.filter(report_type=report_type).aggregate(latest=Max("version"))["latest"]
    return (latest or 0) + 1


def count_use(template: ReportTemplate, *, at: datetime) -> None:
    """Note that one more report is written with a template."""
    ReportTemplate.objects.filter(pk=template.pk).update(usage_count=F("usage_count") + 1, last_used_at=at)


def age_band(age: int) -> str:
    """Return an age as ten years, so that a prompt identifies nobody: `30-39`, `90 or older`."""
    if age >= 90:
        return "90 or older"
    return f"{age // 10 * 10}-{age // 10 * 10 + 9}"


def styled_request(report: Report) -> tuple[GenerationRequest, list[StyleRule]]:
    """Return what an engine is asked for a report, and the rules of its doctor the answer is brought into line with."""
    rules = styling.active_rules(report.session.doctor, report.template)
    return styling.style_request(build_request(report), rules), rules


def write_draft(report: Report, request: GenerationRequest, *, job: Job, at: datetime) -> tuple[GeneratedReport, str]:
    """Return the draft, and why the built-in engine wrote it if another was set up. Raises GenerationError."""
    titles = {section.id: section.title for section in request.sections}

    def progress(section_id: str, done: int, total: int) -> None:
        jobs.set_progress(job, done, total, titles.get(section_id, ""))

    writer, fallback_code = choose_writer(report, at=at)
    try:
        with words_leave(report, Purpose.REPORT):
            return writer.generate(request, progress=progress), fallback_code
    except GenerationError as error:
        if error.transient or writer.is_immediate:
            raise
        return named_generator("embedded").generate(request, progress=progress), error.code


def _store(
    report: Report,
    request: GenerationRequest,
    draft: GeneratedReport,
    fallback_code: str,
    *,
    rules: Sequence[StyleRule],
    job: Job,
    at: datetime,
) -> None:
    """Check the draft sentence by sentence, write it as the doctor's rules say, and store it, unless another run has."""
    written = assemble.assemble(draft, request)
    sections = cast("list[Section]", written.sections)
    styled, used = styling.apply_rules(sections, rules, request, doctor=report.session.doctor, at=at)
    started_at = report.generation_started_at or at
    report.structured_data = sections
    is_provisional = not report.transcription.is_completed
    values = {
        "structured_data": sections,
        "manual_corrections": styled,
        "applied_rules": used,
        "unassigned": written.unassigned,
        "risk_statements": risk_panel.find_risk_statements(request.segments),
        **_what_follows(report, written, is_styled=bool(styled)),
        "is_provisional": is_provisional,
        **written_by(draft, fallback_code, at=at),
        "evidence_bound_at": report.transcription.corrected_at or at,
        "generation_completed_at": at,
        "generation_seconds": round((at - started_at).total_seconds(), 3),
    }
    with unit_of_work():
        jobs.assert_held(job)
        advance(report, Status.COMPLETED, at=at, **values)
        detail = {"verb": "generate", "engine": draft.engine, "fallback": fallback_code}
        record(Action.UPDATE, by=None, target=report, patient_id=report.session.patient_id, detail=detail)
        if is_provisional and session_queries.has_finished_words(report.session):
            request_refresh(report, at=at)  # the transcript was faster
        if not is_provisional:
            notify(report.session.doctor, NotificationEvent.REPORT_READY)


def _what_follows(report: Report, written: assemble.AssembledReport, *, is_styled: bool) -> dict[str, object]:
    """Return the fields that follow from the sections; computed again where a rule changed them."""
    if is_styled:
        follow_sections(report)
    scores = written.scores
    return {
        "generated_content": rendering.as_text(report),
        "missing": report.missing if is_styled else written.missing,
        "completeness_score": report.completeness_score if is_styled else scores.completeness,
        "quality_score": report.quality_score if is_styled else scores.quality,
        "confidence_score": report.confidence_score if is_styled else scores.confidence,
        "score_details": report.score_details if is_styled else score_details(scores),
    }


def written_by(draft: GeneratedReport, fallback_code: str, *, at: datetime) -> dict[str, object]:
    """Return which engine wrote a draft, and with what, as a report's fields."""
    return {
        "engine": draft.engine,
        "ai_model": draft.model,
        "prompt_version": draft.prompt_version,
        "token_usage": with_cost(
            draft.model, draft.token_usage, is_cloud=named_generator(draft.engine).is_cloud, on=at.date()
        ),
        "fallback_code": fallback_code,
    }


def request_refresh(report: Report, *, at: datetime) -> None:
    """Queue the final version of a provisional report; once a transcript, however often it is asked for."""
    words = session_queries.current_transcription(report.session)
    key = f"refresh:{report.pk}:{words.pk if words else ''}"
    jobs.enqueue(REFRESH, report.pk, key=key, run_at=at)


def words_are_final(session: ConsultationSession, *, at: datetime) -> None:
    """Bring a session's reports up to its finished transcript: write the first one, or refresh the provisional one.

    One that is being written at this moment asks for its refresh itself.
    """
    with unit_of_work():
        reports = list(Report.objects.select_for_update(of=("self",)).filter(session=session))
        if not reports:
            request_report(session, by=None, at=at)
        for report in reports:
            if report.is_provisional and report.is_draft:
                request_refresh(report, at=at)
            elif report.is_provisional and report.has_failed:
                report.transcription = session_queries.current_transcription(session) or report.transcription
                advance(report, Status.PENDING, at=at, error_code="", transcription=report.transcription)
                _enqueue(report, by=None, at=at)


def may_use(doctor: User, by: User | None, template: ReportTemplate) -> bool:
    """Tell whether the template is the session doctor's, the asking doctor's, or public."""
    owners = {None, doctor.pk, by.pk if by else None}
    return template.is_public or template.doctor_id in owners


def _enqueue(report: Report, *, by: User | None, at: datetime) -> None:
    jobs.enqueue(GENERATE, report.pk, by_id=by.pk if by else None, run_at=at)
