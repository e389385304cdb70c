"""Put patients on the waiting list, change what they wait for, and take them off."""

from datetime import date, datetime, timedelta
from typing import Any

from patients.models import Patient
from patients.permissions import check_is_in_use
from scheduling import permissions
from scheduling.changes import Change, calendar_changed
from scheduling.models import Appointment, SlotOffer, WaitingEntry
from scheduling.waiting import queries as waiting_queries
from scheduling.waiting.ranking import FreeTime, does_fit
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError
from synapse.common.transitions import advance

Status = WaitingEntry.Status
WISHES = (
    "doctor",
    "appointment_type",
    "duration_minutes",
    "priority",
    "earliest_day",
    "latest_day",
    "weekdays",
    "from_clock",
    "until_clock",
    "notes",
)


class BadWindow(DomainError):
    """No time can lie in what was asked for. `field` names the wish that is wrong."""

    code = "bad_window"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class AlreadyWaiting(Conflict):
    """The patient waits for the same thing already."""

    code = "already_waiting"


def add_entry(
    patient: Patient,
    *,
    by: User,
    at: datetime,
    current_appointment: Appointment | None = None,
    **wishes: Any,
) -> WaitingEntry:
    """Put a patient on the waiting list. `wishes` are fields of the entry, see WISHES; without a doctor: any clinician.

    With `current_appointment` the patient keeps that visit until an earlier time is theirs. Raises NotAllowed,
    BadWindow and AlreadyWaiting.
    """
    entry = WaitingEntry(patient=patient, current_appointment=current_appointment, added_by=by, **wishes)
    permissions.check_can_change_waiting(by, entry)
    _check_window(entry, at=at)
    with audit.unit_of_work():
        _check_may_wait(entry, at=at)
        entry.save(force_insert=True)
        _record(entry, "add", by=by, action=Action.CREATE)
    return entry


def change_entry(entry: WaitingEntry, *, by: User, at: datetime, **wishes: Any) -> WaitingEntry:
    """Change what a patient waits for. Raises NotAllowed, BadWindow, and Conflict while a time is offered to them."""
    permissions.check_can_change_waiting(by, entry)
    with audit.unit_of_work():
        entry.refresh_from_db(fields=["status"])
        if entry.status != Status.WAITING:
            raise Conflict("A time is offered to this patient or they are off the list. Look at the list again.")
        for name in WISHES:
            if name in wishes:
                setattr(entry, name, wishes[name])
        permissions.check_can_change_waiting(by, entry)
        _check_window(entry, at=at)
        entry.updated_at = at
        entry.save(update_fields=[*WISHES, "updated_at"])
        _record(entry, "change", by=by)
    return entry


def remove_entry(entry: WaitingEntry, *, by: User, at: datetime) -> WaitingEntry:
    """Take a patient off the list; a time offered to them is held no longer."""
    permissions.check_can_change_waiting(by, entry)
    with audit.unit_of_work():
        entry.refresh_from_db(fields=["status"])
        for offer in entry.offers.filter(status=SlotOffer.Status.HELD):
            advance(offer, SlotOffer.Status.WITHDRAWN, at=at, answered_at=at)
        advance(entry, Status.REMOVED, at=at, closed_at=at)
        _record(entry, "remove", by=by)
    return entry


def put_back(entry: WaitingEntry, *, by: User, at: datetime) -> WaitingEntry:
    """Put a patient back who was taken off the list; they have waited since they first came on it.

    Raises NotAllowed, AlreadyWaiting, and Conflict when the visit they would give up is none any more.
    """
    permissions.check_can_change_waiting(by, entry)
    with audit.unit_of_work():
        entry.refresh_from_db(fields=["status"])
        _check_may_wait(entry, at=at)
        advance(entry, Status.WAITING, at=at, closed_at=None)
        _record(entry, "put_back", by=by)
    return entry


