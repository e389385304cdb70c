"""What pages and doors ask about reports and templates."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from patients.models import Patient
from reports.content import Section, all_sentences, walk
from reports.models import Report, ReportTemplate
from reports.shipped import DEFAULT_SLUG
from reports.structure import parse_structure
from sessions_app.models import ConsultationSession
from sessions_app.retention import Seal
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.common.models import Job

GENERATE = "reports.tasks.generate"
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


def count_reports_to_sign(user: User) -> int:
    return reports_to_sign(user).count() if user.may(Permission.WRITE_REPORTS) else 0


def reports_of_patient(user: User, patient: Patient) -> QuerySet[Report]:
    reports = latest_versions(Report.objects.visible_to(user).filter(session__patient=patient))
    return reports.select_related("session__doctor").order_by("-session__started_at", "-created_at")


def reports_of_session(user: User, session: ConsultationSession) -> QuerySet[Report]:
    reports = Report.objects.visible_to(user).filter(session=session)
    return reports.select_related("session", "signed_by").order_by("-created_at")


def versions_of(user: User, report: Report) -> QuerySet[Report]:
    """Return every version of a report, newest first."""
    same = Report.objects.visible_to(user).filter(session=report.session_id, report_type=report.report_type)
    return same.select_related("signed_by").order_by("-version")


def corrected_after_signing_at(report: Report) -> datetime | None:
    """Return when the transcript of a signed report was last corrected, if that was after its signing."""
    corrected_at = report.transcription.corrected_at
    if report.signed_at is None or corrected_at is None or corrected_at <= report.signed_at:
        return None
    return corrected_at


def writing_job(report: Report) -> Job | None:
    """Return the job that writes a report, for its progress."""
    return Job.objects.filter(kind=GENERATE, object_id=report.pk).order_by("-created_at").first()


def previous_plan(session: ConsultationSession) -> str:
    """Return the plan of the same doctor's last signed report of this patient, one sentence a line."""
    report = (
        Report.objects.filter(
            session__patient=session.patient_id,
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
        for segment in report.transcription.segments
    ]


def listed_templates(user: User) -> QuerySet[ReportTemplate]:
    """Return what a person may use or keep; switched-off templates of others are left out."""
    templates = ReportTemplate.objects.visible_to(user).select_related("doctor", "parent")
    mine = Q(doctor=user) if user.may(Permission.WRITE_TEMPLATES) else Q(doctor=None)
    return templates.filter(Q(is_active=True) | mine).order_by("-is_active", "name")


def usable_templates(doctor: User) -> QuerySet[ReportTemplate]:
    """Return the templates a doctor may write with: own first, then the public ones."""
    templates = ReportTemplate.objects.active().visible_to(doctor)
    return templates.order_by(F("doctor").asc(nulls_last=True), "-is_default", "name")
