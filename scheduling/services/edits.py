"""Change a visit without giving it another time, and decide which change a drag in the calendar is."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from scheduling import permissions
from scheduling.changes import record_change
from scheduling.models import Appointment, Room
from scheduling.services import appointments
from scheduling.services.costs import check_costs
from scheduling.services.slot_checks import SlotTaken, check_length, check_room, check_slot, explain, whom_it_meets
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.common.errors import Conflict

# Of one visit alone, whatever its series says: they do not detach it from later changes of the series.
OF_ONE_VISIT = {"insurance_verified", "estimated_cost", "copay_amount", "confirmation_required"}
SLOT = ("scheduled_at", "duration_minutes", "doctor", "room")
DETAILS = (
    "priority",
    "chief_complaint",
    "notes",
    "preparation_instructions",
    "location",
    "estimated_cost",
    "copay_amount",
    "insurance_verified",
    "confirmation_required",
)


def edit_appointment(
    appointment: Appointment,
    *,
    by: User,
    at: datetime,
    overbooking_reason: str = "",
    **fields: Any,
) -> Appointment:
    """Change what is not time: the fields of DETAILS, `appointment_type` and `room`.

    Raises Conflict when the visit no longer stands, SlotTaken when the room is taken and no reason is given. The trail
    holds the names of the fields that changed.
    """
    permissions.check_can_change(by, appointment)
    unknown = set(fields) - {*DETAILS, "appointment_type", "room"}
    if unknown:
        raise TypeError(f"not details of a visit: {sorted(unknown)}")
    with audit.unit_of_work():
        appointment.refresh_from_db()
        _check_stands(appointment)
        changed = [name for name, value in fields.items() if getattr(appointment, name) != value]
        if not changed:
            return appointment
        for name in changed:
            setattr(appointment, name, fields[name])
        check_costs(appointment.estimated_cost, appointment.copay_amount)
        if "room" in changed:
            _settle_room(appointment, reason=overbooking_reason.strip())
        if appointment.series_id and set(changed) - OF_ONE_VISIT:
            appointment.series_changed = True
        _store(appointment, changed)
        record_change(appointment, "edit", by=by, at=at, fields=" ".join(sorted(changed)))
    return appointment


def change_appointment(appointment: Appointment, *, by: User, at: datetime, **fields: Any) -> Appointment:
    """Change details and time of a visit together, both or neither, and return the visit that now stands.

    `fields` are those of `edit_appointment` and `change_slot`; what is as it was changes nothing. Raises what the two
    raise.
    """
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        appointment.refresh_from_db()
        slot = {name: fields.pop(name, getattr(appointment, name)) for name in SLOT}
        moves = any(slot[name] != getattr(appointment, name) for name in SLOT if name != "room")
        if not moves:
            # A room alone may change on a visit that is over; a new time looks at the room together with the time.
            fields["room"] = slot["room"]
        edit_appointment(appointment, by=by, at=at, **fields)
        return change_slot(appointment, **slot, by=by, at=at) if moves else appointment


def set_insurance_verified(appointment: Appointment, *, verified: bool, by: User, at: datetime) -> Appointment:
    """Note that the insurance was checked for this visit, or take that back."""
    return edit_appointment(appointment, insurance_verified=verified, by=by, at=at)


def resize_appointment(
    appointment: Appointment, *, duration_minutes: int, by: User, at: datetime, overbooking_reason: str = ""
) -> Appointment:
    """Make a visit longer or shorter. It keeps its beginning, so what the patient was told and confirmed holds.

    Raises SlotTaken, NotAvailable, BadTime, SessionRunning and Conflict; the visit then stands as it was.
    """
    permissions.check_can_change(by, appointment)
    check_length(duration_minutes)
    with audit.unit_of_work():
        appointment.refresh_from_db()
        _check_open(appointment)
        before = appointment.duration_minutes
        if before == duration_minutes:
            return appointment
        appointment.duration_minutes = duration_minutes
        appointment.ends_at = Appointment.end_of(appointment.scheduled_at, duration_minutes)
        if duration_minutes > before:
            # A visit that was overbooked with a reason keeps it while it is changed.
            reason = overbooking_reason.strip() or appointment.overbooking_reason
            appointment.overbooked = check_slot(appointment, reason=reason, at=at)
            appointment.overbooking_reason = reason
        if appointment.series_id:
            appointment.series_changed = True
        _store(appointment, ["duration_minutes", "ends_at"])
        record_change(appointment, "edit", by=by, at=at, fields="duration_minutes", minutes_before=str(before))
    return appointment


def change_slot(
    appointment: Appointment,
    *,
    scheduled_at: datetime,
    duration_minutes: int,
    doctor: User,
    room: Room | None,
    reason: str = "",
    overbooking_reason: str = "",
    by: User,
    at: datetime,
) -> Appointment:
    """Give a visit another time, length, doctor or room and return the visit that now stands.

    Another beginning or doctor makes a new visit (reschedule); a length or room alone changes this one.
    """
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        if scheduled_at != appointment.scheduled_at or doctor.pk != appointment.doctor_id:
            return appointments.reschedule_appointment(
                appointment,
                scheduled_at=scheduled_at,
                duration_minutes=duration_minutes,
                doctor=doctor,
                room=room,
                reason=reason,
                overbooking_reason=overbooking_reason,
                by=by,
                at=at,
            )
        if room != appointment.room:
            edit_appointment(appointment, room=room, overbooking_reason=overbooking_reason, by=by, at=at)
        return resize_appointment(
            appointment, duration_minutes=duration_minutes, overbooking_reason=overbooking_reason, by=by, at=at
        )


def _check_stands(appointment: Appointment) -> None:
    if appointment.status not in Appointment.ACTIVE:
        word = appointment.get_status_display().lower()
        raise Conflict(f"This visit is {word}. It can no longer be changed.", code="invalid_transition")


def _check_open(appointment: Appointment) -> None:
    if appointment.status not in Appointment.OPEN:
        word = appointment.get_status_display().lower()
        raise Conflict(f"This visit is {word}. It can no longer be changed.", code="invalid_transition")
    appointments.check_not_begun(appointment)


def _settle_room(appointment: Appointment, *, reason: str) -> None:
    """Refuse a room that is taken or closed; where the doctor's hours stand is not asked again."""
    check_room(appointment.room)
    met = whom_it_meets(appointment)
    if "room" in met and not reason:
        raise SlotTaken("room")
    appointment.overbooked = bool(met)
    appointment.overbooking_reason = reason or appointment.overbooking_reason


def _store(appointment: Appointment, changed: list[str]) -> None:
    settled = ["overbooked", "overbooking_reason", "series_changed", "updated_at"]
    try:
        with transaction.atomic():
            appointment.save(update_fields=[*changed, *settled])
    except IntegrityError as error:
        raise explain(error) from None
