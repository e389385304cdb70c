"""What happened with one patient, in one line of time: visits, sessions, reports and bills."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from django.db.models import Model
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing.models import Bill
from billing.money import format_money
from patients.models import Patient
from reports.models import Report
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession
from synapse.accounts.decorators import requires
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.common.figures import read_whole_number
from synapse.web.http import ClinicRequest, render_page

STEP = 15
MOST = 600


@dataclass(frozen=True)
class Entry:
    """One thing that happened or will; `row` has the status, `address` opens it."""

    at: datetime
    icon: str
    colour: str
    title: str
    detail: str
    row: Model
    address: str
    action: str


@require_GET
@requires(Permission.VIEW_PATIENTS)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Show the latest entries; `?limit=` asks for older ones too."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user), pk=patient_pk)
    limit = _limit(request.GET.get("limit", ""))
    entries = read_timeline(request.user, patient, limit=limit + 1)
    record_read(request, target=patient, patient_id=patient.pk, detail={"part": "timeline"}, poll=True)
    context = {
        "patient": patient,
        "entries": entries[:limit],
        "more": limit + STEP if len(entries) > limit else 0,
        "now": timezone.now(),
    }
    return render_page(request, "dashboard/timeline.html", context, fragment="dashboard/_timeline.html")


def read_timeline(user: User, patient: Patient, *, limit: int) -> list[Entry]:
    """Return what this person may know of, the latest first; four queries whatever there is."""
    entries = [
        *_visits(user, patient, limit),
        *_sessions(user, patient, limit),
        *_reports(user, patient, limit),
        *_bills(user, patient, limit),
    ]
    return sorted(entries, key=attrgetter("at"), reverse=True)[:limit]


def _visits(user: User, patient: Patient, limit: int) -> Iterator[Entry]:
    # A visit that became a session is told by the session.
    visits = Appointment.objects.visible_to(user).filter(patient__in=patient.records())
    if user.may(Permission.VIEW_SESSIONS):
        visits = visits.filter(session=None)
    for visit in visits.select_related("doctor").order_by("-scheduled_at")[:limit]:
        yield Entry(
            at=visit.scheduled_at,
            icon="calendar-event",
            colour="",
            title=f"{visit.get_appointment_type_display()}, {visit.duration_minutes} min",
            detail=" · ".join(filter(None, [visit.doctor.display_name, visit.location])),
            row=visit,
            address=reverse("scheduling:detail", args=[visit.pk]),
            action="Open",
        )


def _sessions(user: User, patient: Patient, limit: int) -> Iterator[Entry]:
    sessions = (
        ConsultationSession.objects.visible_to(user).filter(patient__in=patient.records()).select_related("doctor")
    )
    for session in sessions.order_by("-started_at")[:limit]:
        minutes = f", {session.duration_minutes} min" if session.duration_minutes else ""
        yield Entry(
            at=session.started_at,
            icon="microphone" if session.with_recording else "notes",
            colour="b",
            title=f"Session{minutes}",
            detail=f"{session.session_id} · {session.get_session_type_display()} · {session.doctor.display_name}",
            row=session,
            address=reverse("sessions:detail", args=[session.pk]),
            action="Open",
        )


def _reports(user: User, patient: Patient, limit: int) -> Iterator[Entry]:
    written_at = Coalesce("signed_at", "generation_completed_at", "created_at")
    reports = (
        Report.objects.visible_to(user)
        .filter(session__patient__in=patient.records())
        .select_related("session")
        .defer("structured_data", "generated_content", "missing", "session__session_notes", "session__audio_peaks")
    )
    for report in reports.order_by(written_at.desc())[:limit]:
        yield Entry(
            at=report.signed_at or report.generation_completed_at or report.created_at,
            icon="file-text",
            colour="n",
            title=report.title,
            detail=f"{report.session.session_id} · version {report.version}",
            row=report,
            address=reverse("reports:detail", args=[report.pk]),
            action="Read" if report.is_signed else "Open",
        )


def _bills(user: User, patient: Patient, limit: int) -> Iterator[Entry]:
    bills = Bill.objects.visible_to(user).filter(patient__in=patient.records())
    for bill in bills.order_by(Coalesce("issued_at", "created_at").desc())[:limit]:
        yield Entry(
            at=bill.issued_at or bill.created_at,
            icon="receipt-2",
            colour="o",
            title=bill.bill_number or "Draft bill",
            detail=f"{format_money(bill.total_amount, bill.currency)} · {bill.get_bill_type_display()}",
            row=bill,
            address=reverse("billing:detail", args=[bill.pk]),
            action="Open",
        )


def _limit(text: str) -> int:
    return min(read_whole_number(text) or STEP, MOST)
