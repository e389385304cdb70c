"""What the calendar shows, fetched in one or two queries."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from patients.models import Patient
from patients.queries import doctors
from scheduling.models import Appointment, AppointmentQuerySet
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission


def list_doctors_for(user: User) -> QuerySet[User]:
    """Return the doctors this person may book with, by name."""
    if user.may(Permission.MANAGE_ALL_APPOINTMENTS):
        return doctors()
    return doctors().filter(pk=user.pk)


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
        .filter(patient=patient)
        .select_related("doctor", "session")
        .order_by("-scheduled_at")
    )


def list_day_of_doctor(doctor: User, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return the times a doctor is taken in [start, end)."""
    taken = Appointment.objects.overlapping(start, end).filter(doctor=doctor).order_by("scheduled_at")
    return list(taken.values_list("scheduled_at", "ends_at"))


def timezone_name_of(user: User) -> str:
    """Return the name of the time zone a person works in: their own, else the clinic's."""
    profile = getattr(user, "profile", None)
    return (profile.timezone if profile else "") or ClinicSettings.load().timezone
