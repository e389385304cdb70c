"""Free times and what stands against one: the rows of availability, fetched for many doctors at once."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from patients.models import Patient
from scheduling.availability.rules import (
    REFUSALS,
    Booked,
    Diary,
    Hours,
    Obstacle,
    Opening,
    Span,
    Why,
    free_starts,
    obstacle,
)
from scheduling.models import Appointment, Holiday, Room, SlotOffer, TimeOff, VisitDefault, WorkingHours
from synapse.accounts.models import ClinicSettings, User, UserProfile

USUAL_MINUTES = 50
LONGEST_BUFFER = timedelta(minutes=120)
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class VisitLength:
    """How long a visit of a type is, the pause after it, and what the patient is told to bring or prepare."""

    duration_minutes: int = USUAL_MINUTES
    buffer_minutes: int = 0
    preparation_instructions: str = ""


@dataclass(frozen=True)
class Slot:
    """A time at which a visit may begin, with the room proposed for it, if the clinic has rooms; the zone is the doctor's."""

    doctor: User
    start: datetime
    end: datetime
    room: Room | None
    zone: ZoneInfo


@dataclass(frozen=True)
class InTheWay:
    """A visit that stands at a time that is not offered, and why it is not."""

    visit: Appointment
    obstacle: Obstacle

    @property
    def sentence(self) -> str:
        return REFUSALS[self.obstacle.why].format(name=self.obstacle.name)


def default_length(appointment_type: str, *, doctor: User | None = None) -> VisitLength:
    """Return the length of a type of visit: the doctor's own, else the clinic's, else 50 minutes without a pause."""
    return default_lengths(appointment_type, [doctor] if doctor else [])[doctor.pk if doctor else None]


def default_lengths(appointment_type: str, doctors: Iterable[User]) -> dict[UUID | None, VisitLength]:
    """Return the length of a type of visit with each of the doctors, and under None the clinic's own."""
    keys = [doctor.pk for doctor in doctors]
    rows = {
        row.doctor_id: VisitLength(row.duration_minutes, row.buffer_minutes, row.preparation_instructions)
        for row in VisitDefault.objects.filter(Q(doctor=None) | Q(doctor__in=keys), appointment_type=appointment_type)
    }
    usual = rows.get(None, VisitLength())
    return {None: usual, **{key: rows.get(key, usual) for key in keys}}


def free_slots(
    appointment_type: str,
    *,
    doctors: Iterable[User],
    start: datetime,
    end: datetime,
    at: datetime,
    room: Room | None = None,
    patient: Patient | None = None,
    duration_minutes: int | None = None,
    excluding: Appointment | None = None,
) -> list[Slot]:
    """Return every time in [start, end) at which a visit of this type may begin, in order of time, then of doctors.

    Times already begun at `at` are left out. Without `room` each slot proposes the doctor's usual room if that is
    free, else another free one; a visit that needs a room is not offered while none is. Telemedicine needs none. The
    own visits of `patient` are left out too, and times held for them are offered. `excluding` is a visit about to be
    moved, whose own time counts as free. Takes ten queries however many doctors and days there are.
    """
    doctors = list(doctors)
    window = Span(max(start, at).astimezone(UTC), end.astimezone(UTC))
    if not doctors or window.start >= window.end:
        return []
    lengths = default_lengths(appointment_type, doctors)
    diaries = load_diaries(doctors, window, at=at, patient=patient, excluding=excluding)
    rooms = _Rooms(
        window, chosen=room, is_needed=appointment_type != Appointment.Type.TELEMEDICINE, excluding=excluding
    )
    slots: list[tuple[datetime, int, Slot]] = []
    for number, doctor in enumerate(doctors):
        usual = lengths[doctor.pk]
        length = timedelta(minutes=duration_minutes or usual.duration_minutes)
        buffer = timedelta(minutes=usual.buffer_minutes)
        for begin, usual_room in free_starts(diaries[doctor.pk], window, length=length, buffer=buffer):
            is_free, proposed = rooms.find(Span(begin, begin + length), usual_room)
            if is_free:
                slots.append((begin, number, Slot(doctor, begin, begin + length, proposed, diaries[doctor.pk].zone)))
    return [slot for _, _, slot in sorted(slots, key=lambda entry: entry[:2])]


