"""What programs outside are told about visits.

A move is told once, about the visit that was let go: it names the one that took its place. Who gets a visit they did
not have, because the doctor changed or a cancelled one stands again, is told that it was booked.
"""

from scheduling.changes import Change
from scheduling.models import Appointment
from synapse.webhooks.events import emit
from synapse.webhooks.kinds import Kind

KINDS = (Kind.APPOINTMENT_BOOKED, Kind.APPOINTMENT_MOVED, Kind.APPOINTMENT_CANCELLED)


def follow_change(change: Change) -> None:
    """Emit what a change means outside; a handler of `changes`."""
    visit, at = change.appointment, change.at
    if change.verb == "reschedule":
        emit(Kind.APPOINTMENT_MOVED, visit.pk, at=at)
    elif change.verb == "cancel":
        emit(Kind.APPOINTMENT_CANCELLED, visit.pk, at=at)
    elif change.verb == "schedule" and not _was_there_before(visit):
        emit(Kind.APPOINTMENT_BOOKED, visit.pk, at=at)


def _was_there_before(visit: Appointment) -> bool:
    before = visit.rescheduled_from
    return (
        before is not None and before.status == Appointment.Status.RESCHEDULED and before.doctor_id == visit.doctor_id
    )
