"""Visits for tests, booked through the service and walked to their state."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from patients.models import Patient
from patients.tests.factories import make_patient
from scheduling import services
from scheduling.models import Appointment
from synapse.accounts.models import User

_slots = count(1)


def make_appointment(
    doctor: User,
    *,
    patient: Patient | None = None,
    scheduled_at: datetime | None = None,
    status: str = Appointment.Status.SCHEDULED,
    at: datetime | None = None,
    **fields: Any,
) -> Appointment:
    """Book a visit of a doctor; without a time each call takes the next free hour of the coming weeks.

    A visit in the past is booked the day before it.
    """
    scheduled_at = scheduled_at or timezone.now() + timedelta(hours=next(_slots))
    booked_at = at or min(timezone.now(), scheduled_at - timedelta(days=1))
    appointment = services.schedule_appointment(
        patient or make_patient(doctor=doctor),
        doctor=doctor,
        scheduled_at=scheduled_at,
        **{"duration_minutes": 50, "appointment_type": Appointment.Type.FOLLOWUP, "by": doctor, **fields},
        at=booked_at,
    )
    after = max(booked_at, scheduled_at)
    if status == Appointment.Status.CONFIRMED:
        services.confirm_appointment(appointment, by=doctor, at=booked_at)
    elif status == Appointment.Status.CANCELLED:
        services.cancel_appointment(appointment, reason="Patient called", by=doctor, at=booked_at)
    elif status == Appointment.Status.COMPLETED:
        services.complete_appointment(appointment, by=doctor, at=after)
    elif status == Appointment.Status.NO_SHOW:
        services.mark_no_show(appointment, by=doctor, at=after)
    elif status == Appointment.Status.RESCHEDULED:
        services.reschedule_appointment(
            appointment, scheduled_at=scheduled_at + timedelta(days=7), reason="Patient asked", by=doctor, at=booked_at
        )
    return appointment
