"""Reports as notes to be audited: one, or a doctor's caseload with the same number of queries whatever its size."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from patients.models import Patient
from reports import content, queries
from reports.generation.mapping import topics_of
from reports.models import Report
from reports.note_audit import Outcome, audit
from reports.note_audit.notes import Note
from reports.templating.structure import leaves, parse_structure
from synapse.accounts.models import ClinicSettings, User

CASELOAD_DAYS = 90  # how far back the caseload looks, by the session's start
MOST_REPORTS = 300


@dataclass(frozen=True)
class Audited:
    """A report with the outcome of its audit."""

    report: Report
    outcome: Outcome


def audit_report(report: Report, *, at: datetime) -> Outcome:
    """Audit one report as it stands."""
    session = report.session
    before = _signed_before([session.patient_id], session.doctor_id)
    return audit(_note(report, _lines_before(report, before), ClinicSettings.load(), at=at))


def audit_caseload(doctor: User, *, at: datetime) -> list[Audited]:
    """Audit the newest versions of a doctor's own drafts and signed reports of the last three months, newest first."""
    own = Report.objects.visible_to(doctor).filter(
        Q(status=Report.Status.COMPLETED) | Q(status=Report.Status.SIGNED, erased_at=None),
        session__doctor=doctor,
        session__started_at__gte=at - timedelta(days=CASELOAD_DAYS),
    )
    newest = queries.latest_versions(own).select_related("session__patient").order_by("-session__started_at")
    reports = list(newest[:MOST_REPORTS])
    before = _signed_before({report.session.patient_id for report in reports}, doctor.pk)
    clinic = ClinicSettings.load()
    return [Audited(report, audit(_note(report, _lines_before(report, before), clinic, at=at))) for report in reports]


def _signed_before(patients: Iterable[UUID], doctor_id: UUID) -> list[Report]:
    """Return the signed reports of patients by one doctor, newest session first."""
    signed = Report.objects.filter(
        session__patient__in=Patient.objects.records_of_all(patients),
        session__doctor=doctor_id,
        status=Report.Status.SIGNED,
        erased_at=None,
    )
    return list(signed.select_related("session__patient").order_by("-session__started_at", "-version"))


def _lines_before(report: Report, signed: list[Report]) -> tuple[str, ...]:
    """Return the lines of the patient's last signed report of an earlier session."""
    started_at = report.session.started_at
    last = next(
        (
            other
            for other in signed
            if other.session.patient.kept_id == report.session.patient.kept_id and other.session.started_at < started_at
        ),
        None,
    )
    return tuple(line["text"] for line in content.all_sentences(last.structured_data)) if last else ()


def _note(report: Report, previous: tuple[str, ...], clinic: ClinicSettings, *, at: datetime) -> Note:
    session = report.session
    sections = parse_structure(report.template_structure)
    top_of = {place.id: section.id for section in sections for place in (section, *section.subsections)}
    ended_at = session.ended_at or session.started_at
    return Note(
        sections=report.structured_data,
        topics={leaf.id: topics_of(leaf, parent) for leaf, parent in leaves(sections)},
        unfilled=tuple(
            (top_of[section.id], section.title)
            for section in content.unfilled_required(report.structured_data, report.template_structure)
        ),
        is_signed=report.is_signed,
        days_unsigned=(at - ended_at).days,
        days_allowed=clinic.unsigned_report_days,
        minutes=session.duration_minutes,
        billing_code=session.billing_code,
        template_slug=str(report.template_structure.get("slug", "")),
        is_telehealth=session.telehealth,
        risk_statements=report.risk_statements,
        previous_lines=previous,
    )