def load_diaries(
    doctors: Iterable[User],
    window: Span,
    *,
    at: datetime,
    patient: Patient | None = None,
    excluding: Appointment | None = None,
    with_visits: bool = True,
) -> dict[UUID, Diary]:
    """Return what is known of each doctor's time in a window; without visits only what is offered at all.

    With `patient` the patient's own visits count as taken as well, and times held for them do not.
    """
    keys = [doctor.pk for doctor in doctors]
    clinic = ClinicSettings.load()
    zones = dict(UserProfile.objects.filter(user__in=keys).exclude(timezone="").values_list("user_id", "timezone"))
    clinic_zone = ZoneInfo(clinic.timezone)
    opening = Opening(clinic.opening_hour, clinic.closing_hour, clinic_zone)
    hours = _hours_of(keys)
    visits = _visits_of(keys if with_visits else [], window, patient, excluding)
    off = _time_off_of(keys, window)
    holds = _holds_of(keys, window, at, patient)
    first, last = (window.start - A_DAY).date(), (window.end + A_DAY).date()
    closed = dict(Holiday.objects.filter(day__range=(first, last), is_closed=True).values_list("day", "name"))
    return {
        key: Diary(
            zone=ZoneInfo(zones[key]) if key in zones else clinic_zone,
            opening=opening,
            hours=hours[key],
            closed_days=closed,
            off=[*off[key], *off[None]],
            visits=[*visits[key], *visits[None]],
            holds=holds[key],
        )
        for key in keys
    }


def free_rooms(start: datetime, end: datetime, *, excluding: Appointment | None = None) -> QuerySet[Room]:
    """Return the rooms nobody is in at a time."""
    taken = Appointment.objects.overlapping(start, end).filter(room__isnull=False)
    if excluding is not None:
        taken = taken.exclude(pk=excluding.pk)
    return Room.objects.filter(is_active=True).exclude(pk__in=taken.values("room"))


def visits_in_the_way(user: User, doctors: Iterable[User], window: Span) -> list[InTheWay]:
    """Return the coming visits of doctors that this person sees and that no longer fit hours, holidays or time off.

    Nothing becomes of them by itself: somebody moves each, or leaves it as it is.
    """
    doctors = list(doctors)
    diaries = load_diaries(doctors, window, at=window.start)
    visits = (
        Appointment.objects.visible_to(user)
        .open()
        .filter(doctor__in=doctors, scheduled_at__gte=window.start, scheduled_at__lt=window.end)
        .select_related("patient", "doctor", "room")
        .order_by("scheduled_at")
    )
    about_time = {Why.HOURS, Why.BREAK, Why.HOLIDAY, Why.TIME_OFF}
    found = []
    for visit in visits:
        stands_against = obstacle(diaries[visit.doctor_id], Span(visit.scheduled_at, visit.ends_at))
        if stands_against is not None and stands_against.why in about_time:
            found.append(InTheWay(visit, stands_against))
    return found


def _hours_of(keys: list[UUID]) -> Mapping[UUID, list[Hours]]:
    found: dict[UUID, list[Hours]] = defaultdict(list)
    for row in WorkingHours.objects.filter(doctor__in=keys):
        found[row.doctor_id].append(
            Hours(
                weekday=row.weekday,
                starts=row.starts,
                ends=row.ends,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
                is_break=row.kind == WorkingHours.Kind.BREAK,
                room=row.room_id,
            )
        )
    return found


