"""Book, confirm, move, cancel and close visits."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from patients import services as patient_services
from patients.models import Patient, PatientAccess
from scheduling import permissions, queries
from scheduling.constraints import DOCTOR_OVERLAP, PATIENT_OVERLAP
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession
from synapse.accounts.choices import NotificationEvent
from synapse.accounts.models import User
from synapse.accounts.roles import Role
from synapse.accounts.services import notify
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError
from synapse.common.transitions import advance

SHORTEST_MINUTES = 5
LONGEST_MINUTES = 8 * 60

Status = Appointment.Status


class SlotTaken(Conflict):
    """The doctor or the patient has another visit at this time."""

    code = "slot_taken"


class BadTime(DomainError):
    """The time or length cannot be booked."""

    code = "bad_time"


class SessionRunning(Conflict):
    """The visit's consultation has begun."""

    code = "session_running"


def schedule_appointment(
    patient: Patient,
    *,
    doctor: User,
    scheduled_at: datetime,
    duration_minutes: int,
    appointment_type: str,
    by: User,
    at: datetime,
    **details: Any,
) -> Appointment:
    """Book a visit and let its doctor open the patient's record.

    `details` are further fields of the appointment, such as `chief_complaint` or `location`. Raises NotAllowed,
    BadTime and SlotTaken.
    """
    permissions.check_can_book(by, doctor)
    with audit.unit_of_work():
        appointment = _book(
            Appointment(
                patient=patient,
                doctor=doctor,
                scheduled_at=scheduled_at,
                duration_minutes=duration_minutes,
                appointment_type=appointment_type,
                booked_by=by,
                **details,
            ),
            by=by,
            at=at,
        )
        _record(appointment, "schedule", by=by, action=Action.CREATE)
    return appointment


