"""How a report comes to be: asked for, written by an engine in the background, failed, tried again."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db.models import F, Max

from patients.models import Consent
from patients.queries import has_live_consent
from reports import permissions, queries, rendering
from reports.generation import assemble, get_generator
from reports.generation.base import GeneratedReport, GenerationContext, GenerationError, GenerationRequest
from reports.models import Report, ReportTemplate
from reports.services.store import score_details, segments_of
from reports.structure import parse_structure
from sessions_app import queries as session_queries
from sessions_app.models import ConsultationSession, SessionType
from synapse.accounts.choices import NotificationEvent
from synapse.accounts.models import User, UserProfile
from synapse.accounts.services import notify
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common import jobs
from synapse.common.errors import DomainError
from synapse.common.models import Job
from synapse.common.transitions import advance

Status = Report.Status
Clock = Callable[[], datetime]
GENERATE = "reports.tasks.generate"

# Why the built-in engine writes although a cloud engine is set up; other codes are the cloud engine's own.
NO_CONSENT = "no_consent"
CHOSEN = "chosen"


class UnusableTemplate(DomainError):
    """The template is switched off, or not this doctor's to use."""

    code = "unusable_template"


def request_report(
    session: ConsultationSession,
    *,
    by: User | None,
    at: datetime,
    template: ReportTemplate | None = None,
    report_type: str | None = None,
) -> Report:
    """Make the next version of the session's report and queue its writing.

    Without a template the doctor's default is taken, else the clinic's. `by` is None when the system asks (the first
    report after a transcript). Raises NotAllowed, ReportRunning, NoSpeech, Conflict and UnusableTemplate.
    """
    with unit_of_work():
        transcription = session_queries.current_transcription(session)
        if by is not None:
            permissions.check_can_write(by)
        permissions.check_can_be_written(session, transcription)
        assert transcription is not None
        template = template or queries.default_template(session.doctor)
        if not template.is_active or not _may_use(session.doctor, by, template):
            raise UnusableTemplate("This template cannot be used. Choose another one.")
        kind = report_type or _type_for(session)
        report = Report.objects.create(
            session=session,
            template=template,
            transcription=transcription,
            report_type=kind,
            version=next_version(session, kind),
            template_version=template.version,
            template_structure=snapshot_of(template),
        )
        ReportTemplate.objects.filter(pk=template.pk).update(usage_count=F("usage_count") + 1, last_used_at=at)
        _enqueue(report, by=by, at=at)
        record(Action.CREATE, by=by, target=report, patient_id=session.patient_id, detail={"verb": "request"})
    return report


def regenerate(report: Report, *, by: User, at: datetime, template: ReportTemplate | None = None) -> Report:
    """Have the session's report written again as a new version; the old one stays. Raises as `request_report`."""
    return request_report(
        report.session, by=by, at=at, template=template or report.template, report_type=report.report_type
    )


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
    request = build_request(report)
    try:
        draft, fallback_code = _write(report, request, job=job, at=clock())
    except GenerationError as error:
        raised = jobs.TransientJobError if error.transient else jobs.PermanentJobError
        raise raised(error.code) from None
    _store(report, request, draft, fallback_code, job=job, at=clock())


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
    """Return what an engine gets: the words and what may be known of the visit; identity only to be replaced."""
    session, patient = report.session, report.session.patient
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
        sections=parse_structure(report.template_structure),
        segments=segments_of(report.transcription),
        context=GenerationContext(
            gender=patient.gender,
            age_band=age_band(patient.age_on(day)),
            session_type=session.session_type,
            session_date=f"{day:%Y-%m}",
            chief_complaint=session.chief_complaint,
            previous_plan=queries.previous_plan(session),
            private_context=session.private_context if session.context_for_report else "",
            doctor_specialization=profile.specialization if profile else "",
            language=(report.transcription.language or "en").split("-")[0],
        ),
        instructions=report.template.ai_prompt,
        identifiers=tuple(dict.fromkeys(value.strip() for value in identifiers if value and value.strip())),
    )


def snapshot_of(template: ReportTemplate) -> dict[str, object]:
    """Return what a report keeps of its template."""
    return {"name": template.name, "slug": template.slug, "sections": template.structure["sections"]}


def next_version(session: ConsultationSession, report_type: str) -> int:
    latest = session.reports.filter(report_type=report_type).aggregate(latest=Max("version"))["latest"]
    return (latest or 0) + 1


def age_band(age: int) -> str:
    """Return an age as ten years, so that a prompt identifies nobody: `30-39`, `90 or older`."""
    if age >= 90:
        return "90 or older"
    return f"{age // 10 * 10}-{age // 10 * 10 + 9}"


def _write(report: Report, request: GenerationRequest, *, job: Job, at: datetime) -> tuple[GeneratedReport, str]:
    """Return the draft, and why the built-in engine wrote it if a cloud one was set up."""
    titles = {section.id: section.title for section in request.sections}

    def progress(section_id: str, done: int, total: int) -> None:
        jobs.set_progress(job, done, total, titles.get(section_id, ""))

    built_in = get_generator(allow_cloud=False)
    chosen = get_generator(allow_cloud=True)
    if chosen.name == built_in.name:
        return built_in.generate(request, progress=progress), ""
    if report.fallback_code == CHOSEN:
        return built_in.generate(request, progress=progress), CHOSEN
    if not has_live_consent(report.session.patient_id, Consent.Kind.AI_NOTE, at=at):
        return built_in.generate(request, progress=progress), NO_CONSENT
    try:
        return chosen.generate(request, progress=progress), ""
    except GenerationError as error:
        if error.transient:
            raise
        return built_in.generate(request, progress=progress), error.code


def _store(
    report: Report, request: GenerationRequest, draft: GeneratedReport, fallback_code: str, *, job: Job, at: datetime
) -> None:
    """Check the draft sentence by sentence and store it, unless another run has."""
    written = assemble.assemble(draft, request)
    started_at = report.generation_started_at or at
    report.structured_data = written.sections
    values = {
        "structured_data": written.sections,
        "generated_content": rendering.as_text(report),
        "missing": written.missing,
        "unassigned": written.unassigned,
        "completeness_score": written.scores.completeness,
        "quality_score": written.scores.quality,
        "confidence_score": written.scores.confidence,
        "score_details": score_details(written.scores),
        "engine": draft.engine,
        "ai_model": draft.model,
        "prompt_version": draft.prompt_version,
        "token_usage": draft.token_usage,
        "fallback_code": fallback_code,
        "evidence_bound_at": report.transcription.corrected_at or at,
        "generation_completed_at": at,
        "generation_seconds": round((at - started_at).total_seconds(), 3),
    }
    with unit_of_work():
        jobs.assert_held(job)
        advance(report, Status.COMPLETED, at=at, **values)
        detail = {"verb": "generate", "engine": draft.engine, "fallback": fallback_code}
        record(Action.UPDATE, by=None, target=report, patient_id=report.session.patient_id, detail=detail)
        notify(report.session.doctor, NotificationEvent.REPORT_READY)


def _may_use(doctor: User, by: User | None, template: ReportTemplate) -> bool:
    """Tell whether the template is the session doctor's, the asking doctor's, or public."""
    owners = {None, doctor.pk, by.pk if by else None}
    return template.is_public or template.doctor_id in owners


def _type_for(session: ConsultationSession) -> str:
    return Report.Type.FOLLOWUP if session.session_type == SessionType.FOLLOWUP else Report.Type.CONSULTATION


def _enqueue(report: Report, *, by: User | None, at: datetime) -> None:
    jobs.enqueue(GENERATE, report.pk, by_id=by.pk if by else None, run_at=at)
