"""Book, confirm, move, cancel and close visits."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from patients import services as patient_services
from patients.models import Patient, PatientAccess
from patients.permissions import check_is_in_use
from scheduling import permissions, queries
from scheduling.availability import slots
from scheduling.changes import record_change
from scheduling.models import Appointment, Room
from scheduling.services import slot_checks
from scheduling.services.costs import check_costs
from scheduling.services.slot_checks import BadTime, NotAvailable, SlotTaken
from sessions_app.models import ConsultationSession
from synapse.accounts.choices import NotificationEvent
from synapse.accounts.models import User
from synapse.accounts.roles import Role
from synapse.accounts.services import notify
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError, InvalidTransition
from synapse.common.transitions import advance

__all__ = ["BadTime", "NotAvailable", "SlotTaken"]

Status = Appointment.Status

# What a visit that takes the place of another one keeps of it.
CARRIED = (
    "patient",
    "doctor",
    "duration_minutes",
    "appointment_type",
    "priority",
    "chief_complaint",
    "notes",
    "preparation_instructions",
    "room",
    "location",
    "estimated_cost",
    "copay_amount",
    "insurance_verified",
    "confirmation_required",
    "is_walk_in",
    "series",
    "series_day",
)


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
    by: User | None,
    at: datetime,
    booked_by: User | None = None,
    room: Room | None = None,
    overbooking_reason: str = "",
    tell_doctor: bool = True,
    is_offered: bool = False,
    **details: Any,
) -> Appointment:
    """Book a visit and let its doctor open the patient's record.

    Without `by` it is the patient who does, by a link; `booked_by` then names whose link that was.

    `overbooking_reason` books although the doctor or the room is taken or the time is not offered; it is kept with the
    visit. `details` are further fields of the appointment, such as `chief_complaint`, `series`, `series_day` or
    `is_walk_in`. The pause after the visit is that of its type unless `buffer_minutes` says otherwise. `is_offered`
    says that the caller has looked, in this unit of work, whether the time is offered, as a whole series does. Raises
    NotAllowed, BadTime, SlotTaken and NotAvailable.
    """
    booker = _booker_of(by, booked_by)
    if by is not None:
        permissions.check_can_book(by, doctor)
    with audit.unit_of_work():
        appointment = _book(
            Appointment(
                patient=patient,
                doctor=doctor,
                scheduled_at=scheduled_at,
                duration_minutes=duration_minutes,
                appointment_type=appointment_type,
                room=room,
                booked_by=booker,
                **details,
            ),
            reason=overbooking_reason,
            has_own_buffer="buffer_minutes" in details,
            is_offered=is_offered,
            at=at,
        )
        record_change(appointment, "schedule", by=by, at=at, action=Action.CREATE)
        if tell_doctor:
            _tell_doctor(appointment, by=by)
    return appointment


def confirm_appointment(appointment: Appointment, *, by: User | None, at: datetime) -> Appointment:
    """Note that the patient will come; without `by` it is the patient's own word, by a link."""
    if by is not None:
        permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        advance(
            appointment,
            Status.CONFIRMED,
            at=at,
            confirmed_at=at,
            confirmed_by=by,
            confirmed_by_patient=by is None,
        )
        record_change(appointment, "confirm", by=by, at=at)
    return appointment


def cancel_appointment(
    appointment: Appointment, *, reason: str, by: User | None, at: datetime, by_patient: bool = False
) -> Appointment:
    """Call a visit off, with the reason; without `by` it is the patient who does, by a link.

    `by_patient` says that the patient asked for it, at the desk or by telephone.
    A doctor whose visits with the patient were all cancelled may no longer open the record because of them. Raises
    SessionRunning.
    """
    if by is not None:
        permissions.check_can_change(by, appointment)
    if not reason.strip():
        raise DomainError("Say why the visit is cancelled.", code="reason_missing")
    with audit.unit_of_work():
        _reload(appointment)
        check_not_begun(appointment)
        advance(
            appointment,
            Status.CANCELLED,
            at=at,
            cancelled_at=at,
            cancelled_by=by,
            cancelled_by_patient=by is None or by_patient,
            cancellation_reason=reason.strip(),
            patient_asked_at=None,
        )
        record_change(appointment, "cancel", by=by, at=at)
        _tell_doctor(appointment, by=by)
        _end_unneeded_access(appointment, by=by, at=at)
    return appointment


