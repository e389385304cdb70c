"""What a bill by hand can be for: a patient's sessions and visits that have none yet."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.models import Bill
from patients.models import Patient
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission

MOST = 12
STANDING = ~Q(status__in=Bill.CLOSED)


@dataclass(frozen=True)
class Unbilled:
    """A session or visit without a bill, as a choice."""

    key: str
    label: str
    at: datetime
    doctor: User
    session: ConsultationSession | None = None
    appointment: Appointment | None = None


def find_patient(user: User, key: str) -> Patient | None:
    """Return the patient of an id, if it is one this person may see."""
    try:
        wanted = UUID(key)
    except ValueError:
        return None
    found = Patient.objects.in_care_of(user).filter(pk=wanted).first()
    return found.kept_record if found is not None else None


def sessions_to_bill(user: User) -> QuerySet[ConsultationSession]:
    """Return the sessions this person may name on a bill, also where the record of them is not theirs to read."""
    return ConsultationSession.objects.filter(patient__in=Patient.objects.in_care_of(user), **_own(user))


def visits_to_bill(user: User) -> QuerySet[Appointment]:
    """Return the visits this person may name on a bill."""
    return Appointment.objects.filter(patient__in=Patient.objects.in_care_of(user), **_own(user))


def _own(user: User) -> dict[str, User]:
    return {} if user.may(Permission.VIEW_ALL_PATIENTS) else {"doctor": user}


def list_unbilled(user: User, patient: Patient) -> list[Unbilled]:
    """Return the latest sessions and visits of a patient that no bill stands for; a clinician's own only."""
    records = patient.records()
    sessions = (
        sessions_to_bill(user)
        .filter(patient__in=records, status=ConsultationSession.Status.COMPLETED)
        .filter(~Exists(Bill.objects.filter(STANDING, session=OuterRef("pk"))))
        .select_related("doctor")
        .order_by("-started_at")[:MOST]
    )
    visits = (
        visits_to_bill(user)
        .filter(patient__in=records, status=Appointment.Status.COMPLETED, session__isnull=True)
        .filter(~Exists(Bill.objects.filter(STANDING, appointment=OuterRef("pk"))))
        .select_related("doctor")
        .order_by("-scheduled_at")[:MOST]
    )
    found = [_of_session(session) for session in sessions] + [_of_visit(visit) for visit in visits]
    return sorted(found, key=lambda each: each.at, reverse=True)[:MOST]


def _of_session(session: ConsultationSession) -> Unbilled:
    at = session.started_at
    label = f"Session of {_moment(at)}, {session.duration_minutes or 0} min, {session.doctor.display_name}"
    return Unbilled(f"session-{session.pk}", label, at, session.doctor, session=session)


def _of_visit(visit: Appointment) -> Unbilled:
    at = visit.scheduled_at
    label = f"Visit of {_moment(at)}, not recorded, {visit.doctor.display_name}"
    return Unbilled(f"visit-{visit.pk}", label, at, visit.doctor, appointment=visit)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(ClinicSettings.load().zone):%-d %b %Y, %H:%M}"