def confirm_appointment(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Note that the patient will come."""
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        advance(appointment, Status.CONFIRMED, at=at, confirmed_at=at, confirmed_by=by)
        _record(appointment, "confirm", by=by)
    return appointment


def cancel_appointment(appointment: Appointment, *, reason: str, by: User, at: datetime) -> Appointment:
    """Call a visit off, with the reason.

    A doctor whose visits with the patient were all cancelled may no longer open the record because of them. Raises
    SessionRunning.
    """
    permissions.check_can_change(by, appointment)
    if not reason.strip():
        raise DomainError("Say why the visit is cancelled.", code="reason_missing")
    with audit.unit_of_work():
        _reload(appointment)
        _check_not_begun(appointment)
        advance(
            appointment, Status.CANCELLED, at=at, cancelled_at=at, cancelled_by=by, cancellation_reason=reason.strip()
        )
        _record(appointment, "cancel", by=by)
        _tell_doctor(appointment, by=by)
        _end_unneeded_access(appointment, by=by, at=at)
    return appointment


def reschedule_appointment(
    appointment: Appointment,
    *,
    scheduled_at: datetime,
    reason: str,
    by: User,
    at: datetime,
    duration_minutes: int | None = None,
) -> Appointment:
    """Move a visit: book the new time and let go of the old one, both or neither. Return the new appointment.

    Raises SlotTaken, BadTime and SessionRunning; the old visit then stands as it was.
    """
    permissions.check_can_change(by, appointment)
    minutes = duration_minutes or appointment.duration_minutes
    _check_time(scheduled_at, minutes, at=at)
    with audit.unit_of_work():
        _reload(appointment)
        _check_not_begun(appointment)
        # The new time may overlap the old one, so the old row lets go first; a refusal rolls both back.
        _check_free(appointment, scheduled_at, minutes)
        advance(appointment, Status.RESCHEDULED, at=at, reschedule_reason=reason.strip())
        moved = _book(
            Appointment(
                patient=appointment.patient,
                doctor=appointment.doctor,
                scheduled_at=scheduled_at,
                duration_minutes=minutes,
                appointment_type=appointment.appointment_type,
                priority=appointment.priority,
                chief_complaint=appointment.chief_complaint,
                notes=appointment.notes,
                preparation_instructions=appointment.preparation_instructions,
                location=appointment.location,
                estimated_cost=appointment.estimated_cost,
                copay_amount=appointment.copay_amount,
                insurance_verified=appointment.insurance_verified,
                confirmation_required=appointment.confirmation_required,
                rescheduled_from=appointment,
                booked_by=by,
            ),
            by=by,
            at=at,
        )
        appointment.rescheduled_to = moved
        appointment.save(update_fields=["rescheduled_to", "updated_at"])
        _record(appointment, "reschedule", by=by, to=str(moved.pk))
        _record(moved, "schedule", by=by, action=Action.CREATE)
    return moved


def mark_no_show(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Note that the patient did not come. Raises BadTime before the visit's own time."""
    permissions.check_can_change(by, appointment)
    if at < appointment.scheduled_at:
        raise BadTime("The visit has not begun yet. You can say that nobody came once its time is there.")
    with audit.unit_of_work():
        _reload(appointment)
        _check_not_begun(appointment)
        advance(appointment, Status.NO_SHOW, at=at)
        _record(appointment, "no_show", by=by)
    return appointment


def complete_appointment(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Note that the visit took place. Raises SessionRunning while its consultation is live."""
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        _reload(appointment)
        if appointment.session is not None and appointment.session.is_live:
            raise SessionRunning("The session of this visit is still open. Finish it first.")
        advance(appointment, Status.COMPLETED, at=at, completed_at=at)
        _record(appointment, "complete", by=by)
    return appointment


def link_session(appointment: Appointment, session: ConsultationSession, *, by: User, at: datetime) -> Appointment:
    """Tie the visit to the consultation that began from it.

    Raises SessionRunning when another consultation of it is live or over, and Conflict when the visit is not open.
    """
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        _reload(appointment)
        check_can_start(appointment)
        appointment.session = session
        appointment.updated_at = at
        appointment.save(update_fields=["session", "updated_at"])
        _record(appointment, "start", by=by, session=str(session.pk))
    return appointment


def unlink_session(session: ConsultationSession, *, by: User, at: datetime) -> None:
    """Let go of a consultation that was held with somebody else; the visit itself stays as it is."""
    appointment = Appointment.objects.filter(session=session).first()
    if appointment is None:
        return
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        appointment.session = None
        appointment.updated_at = at
        appointment.save(update_fields=["session", "updated_at"])
        _record(appointment, "unlink", by=by, session=str(session.pk))


def check_can_start(appointment: Appointment) -> None:
    """Raise Conflict unless a consultation may begin from the visit."""
    if appointment.status not in Appointment.OPEN:
        raise Conflict(f"This visit is {appointment.get_status_display().lower()}. Start a session from the patient.")
    _check_not_begun(appointment)


def can_start(appointment: Appointment) -> bool:
    try:
        check_can_start(appointment)
    except Conflict:
        return False
    return True


def _reload(appointment: Appointment) -> None:
    """Read again what the rules look at, now that the unit of work keeps other writers out."""
    appointment.refresh_from_db(fields=["status", "session"])


def _check_not_begun(appointment: Appointment) -> None:
    session = appointment.session
    if session is not None and session.status != ConsultationSession.Status.CANCELLED:
        raise SessionRunning("The session of this visit has begun already.")


def _check_time(scheduled_at: datetime, duration_minutes: int, *, at: datetime) -> None:
    if not SHORTEST_MINUTES <= duration_minutes <= LONGEST_MINUTES:
        raise BadTime(f"A visit takes {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes.")
    if Appointment.end_of(scheduled_at, duration_minutes) <= at:
        raise BadTime("This time is over. Pick a later one.")


def _check_free(appointment: Appointment, scheduled_at: datetime, duration_minutes: int) -> None:
    end = scheduled_at + timedelta(minutes=duration_minutes)
    others = Appointment.objects.overlapping(scheduled_at, end).filter(overbooked=False).exclude(pk=appointment.pk)
    if others.filter(doctor=appointment.doctor).exists():
        raise SlotTaken("The doctor has another visit at this time. Pick a free one.")
    if others.filter(patient=appointment.patient).exists():
        raise SlotTaken("The patient has another visit at this time. Pick a free one.")


def _book(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Insert a visit whose time is free, and open the record to its doctor."""
    if appointment.doctor.role != Role.DOCTOR or not appointment.doctor.is_active:
        raise DomainError("Visits are booked with a doctor who works here.", code="not_a_doctor")
    if appointment.patient.archived_at is not None:
        raise Conflict("This patient is archived. Restore the record before you book a visit.", code="archived")
    _check_time(appointment.scheduled_at, appointment.duration_minutes, at=at)
    _check_free(appointment, appointment.scheduled_at, appointment.duration_minutes)
    appointment.ends_at = Appointment.end_of(appointment.scheduled_at, appointment.duration_minutes)
    appointment.timezone = queries.timezone_name_of(appointment.doctor)
    try:
        with transaction.atomic():
            appointment.save(force_insert=True)
    except IntegrityError as error:
        raise _explain(error) from None
    patient_services.grant_access(
        appointment.patient, doctor=appointment.doctor, source=PatientAccess.Source.BOOKED, by=by, at=at
    )
    _tell_doctor(appointment, by=by)
    return appointment


def _tell_doctor(appointment: Appointment, *, by: User) -> None:
    if by.pk != appointment.doctor_id:
        notify(appointment.doctor, NotificationEvent.APPOINTMENT_BOOKED)


def _explain(error: IntegrityError) -> Exception:
    """Turn the database's refusal of an overlap into the rule it keeps; anything else stays what it is."""
    if DOCTOR_OVERLAP in str(error):
        return SlotTaken("The doctor has another visit at this time. Pick a free one.")
    if PATIENT_OVERLAP in str(error):
        return SlotTaken("The patient has another visit at this time. Pick a free one.")
    return error


def _end_unneeded_access(appointment: Appointment, *, by: User, at: datetime) -> None:
    visits = Appointment.objects.filter(patient=appointment.patient_id, doctor=appointment.doctor_id)
    if not visits.exclude(status__in=[Status.CANCELLED, Status.RESCHEDULED]).exists():
        patient_services.end_access(
            appointment.patient, doctor=appointment.doctor, source=PatientAccess.Source.BOOKED, by=by, at=at
        )


def _record(appointment: Appointment, verb: str, *, by: User, action: Action = Action.UPDATE, **detail: str) -> None:
    audit.record(action, by=by, target=appointment, patient_id=appointment.patient_id, detail={"verb": verb, **detail})
