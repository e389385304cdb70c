"""Visits for tests, booked through the service and walked to their state."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from patients.models import Patient
from patients.tests.factories import make_patient
from scheduling.models import (
    Appointment,
    FreedSlot,
    Holiday,
    Room,
    SlotOffer,
    TimeOff,
    VisitDefault,
    WaitingEntry,
    WorkingHours,
)
from scheduling.services import appointments as services
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


def make_room(name: str = "", **fields: Any) -> Room:
    """Add a room of the clinic."""
    return Room.objects.create(name=name or f"Room {next(_slots)}", **fields)


def make_hours(
    doctor: User,
    starts: str = "09:00",
    ends: str = "17:00",
    *,
    days: Iterable[int] = range(5),
    kind: str = WorkingHours.Kind.WORK,
    valid_from: date = date(2020, 1, 1),
    **fields: Any,
) -> list[WorkingHours]:
    """Say when a doctor works on weekdays (0 is Monday; Monday to Friday unless told), or has a break."""
    return [
        WorkingHours.objects.create(
            doctor=doctor,
            weekday=day,
            starts=time.fromisoformat(starts),
            ends=time.fromisoformat(ends),
            kind=kind,
            valid_from=valid_from,
            **fields,
        )
        for day in days
    ]


def make_time_off(doctor: User | None, starts_at: datetime, ends_at: datetime, **fields: Any) -> TimeOff:
    """Take a doctor, or with None every clinician, out of the calendar."""
    return TimeOff.objects.create(doctor=doctor, starts_at=starts_at, ends_at=ends_at, **fields)


def make_holiday(day: date, name: str = "Founders’ day", **fields: Any) -> Holiday:
    """Close the clinic for a day."""
    return Holiday.objects.create(day=day, name=name, **fields)


def make_visit_default(appointment_type: str, *, doctor: User | None = None, **fields: Any) -> VisitDefault:
    """Say how long visits of a type are, for a doctor or the clinic."""
    return VisitDefault.objects.create(appointment_type=appointment_type, doctor=doctor, **fields)


def make_hold(
    doctor: User, starts_at: datetime, *, patient: Patient, held_until: datetime, minutes: int = 50, **fields: Any
) -> SlotOffer:
    """Hold a time for a patient of the waiting list."""
    entry = WaitingEntry.objects.create(
        patient=patient, appointment_type=Appointment.Type.FOLLOWUP, added_by=doctor, doctor=doctor
    )
    when = {"doctor": doctor, "starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=minutes)}
    return SlotOffer.objects.create(
        entry=entry,
        slot=FreedSlot.objects.create(**when),
        **when,
        held_until=held_until,
        token_hash=f"{next(_slots):064x}",
        **fields,
    )
