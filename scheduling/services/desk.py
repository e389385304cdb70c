"""What the front desk does around a visit: who came without one, who was rung."""

from datetime import datetime
from functools import partial

from patients.models import Patient
from scheduling import permissions
from scheduling.changes import calendar_changed, record_change
from scheduling.models import Appointment, WalkIn
from scheduling.services import appointments, stages
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict

WALK_IN_REASON = "Walk-in"


class HasVisitToday(Conflict):
    """The patient has come for a visit that is booked; `visit` is it."""

    code = "has_visit"

    def __init__(self, visit: Appointment) -> None:
        super().__init__("This patient has a visit today already. Check that one in.")
        self.visit = visit


def receive_walk_in(
    patient: Patient,
    *,
    doctor: User,
    appointment_type: str,
    duration_minutes: int,
    by: User,
    at: datetime,
    walk_in: WalkIn | None = None,
) -> Appointment:
    """Book a visit that begins now and check the patient in; `walk_in` is the row they stood on without a name.

    It is booked over whatever the doctor has then, with the reason. Raises what booking and checking in
    raise, and HasVisitToday.
    """
    with audit.unit_of_work():
        booked = Appointment.objects.open().filter(
            patient__in=patient.records(),
            arrived_at=None,
            scheduled_at__gte=at - stages.SAME_VISIT,
            scheduled_at__lte=at + stages.SAME_VISIT,
        )
        earlier = booked.order_by("scheduled_at").first()
        if earlier is not None:
            raise HasVisitToday(earlier)
        book = partial(
            appointments.schedule_appointment,
            patient,
            doctor=doctor,
            scheduled_at=at.replace(second=0, microsecond=0),
            duration_minutes=duration_minutes,
            appointment_type=appointment_type,
            by=by,
            at=at,
            is_walk_in=True,
            confirmation_required=False,
        )
        try:
            visit = book()
        except (appointments.SlotTaken, appointments.NotAvailable):
            visit = book(overbooking_reason=WALK_IN_REASON)
        if walk_in is not None:
            _end_walk_in(walk_in, by=by, at=at, appointment=visit)
        stages.check_in(visit, by=by, at=at, arrived_at=walk_in.arrived_at if walk_in is not None else None)
    return visit


def note_walk_in(*, note: str, by: User, at: datetime) -> WalkIn:
    """Put somebody on the sheet whose name is not taken yet. Raises NotAllowed."""
    permissions.check_works_at_desk(by)
    with audit.unit_of_work():
        walk_in = WalkIn.objects.create(arrived_at=at, noted_by=by, note=note.strip())
        audit.record(Action.CREATE, by=by, target=walk_in)
        calendar_changed()
    return walk_in


def dismiss_walk_in(walk_in: WalkIn, *, by: User, at: datetime) -> WalkIn:
    """Note that somebody without a name left again. Raises NotAllowed and Conflict."""
    permissions.check_works_at_desk(by)
    with audit.unit_of_work():
        _end_walk_in(walk_in, by=by, at=at)
        calendar_changed()
    return walk_in


def note_call(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Note that the patient was rung about this visit. Raises NotAllowed."""
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        appointment.called_at = appointment.updated_at = at
        appointment.save(update_fields=["called_at", "updated_at"])
        record_change(appointment, "call", by=by, at=at)
    return appointment


def _end_walk_in(walk_in: WalkIn, *, by: User, at: datetime, appointment: Appointment | None = None) -> None:
    walk_in.refresh_from_db(fields=["appointment", "left_at"])
    if walk_in.appointment_id is not None or walk_in.left_at is not None:
        raise Conflict("Somebody else has taken care of this walk-in already.", code="walk_in_over")
    if appointment is None:
        walk_in.left_at = at
    walk_in.appointment = appointment
    walk_in.save(update_fields=["appointment", "left_at", "updated_at"])
    audit.record(Action.UPDATE, by=by, target=walk_in, detail={"verb": "book" if appointment else "leave"})
