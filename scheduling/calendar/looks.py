"""How a visit looks in a calendar: the colour of its clinician, the icon and word of its state, what else is marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from scheduling.models import Appointment
from synapse.accounts.models import User

TONES = ("b", "n", "v", "w", "o", "s")  # one colour per clinician, always beside the name

Status = Appointment.Status


@dataclass(frozen=True)
class Look:
    """An icon, the word that says the same, and the class of a block and of a chip."""

    icon: str
    word: str
    block: str = ""
    chip: str = ""

    @property
    def label(self) -> str:
        return self.word.capitalize()


COMPLETED = Look("circle-check", "completed", "done", "ok")
SEEN = Look("clipboard-check", "seen", "done", "ok")
IN_SESSION = Look("microphone", "in session", "live", "rec")
IN_ROOM = Look("stethoscope", "in the room", "here", "brand")
ARRIVED = Look("door-enter", "arrived", "here", "brand")
CONFIRMED = Look("check", "confirmed", "", "info")
NOT_CONFIRMED = Look("circle-dashed", "not confirmed", "tent", "line")
VIDEO_CONFIRMED = Look("video", "telemedicine, confirmed", "", "info")
VIDEO_NOT_CONFIRMED = Look("video", "telemedicine, not confirmed", "tent", "line")
ASKED = Look("message-2", "asked for another time", "asked", "warn")
NO_SHOW = Look("x", "did not attend", "done noshow", "rec")

OVERBOOKED = ("copy", "booked over another visit")
URGENT = ("alert-triangle", "urgent")

LEGEND = (
    (COMPLETED.icon, "Completed"),
    (IN_SESSION.icon, "In session"),
    (ARRIVED.icon, "Arrived"),
    (CONFIRMED.icon, "Confirmed"),
    (NOT_CONFIRMED.icon, "Not confirmed"),
    (VIDEO_CONFIRMED.icon, "Telemedicine"),
    (ASKED.icon, "Asked to move"),
    (NO_SHOW.icon, "Did not attend"),
    (URGENT[0], "Urgent"),
    (OVERBOOKED[0], "Overbooked"),
)


def look_of(visit: Appointment) -> Look:
    """Return the one state that matters most now: where the patient is before what was agreed."""
    if visit.status == Status.COMPLETED:
        return COMPLETED
    if visit.status == Status.NO_SHOW:
        return NO_SHOW
    if visit.session is not None and visit.session.is_live:
        return IN_SESSION
    if visit.seen_at is not None:
        return SEEN
    if visit.in_room_at is not None:
        return IN_ROOM
    if visit.arrived_at is not None:
        return ARRIVED
    if visit.patient_asked_at is not None:
        return ASKED
    is_confirmed = visit.status == Status.CONFIRMED
    if visit.appointment_type == Appointment.Type.TELEMEDICINE:
        return VIDEO_CONFIRMED if is_confirmed else VIDEO_NOT_CONFIRMED
    return CONFIRMED if is_confirmed else NOT_CONFIRMED


def flags_of(visit: Appointment) -> list[tuple[str, str]]:
    """Return icon and word of what is marked beside the state."""
    flags = []
    if visit.priority == Appointment.Priority.URGENT:
        flags.append(URGENT)
    if visit.overbooked:
        flags.append(OVERBOOKED)
    return flags


def tones_of(doctors: Sequence[User]) -> dict[UUID, str]:
    """Return the colour of each clinician, who keeps it whoever else is shown and whoever comes later."""
    by_coming = sorted(doctors, key=lambda doctor: (not doctor.is_active, doctor.date_joined, doctor.username))
    return {doctor.pk: TONES[index % len(TONES)] for index, doctor in enumerate(by_coming)}
