"""What pages and doors ask about reports and templates."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from patients.models import Patient
from reports.content import Section, all_sentences, walk
from reports.models import BenchRun, CoSignature, Report, ReportTemplate
from reports.shipped import DEFAULT_SLUG
from reports.templating.structure import parse_structure
from sessions_app.models import ConsultationSession, SessionType
from sessions_app.recordings.retention import Seal
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.common.models import Job

GENERATE = "reports.tasks.generate"
# The usual form of a kind of report, by slug; consultations and follow-ups take the doctor's default template.
TEMPLATES_OF_TYPE = {
    "diagnostic": ("psychiatry_initial", "intake"),
    "treatment_plan": ("treatment_plan",),
    "discharge": ("discharge_summary", "discharge"),
    "referral": ("referral_letter", "referral"),
}
PLAN_TOPICS = ("plan", "plan_medications", "follow_up", "education", "homework", "goals")


def default_template(doctor: User) -> ReportTemplate:
    """Return the template for this doctor's new reports: their default, else the clinic's."""
    own = ReportTemplate.objects.active().filter(doctor=doctor, is_default=True).first()
    if own is not None:
        return own
    clinic = ReportTemplate.objects.active().filter(doctor=None)
    return clinic.filter(is_default=True).first() or clinic.get(slug=DEFAULT_SLUG)


def latest_versions(reports: QuerySet[Report]) -> QuerySet[Report]:
    """Keep the newest version of each report; one that failed hides nothing."""
    newer = Report.objects.filter(
        session=OuterRef("session"), report_type=OuterRef("report_type"), version__gt=OuterRef("version")
    ).exclude(status=Report.Status.FAILED)
    return reports.filter(~Exists(newer))


def list_reports(user: User, *, show: str = "") -> QuerySet[Report]:
    """Return the newest versions this person may see, newest session first; `show` is open, signed or empty (all).

    For those who write reports the unsigned ones come first.
    """
    reports = latest_versions(Report.objects.visible_to(user)).select_related("session__patient", "session__doctor")
    if show == "open":
        reports = reports.exclude(status=Report.Status.SIGNED)
    elif show == "signed":
        reports = reports.filter(status=Report.Status.SIGNED)
    return reports.order_by(F("signed_at").desc(nulls_first=True), "-session__started_at", "-created_at")


def reports_to_sign(doctor: User) -> QuerySet[Report]:
    """Return the drafts that wait for this doctor's signature."""
    drafts = Report.objects.visible_to(doctor).filter(session__doctor=doctor, status=Report.Status.COMPLETED)
    return latest_versions(drafts)


def first_seal_of(session_id: UUID) -> Seal | None:
    """Return when a session's report was first signed, and over what."""
    signed = Report.objects.filter(session_id=session_id, status=Report.Status.SIGNED)
    first = signed.only("signed_at", "content_hash").order_by("signed_at").first()
    if first is None or first.signed_at is None:
        return None
    return Seal(first.pk, first.signed_at, first.content_hash)


def co_signatures_of(supervisor: User) -> QuerySet[CoSignature]:
    """Return what colleagues ask this person to sign, the waiting ones first, and what she signed."""
    asked = CoSignature.objects.open_to_supervisor(supervisor).select_related(
        "report__session__patient", "report__session__doctor", "requested_by"
    )
    return asked.order_by(F("decided_at").desc(nulls_first=True), "requested_at")


def count_to_co_sign(user: User) -> int:
    return CoSignature.objects.open_to_supervisor(user).filter(status=CoSignature.Status.PENDING).count()


def count_waiting(user: User) -> int:
    """Return how many reports wait for this person's signature, their own and colleagues'."""
    return count_reports_to_sign(user) + count_to_co_sign(user)


def count_reports_to_sign(user: User) -> int:
    return reports_to_sign(user).count() if user.may(Permission.WRITE_REPORTS) else 0


def reports_of_patient(user: User, patient: Patient) -> QuerySet[Report]:
    reports = latest_versions(Report.objects.visible_to(user).filter(session__patient__in=patient.records()))
    return reports.select_related("session__doctor").order_by("-session__started_at", "-created_at")


def reports_of_session(user: User, session: ConsultationSession) -> QuerySet[Report]:
    reports = Report.objects.visible_to(user).filter(session=session)
    return with_amended(reports).select_related("session", "signed_by").order_by("-created_at")


def written_reports_of(user: User, session: ConsultationSession) -> list[Report]:
    """Return the reports of a session that hold text, newest first: every form and version."""
    written = (Report.Status.COMPLETED, Report.Status.SIGNED)
    return list(reports_of_session(user, session).filter(status__in=written, erased_at=None))


def versions_of(user: User, report: Report) -> QuerySet[Report]:
    """Return every version of a report, newest first."""
    same = Report.objects.visible_to(user).filter(session=report.session_id, report_type=report.report_type)
    return with_amended(same).select_related("signed_by").order_by("-version")


