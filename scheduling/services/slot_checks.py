"""Whether a visit may stand at its time: what always refuses it, and what a reason overrules."""

from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import Q
from django.db.models.functions import Coalesce

from scheduling.availability.rules import REFUSALS, Obstacle, Span, obstacle
from scheduling.availability.slots import load_diaries
from scheduling.constraints import DOCTOR_OVERLAP, PATIENT_OVERLAP, ROOM_OVERLAP
from scheduling.models import Appointment, Room
from synapse.common.errors import Conflict, DomainError

SHORTEST_MINUTES = 5
LONGEST_MINUTES = 8 * 60
# Near the end of all dates nothing can be reckoned with.
LAST_YEAR = 2199

TAKEN = {
    "patient": "The patient has another visit at this time. Pick a free one.",
    "doctor": "The doctor has another visit at this time. Pick a free one.",
    "room": "The room is taken at this time. Pick another room or a free time.",
}


class SlotTaken(Conflict):
    """The doctor, the patient or the room has another visit at this time. `whose` says which of them."""

    code = "slot_taken"

    def __init__(self, whose: str) -> None:
        super().__init__(TAKEN[whose])
        self.whose = whose
        self.field = "room" if whose == "room" else "scheduled_at"

    @property
    def may_be_overbooked(self) -> bool:
        return self.whose != "patient"


class NotAvailable(Conflict):
    """The time is not offered: outside hours, a break, a holiday, time off, a pause, or held. `why` says which."""

    code = "not_available"
    field = "scheduled_at"
    may_be_overbooked = True

    def __init__(self, found: Obstacle) -> None:
        super().__init__(REFUSALS[found.why].format(name=found.name))
        self.why = found.why


class BadTime(DomainError):
    """The time or length cannot be booked; `field` says which of them."""

    code = "bad_time"

    def __init__(self, message: str, *, field: str = "scheduled_at") -> None:
        super().__init__(message)
        self.field = field


class RoomClosed(DomainError):
    """The room is no longer used."""

    code = "room_closed"
    field = "room"

    def __init__(self) -> None:
        super().__init__("This room is no longer used. Choose another one.")


def check_time(scheduled_at: datetime, duration_minutes: int, *, at: datetime) -> None:
    """Raise BadTime for a length no visit has, or a time that is over."""
    check_length(duration_minutes)
    if scheduled_at.year > LAST_YEAR:
        raise BadTime("Enter a real day.")
    if Appointment.end_of(scheduled_at, duration_minutes) <= at:
        raise BadTime("This time is over. Pick a later one.")


def check_length(duration_minutes: int) -> None:
    """Raise BadTime for a length no visit has."""
    if not SHORTEST_MINUTES <= duration_minutes <= LONGEST_MINUTES:
        raise BadTime(f"A visit takes {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes.", field="duration_minutes")


def check_room(room: Room | None) -> None:
    """Raise RoomClosed for a room that is no longer used."""
    if room is not None and not room.is_active:
        raise RoomClosed


def check_slot(
    visit: Appointment,
    *,
    reason: str = "",
    at: datetime,
    excluding: Appointment | None = None,
    is_offered: bool = False,
) -> bool:
    """Return whether the visit, as it stands in memory, is booked over another one of its doctor or room.

    Call it inside `unit_of_work()`, whose lock keeps every other booking out until this one is stored. Visits that are
    overbooked themselves count like any other. `excluding` is the visit this one takes the place of. With `is_offered` the
    caller has looked in this unit of work whether the time is offered: only other visits are looked at again.

    A patient has one visit at a time, whatever the reason: nobody can be in two consultations, so there it is always
    a mistake. With a reason the doctor's and the room's other visits, and everything that is not offered, give way.
    Raises SlotTaken and NotAvailable.
    """
    met = whom_it_meets(visit, excluding=excluding)
    if "patient" in met:
        raise SlotTaken("patient")
    if reason:
        return bool(met)
    if met:
        raise SlotTaken("doctor" if "doctor" in met else "room")
    if is_offered:
        return False
    span = Span(visit.scheduled_at, visit.ends_at)
    diary = load_diaries([visit.doctor], span, at=at, patient=visit.patient, excluding=excluding or visit)[
        visit.doctor_id
    ]
    found = obstacle(diary, span, buffer=timedelta(minutes=visit.buffer_minutes))
    if found is not None:
        raise NotAvailable(found)
    return False


def whom_it_meets(visit: Appointment, *, excluding: Appointment | None = None) -> set[str]:
    """Return which of "patient", "doctor" and "room" have another active visit at the visit's time."""
    others = Appointment.objects.overlapping(visit.scheduled_at, visit.ends_at).exclude(pk=visit.pk)
    if excluding is not None:
        others = others.exclude(pk=excluding.pk)
    whose = Q(patient__in=visit.patient.records()) | Q(doctor=visit.doctor_id)
    if visit.room_id is not None:
        whose |= Q(room=visit.room_id)
    met = set()
    kept = Coalesce("patient__merged_into_id", "patient_id")
    for patient, doctor, room in others.filter(whose).values_list(kept, "doctor", "room"):
        met |= {"patient"} if patient == visit.patient.kept_id else set()
        met |= {"doctor"} if doctor == visit.doctor_id else set()
        met |= {"room"} if room and room == visit.room_id else set()
    return met


def explain(error: IntegrityError) -> Exception:
    """Turn the database's refusal of an overlap into the rule it keeps; anything else stays what it is."""
    text = str(error)
    for name, whose in ((PATIENT_OVERLAP, "patient"), (DOCTOR_OVERLAP, "doctor"), (ROOM_OVERLAP, "room")):
        if name in text:
            return SlotTaken(whose)
    return error
