"""What is asked about series: what stands around one, what is left of it, which are about to end."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Q, QuerySet

from patients.models import Patient
from scheduling.availability.rules import Booked, Span
from scheduling.availability.slots import LONGEST_BUFFER, load_diaries
from scheduling.models import Appointment, AppointmentQuerySet, AppointmentSeries, Room
from scheduling.models.series import BOUNDED
from scheduling.series.plan import Busy, Surroundings
from synapse.accounts.models import User

VISITS_LEFT_AT_THE_END = 3
REMEMBERED_FOR = timedelta(days=14)  # a series that ran out lately can still be gone on with
STANDING = ("scheduled", "confirmed", "completed", "no_show")


def surroundings_of(
    user: User | None,
    *,
    doctor: User,
    patient: Patient,
    room: Room | None,
    zone: ZoneInfo,
    window: Span,
    at: datetime,
    ignoring: Collection[UUID] = (),
) -> Surroundings:
    """Return what stands around visits of a doctor with a patient in a window, in the words this person may read."""
    diary = load_diaries([doctor], window, at=at, patient=patient)[doctor.pk]
    whose = Q(doctor=doctor) | Q(patient__in=patient.records())
    if room is not None:
        whose |= Q(room=room)
    rows = (
        Appointment.objects.overlapping(window.start - LONGEST_BUFFER, window.end + LONGEST_BUFFER)
        .filter(whose)
        .exclude(pk__in=ignoring)
        .select_related("patient")
        .order_by("scheduled_at")
    )
    seen = set(rows.visible_to(user).values_list("pk", flat=True)) if user is not None else set()
    visits = []
    for row in rows:
        buffer = timedelta(minutes=row.buffer_minutes if row.doctor_id == doctor.pk else 0)
        names = row.pk in seen and row.doctor_id == doctor.pk and row.patient.kept_id != patient.kept_id
        words = f"Taken by {row.patient.full_name}" if names else _words_of(row, doctor, patient)
        visits.append(Busy(row.scheduled_at, row.ends_at, words, buffer, row.patient_id if names else None))
    booked = [Booked(visit.start, visit.end, visit.buffer) for visit in visits]
    return Surroundings(zone, replace(diary, visits=booked), visits)


def _words_of(row: Appointment, doctor: User, patient: Patient) -> str:
    if row.patient.kept_id == patient.kept_id:
        return "The patient has another visit"
    return "The doctor has another visit" if row.doctor_id == doctor.pk else "The room is taken"


def list_visits(series: AppointmentSeries) -> AppointmentQuerySet:
    """Return the visits of a series that stand or took place, in order of their days."""
    return series.appointments.filter(status__in=STANDING).order_by("series_day")


def remaining_visits(series: AppointmentSeries, *, at: datetime) -> AppointmentQuerySet:
    """Return the visits of a series that are still to come."""
    visits: AppointmentQuerySet = series.appointments.filter(status__in=Appointment.OPEN, scheduled_at__gt=at)
    return visits.order_by("scheduled_at")


def list_series_ending(
    user: User, at: datetime, *, within: int = VISITS_LEFT_AT_THE_END
) -> QuerySet[AppointmentSeries]:
    """Return the series this person sees that have begun and have at most `within` visits to come, the nearest first.

    Each has `visits_left` and `last_visit_at`.
    A series that goes on in another one, was cancelled, or may end (somebody said so) is not among them.
    """
    return (
        AppointmentSeries.objects.visible_to(user)
        .of_patients_in_use()
        .filter(BOUNDED, ended_at=None, end_noticed_at=None, continued_by=None)
        .annotate(
            visits_left=Count(
                "appointments",
                filter=Q(appointments__status__in=Appointment.OPEN, appointments__scheduled_at__gt=at),
            ),
            visits_begun=Count(
                "appointments", filter=Q(appointments__status__in=STANDING, appointments__scheduled_at__lte=at)
            ),
            last_visit_at=Max("appointments__scheduled_at", filter=Q(appointments__status__in=STANDING)),
        )
        .filter(visits_left__lte=within, visits_begun__gt=0, last_visit_at__gt=at - REMEMBERED_FOR)
        .select_related("patient", "doctor")
        .order_by("last_visit_at")
    )


def list_patient_series(user: User, patient: Patient, *, at: datetime) -> list[AppointmentSeries]:
    """Return the series of a patient this person sees that still have visits to come, with `visits_left`."""
    found = (
        AppointmentSeries.objects.visible_to(user)
        .filter(patient__in=patient.records())
        .annotate(
            visits_left=Count(
                "appointments",
                filter=Q(appointments__status__in=Appointment.OPEN, appointments__scheduled_at__gt=at),
            )
        )
        .filter(visits_left__gt=0)
        .select_related("doctor")
        .order_by("first_day")
    )
    return list(found)
