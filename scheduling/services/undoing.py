"""Take a mistaken move, cancellation or no-show back.

A cancelled or moved visit stays what it is for good: its link is dead, its time may be offered to somebody else and the
patient may have been told. So taking it back books the old time anew, linked to the old row, and only while it is free.
A no-show has told nobody anything and its visit may still be going to happen (the patient is late), so there the row
itself goes back to scheduled, on the same day and while nobody else has its time.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from scheduling import permissions
from scheduling.changes import record_change
from scheduling.models import Appointment
from scheduling.services import appointments, edits
from scheduling.services.slot_checks import SlotTaken, explain, whom_it_meets
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action, AuditEvent
from synapse.common.errors import Conflict
from synapse.common.transitions import advance

UNDO_WITHIN = timedelta(minutes=10)
REASON = "Undone"

Status = Appointment.Status


class NothingToUndo(Conflict):
    """There is no change of this person on this visit that could be taken back now."""

    code = "nothing_to_undo"


def undo_change(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Take back the move, resizing or cancellation this person made within ten minutes; return the visit that stands.

    The visit is the one that stands after the change, or the one that was cancelled. Raises NothingToUndo, and SlotTaken,
    NotAvailable or BadTime when the old time is no longer free; everything then stays as it is.
    """
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        appointment.refresh_from_db()
        if appointment.status == Status.CANCELLED:
            if appointment.cancelled_by_id != by.pk or at - (appointment.cancelled_at or at) > UNDO_WITHIN:
                raise NothingToUndo("There is no change of yours from the last ten minutes to take back.")
            return restore_cancelled(appointment, by=by, at=at)
        if appointment.status == Status.NO_SHOW:
            return undo_no_show(appointment, by=by, at=at)
        if appointment.status not in Appointment.OPEN:
            raise NothingToUndo("This visit has gone on since. Change it by hand.")
        last = _last_change_of(appointment)
        if last is None or last.actor_id != by.pk or at - last.at > UNDO_WITHIN:
            raise NothingToUndo("There is no change of yours from the last ten minutes to take back.")
        if "minutes_before" in last.detail:
            minutes = int(last.detail["minutes_before"])
            return edits.resize_appointment(appointment, duration_minutes=minutes, by=by, at=at)
        if last.detail.get("verb") == "schedule" and appointment.rescheduled_from is not None:
            return _move_back(appointment, appointment.rescheduled_from, by=by, at=at)
        raise NothingToUndo("There is no change of yours from the last ten minutes to take back.")


def restore_cancelled(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Book a visit again that was cancelled by mistake, on the day of its cancellation; return the new visit.

    It was confirmed when the cancelled one was. Raises NothingToUndo, and SlotTaken, NotAvailable or BadTime when its
    time is no longer free.
    """
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        appointment.refresh_from_db()
        if appointment.status != Status.CANCELLED or appointment.rescheduled_to_id is not None:
            raise NothingToUndo("This visit is not cancelled, or was booked again already.")
        if not _is_same_day(appointment.cancelled_at or at, at):
            raise NothingToUndo("A day later this can no longer be taken back. Book a new visit.")
        again = appointments.book_in_place_of(appointment, by=by, at=at)
        _confirm_like(again, appointment, by=by, at=at)
    return again


def can_restore(appointment: Appointment, *, by: User, at: datetime) -> bool:
    """Tell whether a cancelled or missed visit may stand again today; its time may still turn out to be taken."""
    if not permissions.can_change(by, appointment):
        return False
    if appointment.status == Status.NO_SHOW:
        return _is_same_day(appointment.scheduled_at, at)
    is_cancelled = appointment.status == Status.CANCELLED and appointment.rescheduled_to_id is None
    return is_cancelled and appointment.ends_at > at and _is_same_day(appointment.cancelled_at or at, at)


def undo_no_show(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Let a visit stand again that was marked a no-show by mistake, on the same day and while its time is free.

    Raises NothingToUndo, and SlotTaken when somebody else was booked there meanwhile.
    """
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        appointment.refresh_from_db()
        if appointment.status != Status.NO_SHOW:
            raise NothingToUndo("Nobody noted that this patient did not come.")
        if not _is_same_day(appointment.scheduled_at, at):
            raise NothingToUndo("A day later this can no longer be taken back. Book a new visit.")
        met = whom_it_meets(appointment)
        if "patient" in met or (met and not appointment.overbooked):
            raise SlotTaken(min(met, key=("patient", "doctor", "room").index))
        try:
            with transaction.atomic():
                advance(appointment, Status.SCHEDULED, at=at)
        except IntegrityError as error:
            raise explain(error) from None
        record_change(appointment, "stand_again", by=by, at=at)
    return appointment


def _move_back(moved: Appointment, old: Appointment, *, by: User, at: datetime) -> Appointment:
    back = appointments.reschedule_appointment(
        moved,
        scheduled_at=old.scheduled_at,
        duration_minutes=old.duration_minutes,
        doctor=old.doctor,
        room=old.room,
        series_changed=old.series_changed,
        is_walk_in=old.is_walk_in,
        reason=REASON,
        overbooking_reason=old.overbooking_reason,
        by=by,
        at=at,
    )
    _confirm_like(back, old, by=by, at=at)
    return back


def _confirm_like(visit: Appointment, before: Appointment, *, by: User, at: datetime) -> None:
    """Carry over that the patient said they would come at this very time."""
    if before.confirmed_at is None:
        return
    advance(
        visit,
        Status.CONFIRMED,
        at=at,
        confirmed_at=before.confirmed_at,
        confirmed_by=before.confirmed_by,
        confirmed_by_patient=before.confirmed_by_patient,
    )
    record_change(visit, "confirm", by=by, at=at)


def _last_change_of(appointment: Appointment) -> AuditEvent | None:
    """Return the last row of the trail that changed the visit."""
    events = AuditEvent.objects.filter(
        patient_id=appointment.patient_id,
        target_id=str(appointment.pk),
        action__in=[Action.CREATE, Action.UPDATE],
    )
    return events.order_by("-seq").first()


def _is_same_day(one: datetime, other: datetime) -> bool:
    clinic = ClinicSettings.load()
    return clinic.date_of(one) == clinic.date_of(other)
