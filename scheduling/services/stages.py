"""The stages of a visit at the desk: arrived, in the room, seen, checked out. They are times, not states.

Each is pressed once and in order; `undo_stage` takes the last one back. What a session says by itself (it runs: in the
room; it is over: seen) is noted by `follow_session`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduling import permissions
from scheduling.changes import Change, record_change
from scheduling.models import Appointment
from scheduling.services import appointments
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.common.errors import Conflict

# Who comes earlier or later than this comes for another visit.
SAME_VISIT = timedelta(hours=12)

Status = Appointment.Status


@dataclass(frozen=True)
class Stage:
    """One stage: its column, the verb that reaches it, and what the desk calls it."""

    field: str
    verb: str
    word: str


ARRIVED = Stage("arrived_at", "arrive", "checked in")
IN_ROOM = Stage("in_room_at", "show_in", "in the room")
SEEN = Stage("seen_at", "seen", "seen")
CHECKED_OUT = Stage("checked_out_at", "check_out", "checked out")
STAGES = (ARRIVED, IN_ROOM, SEEN, CHECKED_OUT)


class WrongStage(Conflict):
    """The visit is at another stage, or somebody else was faster."""

    code = "wrong_stage"


def stage_of(appointment: Appointment) -> Stage | None:
    """Return the last stage the visit has reached."""
    return next((stage for stage in reversed(STAGES) if getattr(appointment, stage.field) is not None), None)


def waiting_minutes(appointment: Appointment, now: datetime) -> int | None:
    """Return how many minutes the patient has sat in the waiting room; None when they do not sit there."""
    if appointment.arrived_at is None or appointment.in_room_at is not None or appointment.checked_out_at is not None:
        return None
    if appointment.status not in Appointment.OPEN:
        return None
    return minutes_since(appointment.arrived_at, now)


def minutes_since(moment: datetime, now: datetime) -> int:
    """Return the whole minutes since a moment, none for one to come."""
    return max(0, (now - moment) // timedelta(minutes=1))


def check_in(appointment: Appointment, *, by: User, at: datetime, arrived_at: datetime | None = None) -> Appointment:
    """Note that the patient is here; `arrived_at` when that was before `at`. Raises NotAllowed and WrongStage."""
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        _reload(appointment)
        _check_open(appointment)
        _check_next(appointment, ARRIVED)
        if abs(appointment.scheduled_at - at) > SAME_VISIT:
            raise WrongStage("This visit is on another day. Move it to today first.")
        _reach(appointment, ARRIVED, by=by, at=at, since=arrived_at)
    return appointment


def show_in(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Note that the patient went into the room. Raises NotAllowed and WrongStage."""
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        _reload(appointment)
        _check_open(appointment)
        _check_next(appointment, IN_ROOM)
        _reach(appointment, IN_ROOM, by=by, at=at)
    return appointment


def seen(appointment: Appointment, *, by: User, at: datetime) -> Appointment:
    """Note that the consultation is over. Raises NotAllowed, WrongStage, and SessionRunning while its session is live."""
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        _reload(appointment)
        _check_next(appointment, SEEN)
        _check_not_live(appointment)
        _reach(appointment, SEEN, by=by, at=at)
    return appointment


def check_out(appointment: Appointment, *, by: User, at: datetime, took_place: bool) -> Appointment:
    """Note that the patient left; whoever was in the room counts as seen.

    A visit without a session is completed when `took_place` says so. Raises NotAllowed, WrongStage and SessionRunning.
    """
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        _reload(appointment)
        if appointment.in_room_at is not None and appointment.seen_at is None:
            _check_not_live(appointment)
            _reach(appointment, SEEN, by=by, at=at)
        _check_next(appointment, CHECKED_OUT)
        _check_not_live(appointment)
        if took_place and appointment.status in Appointment.OPEN:
            appointments.complete_appointment(appointment, by=by, at=at)
        _reach(appointment, CHECKED_OUT, by=by, at=at)
    return appointment


def undo_stage(appointment: Appointment, stage: Stage, *, by: User, at: datetime) -> Appointment:
    """Take the last stage back. `stage` is the one the person saw, so that two presses undo it once.

    Raises NotAllowed, WrongStage, and SessionRunning for what the visit's session says by itself.
    """
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        _reload(appointment)
        last = stage_of(appointment)
        if last != stage:
            raise WrongStage(_where_it_stands(last))
        if stage in (IN_ROOM, SEEN) and _has_begun(appointment):
            raise appointments.SessionRunning("The session of this visit says so: it cannot be taken back here.")
        setattr(appointment, stage.field, None)
        appointment.updated_at = at
        appointment.save(update_fields=[stage.field, "updated_at"])
        record_change(appointment, "undo_stage", by=by, at=at, stage=stage.verb)
    return appointment


def can_undo(appointment: Appointment) -> bool:
    """Tell whether the desk may take the last stage back."""
    last = stage_of(appointment)
    return last in (ARRIVED, CHECKED_OUT) or (last is not None and not _has_begun(appointment))


def follow_session(change: Change) -> None:
    """Let the stages follow a visit's session: it began, so the patient is in the room; it is over, so they were seen."""
    appointment, at = change.appointment, change.at
    stages = {"start": (ARRIVED, IN_ROOM), "complete": (SEEN,)}.get(change.verb, ())
    if not stages:
        return
    appointment.refresh_from_db(fields=[stage.field for stage in STAGES])
    if change.verb == "complete" and appointment.in_room_at is None:
        return  # said afterwards that it took place: nobody stood at the desk
    reached = [stage.field for stage in stages if getattr(appointment, stage.field) is None]
    for field in reached:
        setattr(appointment, field, at)
    if reached:
        appointment.save(update_fields=reached)


def _reload(appointment: Appointment) -> None:
    """Read again what the rules look at, now that the unit of work keeps other writers out."""
    appointment.refresh_from_db(fields=["status", "session", "scheduled_at", *(stage.field for stage in STAGES)])


def _check_open(appointment: Appointment) -> None:
    if appointment.status not in Appointment.OPEN:
        raise WrongStage(f"This visit is {appointment.get_status_display().lower()}.")


def _check_not_live(appointment: Appointment) -> None:
    if appointment.session is not None and appointment.session.is_live:
        raise appointments.SessionRunning("The session of this visit is still open. Its doctor ends it.")


def _has_begun(appointment: Appointment) -> bool:
    session = appointment.session
    return session is not None and session.status != ConsultationSession.Status.CANCELLED


def _check_next(appointment: Appointment, stage: Stage) -> None:
    """Raise WrongStage unless `stage` is the one that comes next."""
    last, number = stage_of(appointment), STAGES.index(stage)
    reached = STAGES.index(last) if last is not None else -1
    if reached >= number:
        raise WrongStage(_where_it_stands(last))
    if reached < number - 1:
        raise WrongStage(f"The patient is not {STAGES[number - 1].word} yet.")


def _where_it_stands(last: Stage | None) -> str:
    if last is None:
        return "This was taken back already: the patient is not checked in."
    return f"The patient is {last.word} already: somebody was faster. The sheet shows how it stands now."


def _reach(appointment: Appointment, stage: Stage, *, by: User, at: datetime, since: datetime | None = None) -> None:
    setattr(appointment, stage.field, since or at)
    appointment.updated_at = at
    appointment.save(update_fields=[stage.field, "updated_at"])
    record_change(appointment, stage.verb, by=by, at=at)