def reschedule_appointment(
    appointment: Appointment,
    *,
    scheduled_at: datetime,
    reason: str,
    by: User | None,
    at: datetime,
    booked_by: User | None = None,
    overbooking_reason: str = "",
    tell_doctor: bool = True,
    **changes: Any,
) -> Appointment:
    """Move a visit: book the new time and let go of the old one, both or neither. Return the new appointment.

    It keeps what was agreed for the old one; `changes` are fields that differ: `doctor`, `room`, `duration_minutes`,
    or those of a series. A visit of a series that is moved counts as changed alone unless `series_changed` says
    otherwise. Without `by` the patient does it, by a link of `booked_by`. Raises NotAllowed, SlotTaken, NotAvailable,
    BadTime, SessionRunning and InvalidTransition; the old visit then stands as it was.
    """
    booker = _booker_of(by, booked_by)
    if by is not None:
        permissions.check_can_change(by, appointment)
        permissions.check_can_give_to(by, changes.get("doctor", appointment.doctor), appointment)
    with audit.unit_of_work():
        appointment.refresh_from_db()
        check_not_begun(appointment)
        check_can_become(appointment, Status.RESCHEDULED)
        carried = {name: getattr(appointment, name) for name in CARRIED}
        in_series = {"series_changed": True} if appointment.series_id else {}
        moved = Appointment(
            # Who came without a visit is expected, and told, at the new time like anybody else.
            **{**carried, "is_walk_in": False, **in_series, **changes, "scheduled_at": scheduled_at},
            rescheduled_from=appointment,
            booked_by=booker,
        )
        # The new time may overlap the old one, so everything is checked first and then the old row lets go.
        _prepare(
            moved,
            reason=overbooking_reason,
            has_own_buffer="buffer_minutes" in changes,
            at=at,
            replacing=appointment,
        )
        advance(appointment, Status.RESCHEDULED, at=at, reschedule_reason=reason.strip(), patient_asked_at=None)
        _insert(moved, at=at)
        appointment.rescheduled_to = moved
        appointment.save(update_fields=["rescheduled_to", "updated_at"])
        record_change(appointment, "reschedule", by=by, at=at, to=str(moved.pk))
        record_change(moved, "schedule", by=by, at=at, action=Action.CREATE)
        if tell_doctor:
            _tell_doctor(moved, by=by)
        if moved.doctor_id != appointment.doctor_id:
            _tell_doctor(appointment, by=by)
            _end_unneeded_access(appointment, by=by, at=at)
    return moved