def _visits_of(
    keys: list[UUID], window: Span, patient: Patient | None, excluding: Appointment | None
) -> Mapping[UUID | None, list[Booked]]:
    """Return the visits of each doctor, and under None those of the patient with anybody."""
    whose = Q(doctor__in=keys) | (Q(patient__in=patient.records()) if patient else Q())
    rows = Appointment.objects.overlapping(window.start - LONGEST_BUFFER, window.end + LONGEST_BUFFER).filter(whose)
    if excluding is not None:
        rows = rows.exclude(pk=excluding.pk)
    found: dict[UUID | None, list[Booked]] = defaultdict(list)
    for doctor, whom, start, end, buffer in rows.values_list(
        "doctor_id", Coalesce("patient__merged_into_id", "patient_id"), "scheduled_at", "ends_at", "buffer_minutes"
    ):
        found[doctor].append(Booked(start, end, timedelta(minutes=buffer)))
        if patient is not None and whom == patient.kept_id:
            found[None].append(Booked(start, end))
    return found


def _time_off_of(keys: list[UUID], window: Span) -> Mapping[UUID | None, list[Span]]:
    rows = TimeOff.objects.filter(
        Q(doctor=None) | Q(doctor__in=keys), starts_at__lt=window.end, ends_at__gt=window.start
    )
    found: dict[UUID | None, list[Span]] = defaultdict(list)
    for doctor, start, end in rows.values_list("doctor_id", "starts_at", "ends_at"):
        found[doctor].append(Span(start, end))
    return found


def _holds_of(keys: list[UUID], window: Span, at: datetime, patient: Patient | None) -> Mapping[UUID, list[Span]]:
    rows = SlotOffer.objects.filter(
        doctor__in=keys,
        status=SlotOffer.Status.HELD,
        held_until__gt=at,
        starts_at__lt=window.end + LONGEST_BUFFER,
        ends_at__gt=window.start,
    )
    if patient is not None:
        rows = rows.exclude(entry__patient__in=patient.records())
    found: dict[UUID, list[Span]] = defaultdict(list)
    for key, start, end in rows.values_list("doctor_id", "starts_at", "ends_at"):
        found[key].append(Span(start, end))
    return found


class _Rooms:
    """The rooms of the clinic and when they are taken in a window."""

    def __init__(
        self, window: Span, *, chosen: Room | None, is_needed: bool, excluding: Appointment | None = None
    ) -> None:
        active = list(Room.objects.filter(is_active=True))
        self.offered = [chosen] if chosen is not None else active
        self.is_needed = chosen is not None or (is_needed and bool(active))
        rows = Appointment.objects.overlapping(window.start, window.end + A_DAY).filter(room__in=self.offered)
        if excluding is not None:
            rows = rows.exclude(pk=excluding.pk)
        self._taken: dict[UUID | None, list[tuple[datetime, datetime]]] = defaultdict(list)
        for key, start, end in rows.order_by("scheduled_at").values_list("room_id", "scheduled_at", "ends_at"):
            self._taken[key].append((start, end))
        # Visits booked over another one may outlast later ones: what counts is the latest end so far.
        self._ends: dict[UUID | None, list[datetime]] = {}
        for place, taken in self._taken.items():
            latest = datetime.min.replace(tzinfo=window.start.tzinfo)
            self._ends[place] = [latest := max(latest, end) for _, end in taken]

    def find(self, span: Span, usual: UUID | None) -> tuple[bool, Room | None]:
        """Tell whether a visit finds its place at this time, and in which room."""
        if not self.is_needed:
            return True, None
        by_liking = sorted(self.offered, key=lambda room: room.pk != usual)
        room = next((room for room in by_liking if self._is_free(room, span)), None)
        return room is not None, room

    def _is_free(self, room: Room, span: Span) -> bool:
        before = bisect_left(self._taken[room.pk], span.end, key=lambda taken: taken[0])
        return not before or self._ends[room.pk][before - 1] <= span.start
