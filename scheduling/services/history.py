"""Take visits in from another system: past ones as history, coming ones under the rules that hold here."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from patients import services as patient_services
from patients.models import Patient, PatientAccess
from scheduling import permissions, queries
from scheduling.changes import quietly, record_change
from scheduling.models import Appointment
from scheduling.services.appointments import schedule_appointment
from scheduling.services.slot_checks import BadTime, NotAvailable, check_length, explain
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import unit_of_work
from synapse.common.errors import DomainError

TAKEN_OVER = "Taken over from another system."
PAST = (Appointment.Status.COMPLETED, Appointment.Status.NO_SHOW, Appointment.Status.CANCELLED)


def take_in_visit(
    patient: Patient,
    *,
    doctor: User,
    scheduled_at: datetime,
    duration_minutes: int,
    appointment_type: str,
    status: str,
    by: User,
    at: datetime,
    **details: Any,
) -> Appointment:
    """Store a visit of another system without a word to the patient. Raises NotAllowed, SlotTaken and BadTime.

    A past one comes in as it ended (completed, no_show or cancelled) and a coming one as scheduled, also where the
    doctor offers no visits, but never over another one.
    """
    with quietly():
        if status not in PAST:
            return _book(
                patient,
                doctor=doctor,
                scheduled_at=scheduled_at,
                duration_minutes=duration_minutes,
                appointment_type=appointment_type,
                by=by,
                at=at,
                tell_doctor=False,
                **details,
            )
        return _store_past(
            Appointment(
                patient=patient,
                doctor=doctor,
                scheduled_at=scheduled_at,
                duration_minutes=duration_minutes,
                appointment_type=appointment_type,
                status=status,
                booked_by=by,
                confirmation_required=False,
                **details,
            ),
            by=by,
            at=at,
        )


def _book(patient: Patient, *, by: User, at: datetime, **wish: Any) -> Appointment:
    try:
        return schedule_appointment(patient, by=by, at=at, **wish)
    except NotAvailable:
        # Nothing stands there: a taken time was refused before this.
        return schedule_appointment(patient, by=by, at=at, overbooking_reason=TAKEN_OVER, **wish)


def _store_past(visit: Appointment, *, by: User, at: datetime) -> Appointment:
    permissions.check_can_book(by, visit.doctor)
    check_length(visit.duration_minutes)
    if visit.scheduled_at > at and visit.status != Appointment.Status.CANCELLED:
        raise BadTime("This visit is still to come, so it cannot be over.")
    visit.ends_at = Appointment.end_of(visit.scheduled_at, visit.duration_minutes)
    visit.timezone = queries.timezone_name_of(visit.doctor)
    if visit.status == Appointment.Status.COMPLETED:
        visit.completed_at = visit.ends_at
    elif visit.status == Appointment.Status.CANCELLED:
        visit.cancelled_at, visit.cancelled_by, visit.cancellation_reason = visit.scheduled_at, by, TAKEN_OVER
    with unit_of_work():
        try:
            with transaction.atomic():
                visit.save(force_insert=True)
        except IntegrityError as error:
            raise _refusal(error) from None
        if visit.status != Appointment.Status.CANCELLED:
            patient_services.grant_access(
                visit.patient, doctor=visit.doctor, source=PatientAccess.Source.BOOKED, by=by, at=at
            )
        record_change(visit, "take_in", by=by, at=at, action=Action.CREATE)
    return visit


def _refusal(error: IntegrityError) -> Exception:
    known = explain(error)
    return known if isinstance(known, DomainError) else error