def with_amended(reports: QuerySet[Report]) -> QuerySet[Report]:
    """Note on each report, as `is_amended`, whether a signed version amends it."""
    return reports.annotate(is_amended=Exists(Report.objects.filter(amends=OuterRef("pk"), status="signed")))


def other_forms_of(user: User, report: Report) -> list[Report]:
    """Return the newest version of each other kind of report of the session."""
    others = reports_of_session(user, report.session).exclude(report_type=report.report_type)
    return list(latest_versions(others))


def usual_type(session: ConsultationSession) -> str:
    """Return the kind of report a session gets unless another is asked for."""
    return Report.Type.FOLLOWUP if session.session_type == SessionType.FOLLOWUP else Report.Type.CONSULTATION


def template_for(doctor: User, report_type: str) -> ReportTemplate:
    """Return the template for this doctor's reports of a kind: their own of that name, the clinic's, else their usual one."""
    slugs = TEMPLATES_OF_TYPE.get(report_type, ())
    found = ReportTemplate.objects.active().filter(Q(doctor=doctor) | Q(doctor=None), slug__in=slugs)
    own_first = sorted(found, key=lambda template: (template.doctor_id is None, slugs.index(template.slug)))
    return own_first[0] if own_first else default_template(doctor)


def corrected_after_signing_at(report: Report) -> datetime | None:
    """Return when the transcript of a signed report was last corrected, if that was after its signing."""
    corrected_at = report.transcription.corrected_at
    if report.signed_at is None or corrected_at is None or corrected_at <= report.signed_at:
        return None
    return corrected_at


def bench_job(run: BenchRun) -> Job | None:
    """Return the job that runs the bench, for its progress."""
    return Job.objects.filter(object_id=run.pk).order_by("-created_at").first()


def writing_job(report: Report) -> Job | None:
    """Return the job that writes a report, for its progress."""
    return Job.objects.filter(kind=GENERATE, object_id=report.pk).order_by("-created_at").first()


def previous_plan(session: ConsultationSession) -> str:
    """Return the plan of the same doctor's last signed report of this patient, one sentence a line."""
    report = (
        Report.objects.filter(
            session__patient__in=Patient.objects.records_of(session.patient_id),
            session__doctor=session.doctor_id,
            session__started_at__lt=session.started_at,
            status=Report.Status.SIGNED,
            erased_at=None,
        )
        .order_by("-session__started_at", "-version")
        .first()
    )
    if report is None:
        return ""
    sections = sections_about(report, PLAN_TOPICS)
    return "\n".join(sentence["text"] for section in sections for sentence in section["sentences"])


def topics_by_section(report: Report) -> dict[str, tuple[str, ...]]:
    """Return what each section and subsection of a report is about, by its id."""
    from reports.generation.mapping import topics_of  # brings numpy along

    sections = parse_structure(report.template_structure)
    topics = {section.id: topics_of(section) for section in sections}
    return topics | {part.id: topics_of(part, section) for section in sections for part in section.subsections}


def sections_about(report: Report, topics: Collection[str]) -> list[Section]:
    """Return the places of a report whose template section is about one of the topics."""
    from reports.generation.mapping import places_of  # brings numpy along

    wanted = {
        place.leaf_id or place.section_id
        for place in places_of(parse_structure(report.template_structure))
        if not set(topics).isdisjoint(place.topics)
    }
    return [section for section in walk(report.structured_data) if section["id"] in wanted]


@dataclass(frozen=True)
class Turn:
    """One utterance beside a report."""

    id: int
    start_ms: int
    speaker: str
    text: str
    is_cited: bool


def turns_of(report: Report) -> list[Turn]:
    """Return the transcript of a report with the cited utterances marked."""
    cited = {place["segment"] for sentence in all_sentences(report.structured_data) for place in sentence["evidence"]}
    return [
        Turn(segment["id"], segment["start_ms"], segment["speaker"], segment["text"], segment["id"] in cited)
        for segment in report.transcription.words_so_far
    ]


def listed_templates(user: User) -> QuerySet[ReportTemplate]:
    """Return what a person may use or keep; switched-off templates of others are left out."""
    templates = ReportTemplate.objects.visible_to(user).select_related("doctor", "parent")
    return in_use_or_own(templates, user).order_by("-is_active", "name")


def in_use_or_own(templates: QuerySet[ReportTemplate], user: User) -> QuerySet[ReportTemplate]:
    """Leave out what others switched off."""
    mine = Q(doctor=user) if user.may(Permission.WRITE_TEMPLATES) else Q(doctor=None)
    return templates.filter(Q(is_active=True) | mine)


def count_by_version(template: ReportTemplate) -> dict[int, int]:
    """Return how many reports were written with each version of a template; a number, whoever's they are."""
    counted = template.reports.order_by().values_list("template_version").annotate(count=Count("pk"))
    return dict(counted)


def usable_templates(doctor: User) -> QuerySet[ReportTemplate]:
    """Return the templates a doctor may write with: own first, then the public ones."""
    templates = ReportTemplate.objects.active().visible_to(doctor)
    return templates.order_by(F("doctor").asc(nulls_last=True), "-is_default", "name")
