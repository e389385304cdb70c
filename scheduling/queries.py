"""What the calendar shows, fetched in one or two queries."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from patients.models import Patient
from patients.queries import doctors
from scheduling.models import Appointment, AppointmentQuerySet
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission

_DRAWN = (
    *("scheduled_at", "ends_at", "duration_minutes", "appointment_type", "status", "priority", "overbooked"),
    *("arrived_at", "in_room_at", "seen_at", "patient_asked_at", "location", "doctor_id", "room_id", "series_id"),
    *("patient__first_name", "patient__last_name", "session__status"),
)


def list_doctors_for(user: User) -> QuerySet[User]:
    """Return the doctors this person may book with, by name."""
    if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
        return doctors()
    return doctors().filter(pk=user.pk)


def list_former_doctors(start: datetime, end: datetime, *, present: Iterable[User]) -> QuerySet[User]:
    """Return whoever treats nobody here any more but has visits left in [start, end): somebody has to move them."""
    left = Appointment.objects.open().filter(scheduled_at__lt=end, ends_at__gt=start)
    left = left.exclude(doctor__in=[doctor.pk for doctor in present])
    return User.objects.filter(pk__in=left.values("doctor")).order_by("last_name", "first_name", "username")


def list_appointments(
    user: User, start: datetime, end: datetime, *, doctors: Iterable[UUID] | None = None
) -> AppointmentQuerySet:
    """Return what stands in the calendar in [start, end): everything but cancelled and moved visits."""
    visits = (
        Appointment.objects.visible_to(user)
        .filter(scheduled_at__lt=end, ends_at__gt=start)
        .exclude(status__in=[Appointment.Status.CANCELLED, Appointment.Status.RESCHEDULED])
        .select_related("patient", "doctor", "session")
        .order_by("scheduled_at", "created_at")
    )
    return visits if doctors is None else visits.filter(doctor__in=list(doctors))


def list_calendar_visits(
    user: User, start: datetime, end: datetime, *, doctors: Iterable[UUID], rooms: Iterable[UUID] = ()
) -> AppointmentQuerySet:
    """Return what a grid draws of the visits in [start, end), in these rooms when any are named.

    Each of the 40 encrypted columns of a visit and its patient costs as much as all the plain ones of the row together,
    so only the name is read. The doctor and the room are the caller's to set: it has them at hand.
    """
    visits = list_appointments(user, start, end, doctors=doctors).select_related(None)
    visits = visits.select_related("patient", "session").only(*_DRAWN)
    return visits.filter(room__in=list(rooms)) if rooms else visits


def count_by_doctor(user: User, start: datetime, end: datetime, *, rooms: Iterable[UUID] = ()) -> dict[UUID, int]:
    """Return how many visits this person sees with each doctor in [start, end)."""
    visits = list_appointments(user, start, end).order_by()
    if rooms:
        visits = visits.filter(room__in=list(rooms))
    return dict(visits.values("doctor").annotate(count=Count("pk")).values_list("doctor", "count"))


def list_busy_times(user: User, start: datetime, end: datetime) -> list[tuple[UUID, datetime, datetime]]:
    """Return doctor, start and end of active visits this person may not open: times only, nobody's name."""
    return list(
        Appointment.objects.overlapping(start, end)
        .exclude(pk__in=Appointment.objects.visible_to(user).values("pk"))
        .order_by("scheduled_at")
        .values_list("doctor_id", "scheduled_at", "ends_at")
    )


def list_patient_appointments(user: User, patient: Patient) -> AppointmentQuerySet:
    """Return a patient's visits this person may see, the latest first."""
    return (
        Appointment.objects.visible_to(user)
        .filter(patient__in=patient.records())
        .select_related("doctor", "session")
        .order_by("-scheduled_at")
    )


def list_visits_to_begin(doctor: User, patient: Patient, start: datetime, end: datetime) -> AppointmentQuerySet:
    """Return a patient's open visits with a doctor in [start, end) whose consultation has not begun, by time."""
    return (
        Appointment.objects.open()
        .filter(doctor=doctor, patient__in=patient.records(), scheduled_at__gte=start, scheduled_at__lt=end)
        .filter(Q(session=None) | Q(session__status=ConsultationSession.Status.CANCELLED))
        .order_by("scheduled_at")
    )


def timezone_name_of(user: User) -> str:
    """Return the name of the time zone a person works in: their own, else the clinic's."""
    profile = getattr(user, "profile", None)
    return (profile.timezone if profile else "") or ClinicSettings.load().timezone


def trace_moves(visits: Sequence[Appointment]) -> dict[UUID, tuple[UUID, int]]:
    """Return, by visit, the first visit of its chain of moves and how often it was moved.

    One query for each further move of the visit moved most often, whatever the number of visits.
    """
    chains = {visit.pk: [visit.pk] for visit in visits}
    before = {visit.pk: visit.rescheduled_from_id for visit in visits if visit.rescheduled_from_id}
    while before:
        for visit_id, earlier in before.items():
            chains[visit_id].append(earlier)
        rows = dict(
            Appointment.objects.filter(pk__in=set(before.values()), rescheduled_from__isnull=False).values_list(
                "pk", "rescheduled_from_id"
            )
        )
        before = {visit_id: rows[earlier] for visit_id, earlier in before.items() if earlier in rows}
    return {visit_id: (chain[-1], len(chain) - 1) for visit_id, chain in chains.items()}