def follow_visits(change: Change) -> None:
    """Keep the list in step with a visit that was booked, moved, called off or took place."""
    visit = change.appointment
    own = WaitingEntry.objects.filter(current_appointment=visit, status__in=waiting_queries.ON_THE_LIST)
    if change.verb == "reschedule":
        own.update(current_appointment=visit.rescheduled_to, updated_at=change.at)
    elif change.verb in {"cancel", "no_show"}:
        # They still want a time, now more than before.
        own.update(current_appointment=None, updated_at=change.at)
    elif change.verb == "complete":
        for entry in own.filter(status=Status.WAITING):
            advance(entry, Status.REMOVED, at=change.at, closed_at=change.at)
            _record(entry, "seen", by=change.by)
    elif change.verb == "schedule" and visit.rescheduled_from_id is None:
        _close_served(visit, by=change.by, at=change.at)


def _close_served(visit: Appointment, *, by: User | None, at: datetime) -> None:
    """Take those off the list who were booked, by hand, at a time they were waiting for."""
    zone = ClinicSettings.load().zone
    free = FreeTime(visit.doctor_id, visit.scheduled_at, visit.ends_at)
    waiting = WaitingEntry.objects.filter(
        patient__in=visit.patient.records(), status=Status.WAITING, current_appointment=None
    )
    for entry in waiting.filter(appointment_type=visit.appointment_type):
        if does_fit(entry, free, zone=zone):
            advance(entry, Status.BOOKED, at=at, closed_at=at, appointment=visit)
            _record(entry, "booked", by=by)
            return


def _check_may_wait(entry: WaitingEntry, *, at: datetime) -> None:
    check_is_in_use(entry.patient, before="you put it on the waiting list")
    _check_visit(entry, at=at)
    records = entry.patient.records()
    waiting = WaitingEntry.objects.filter(patient__in=records, status__in=waiting_queries.ON_THE_LIST)
    same = waiting.filter(doctor=entry.doctor, current_appointment=entry.current_appointment)
    if same.exclude(pk=entry.pk).exists():
        raise AlreadyWaiting("This patient is on the waiting list for this already. Change that entry instead.")


def _check_visit(entry: WaitingEntry, *, at: datetime) -> None:
    visit = entry.current_appointment
    if visit is None:
        return
    if visit.patient.kept_id != entry.patient_id or visit.status not in Appointment.OPEN or visit.scheduled_at <= at:
        raise Conflict("This visit is over, called off or somebody else’s. Put the patient on the list without it.")


def _check_window(entry: WaitingEntry, *, at: datetime) -> None:
    """Raise BadWindow when no time can fit."""
    today = ClinicSettings.load().date_of(at)
    first, last = entry.earliest_day, entry.latest_day
    if last is not None and last < max(today, first or today):
        past = last < today
        raise BadWindow("latest_day", "This day is over." if past else "The latest day is before the earliest one.")
    if not set(entry.weekdays) <= set(range(7)):
        raise BadWindow("weekdays", "Choose days of the week.")
    if first and last and entry.weekdays and not _has_weekday(first, last, entry.weekdays):
        raise BadWindow("weekdays", "None of these days lies between the earliest and the latest day.")
    if entry.from_clock and entry.until_clock:
        window = timedelta(hours=entry.until_clock.hour, minutes=entry.until_clock.minute) - timedelta(
            hours=entry.from_clock.hour, minutes=entry.from_clock.minute
        )
        if window < timedelta(minutes=entry.duration_minutes):
            raise BadWindow(
                "until_clock", f"Between these times a visit of {entry.duration_minutes} minutes has no room."
            )


def _has_weekday(first: date, last: date, weekdays: list[int]) -> bool:
    days = min((last - first).days + 1, 7)
    return any((first + timedelta(days=number)).weekday() in weekdays for number in range(days))


def _record(entry: WaitingEntry, verb: str, *, by: User | None, action: Action = Action.UPDATE) -> None:
    audit.record(action, by=by, target=entry, patient_id=entry.patient_id, detail={"verb": verb})
    calendar_changed()