def mark_no_show(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Note that the patient did not come. Raises Conflict before the visit's own time."""
    permissions.check_can_change(by, appointment)
    if at < appointment.scheduled_at:
        raise Conflict("The visit has not begun yet. Say that nobody came once its time is there.", code="too_early")
    with audit.unit_of_work():
        _reload(appointment)
        check_not_begun(appointment)
        _check_not_here(appointment)
        advance(appointment, Status.NO_SHOW, at=at)
        record_change(appointment, "no_show", by=by, at=at)
    return appointment


def complete_appointment(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Note that the visit took place. Raises SessionRunning while its consultation is live."""
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        _reload(appointment)
        if appointment.session is not None and appointment.session.is_live:
            raise SessionRunning("The session of this visit is still open. Finish it first.")
        advance(appointment, Status.COMPLETED, at=at, completed_at=at)
        record_change(appointment, "complete", by=by, at=at)
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
        record_change(appointment, "start", by=by, at=at, session=str(session.pk))
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
        record_change(appointment, "unlink", by=by, at=at, session=str(session.pk))


def check_can_start(appointment: Appointment) -> None:
    """Raise Conflict unless a consultation may begin from the visit."""
    if appointment.status not in Appointment.OPEN:
        raise Conflict(f"This visit is {appointment.get_status_display().lower()}. Start a session from the patient.")
    check_not_begun(appointment)


def can_start(appointment: Appointment) -> bool:
    try:
        check_can_start(appointment)
    except Conflict:
        return False
    return True


def check_not_begun(appointment: Appointment) -> None:
    """Raise SessionRunning when the visit's consultation is live or over."""
    session = appointment.session
    if session is not None and session.status != ConsultationSession.Status.CANCELLED:
        raise SessionRunning("The session of this visit has begun already.")


def _check_not_here(appointment: Appointment) -> None:
    appointment.refresh_from_db(fields=["arrived_at"])
    if appointment.arrived_at is not None:
        raise Conflict("The patient is checked in. Take that back first, if it was a mistake.", code="wrong_stage")


def check_can_become(appointment: Appointment, to: str) -> None:
    """Raise InvalidTransition unless the visit's status may become this one."""
    if to not in Appointment.TRANSITIONS[Status(appointment.status)]:
        raise InvalidTransition(
            f"This visit is {appointment.get_status_display().lower()} and can no longer be changed."
        )


def book_in_place_of(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Book a cancelled visit's time again as a new visit, linked both ways; call it inside `unit_of_work()`."""
    again = Appointment(
        **{name: getattr(appointment, name) for name in (*CARRIED, "scheduled_at", "series_changed")},
        rescheduled_from=appointment,
        booked_by=by,
    )
    _book(again, reason=appointment.overbooking_reason, has_own_buffer=False, at=at)
    _tell_doctor(again, by=by)
    appointment.rescheduled_to = again
    appointment.save(update_fields=["rescheduled_to", "updated_at"])
    record_change(again, "schedule", by=by, at=at, action=Action.CREATE, restores=str(appointment.pk))
    return again


def _reload(appointment: Appointment) -> None:
    """Read again what the rules look at, now that the unit of work keeps other writers out."""
    appointment.refresh_from_db(fields=["status", "session"])


def _booker_of(by: User | None, booked_by: User | None) -> User:
    booker = booked_by or by
    if booker is None:
        raise TypeError("a patient books by somebody's link: name whose in booked_by")
    return booker


def _book(
    appointment: Appointment, *, reason: str, has_own_buffer: bool, is_offered: bool = False, at: datetime
) -> Appointment:
    """Insert a visit whose time is free, and open the record to its doctor."""
    _prepare(appointment, reason=reason, has_own_buffer=has_own_buffer, is_offered=is_offered, at=at)
    return _insert(appointment, at=at)


def _prepare(
    appointment: Appointment,
    *,
    reason: str,
    has_own_buffer: bool,
    is_offered: bool = False,
    at: datetime,
    replacing: Appointment | None = None,
) -> None:
    """Fill in what follows from a new visit's time, and refuse it where it may not stand."""
    if appointment.doctor.role != Role.DOCTOR or not appointment.doctor.is_active:
        raise DomainError("Visits are booked with a doctor who works here.", code="not_a_doctor")
    if appointment.rescheduled_from is not None or appointment.series is not None:
        # What was arranged on a record that was merged since goes on with the kept one.
        appointment.patient = appointment.patient.kept_record
    check_is_in_use(appointment.patient, before="you book a visit")
    slot_checks.check_room(appointment.room)
    check_costs(appointment.estimated_cost, appointment.copay_amount)
    slot_checks.check_time(appointment.scheduled_at, appointment.duration_minutes, at=at)
    appointment.ends_at = Appointment.end_of(appointment.scheduled_at, appointment.duration_minutes)
    appointment.timezone = queries.timezone_name_of(appointment.doctor)
    if not has_own_buffer:
        usual = slots.default_length(appointment.appointment_type, doctor=appointment.doctor)
        appointment.buffer_minutes = usual.buffer_minutes
    appointment.overbooking_reason = reason.strip()
    appointment.overbooked = slot_checks.check_slot(
        appointment, reason=appointment.overbooking_reason, at=at, excluding=replacing, is_offered=is_offered
    )


def _insert(appointment: Appointment, *, at: datetime) -> Appointment:
    try:
        with transaction.atomic():
            appointment.save(force_insert=True)
    except IntegrityError as error:
        raise slot_checks.explain(error) from None
    patient_services.grant_access(
        appointment.patient,
        doctor=appointment.doctor,
        source=PatientAccess.Source.BOOKED,
        by=appointment.booked_by,
        at=at,
        held_at=appointment.scheduled_at,
    )
    return appointment


def _tell_doctor(appointment: Appointment, *, by: User | None) -> None:
    if by is None or by.pk != appointment.doctor_id:
        notify(appointment.doctor, NotificationEvent.APPOINTMENT_BOOKED)


def _end_unneeded_access(appointment: Appointment, *, by: User | None, at: datetime) -> None:
    visits = Appointment.objects.filter(patient__in=appointment.patient.records(), doctor=appointment.doctor_id)
    if not visits.exclude(status__in=[Status.CANCELLED, Status.RESCHEDULED]).exists():
        patient_services.end_access(
            appointment.patient, doctor=appointment.doctor, source=PatientAccess.Source.BOOKED, by=by, at=at
        )
