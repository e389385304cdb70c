"""What the waiting list, the front desk and the calendar show of who waits and which times came free."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from patients.models import Patient
from scheduling.availability.rules import Span, obstacle
from scheduling.availability.slots import default_length, load_diaries
from scheduling.models import Appointment, FreedSlot, SlotOffer, WaitingEntry
from scheduling.models.series import OF_PATIENT_IN_USE
from synapse.accounts.models import User
from synapse.links.tokens import hash_token

Status = WaitingEntry.Status
ON_THE_LIST = (Status.WAITING, Status.OFFERED)
STILL_FREE = (FreedSlot.Status.OPEN, FreedSlot.Status.LEFT)


def list_waiting(user: User) -> QuerySet[WaitingEntry]:
    """Return who waits and this person may see, the longest waiting first."""
    return (
        WaitingEntry.objects.visible_to(user)
        .filter(status__in=ON_THE_LIST)
        .select_related("patient", "doctor", "current_appointment")
        .order_by("created_at")
    )


def count_waiting(user: User) -> int:
    """Return how many wait, for the rail."""
    return WaitingEntry.objects.visible_to(user).filter(status__in=ON_THE_LIST).count()


def list_open_slots(user: User, *, at: datetime) -> QuerySet[FreedSlot]:
    """Return the times still to be given away, the soonest first."""
    return (
        FreedSlot.objects.visible_to(user)
        .filter(status=FreedSlot.Status.OPEN, starts_at__gt=at)
        .exclude(Exists(_visits_over(OuterRef("doctor"), OuterRef("starts_at"), OuterRef("ends_at"))))
        .select_related("doctor", "room", "freed_by__patient", "goes_on_for")
        .order_by("starts_at")
    )


def held_offer_of(slot: FreedSlot) -> SlotOffer | None:
    """Return the offer that holds a time now."""
    return slot.offers.filter(status=SlotOffer.Status.HELD).select_related("entry__patient", "entry__doctor").first()


def find_offer(token: str) -> SlotOffer | None:
    """Return the offer a link belongs to, whatever became of it."""
    offers = SlotOffer.objects.select_related("entry__patient", "slot", "doctor__profile", "appointment")
    return offers.filter(token_hash=hash_token(token)).first()


def candidates_for(slot: FreedSlot, *, by: User) -> QuerySet[WaitingEntry]:
    """Return who could be asked about a time: those `by` may see and who have not been asked about it yet."""
    entries = (
        WaitingEntry.objects.visible_to(by)
        .filter(OF_PATIENT_IN_USE, status=Status.WAITING)
        .exclude(offers__slot=slot)
        .select_related("patient", "doctor", "current_appointment")
    )
    # Whoever gave this time up does not want it.
    if slot.freed_by is None:
        return entries
    return entries.exclude(patient__in=Patient.objects.records_of(slot.freed_by.patient_id))


def patients_busy_at(entries: Iterable[WaitingEntry], start: datetime, end: datetime) -> set[UUID]:
    """Return whose other visits, on any of their records, lie in [start, end), besides the one they would give up."""
    entries = list(entries)
    given_up = {entry.current_appointment_id for entry in entries if entry.current_appointment_id}
    records = Patient.objects.records_of_all(entry.patient_id for entry in entries).values("pk")
    visits = Appointment.objects.overlapping(start, end).filter(patient__in=records).exclude(pk__in=given_up)
    busy = set(visits.values_list(Coalesce("patient__merged_into_id", "patient_id"), flat=True))
    return {entry.patient_id for entry in entries if entry.patient.kept_id in busy}


def is_free(doctor: User, start: datetime, end: datetime, *, at: datetime) -> bool:
    """Tell whether a doctor could see somebody in [start, end): nothing there, no time off, within hours, not held."""
    span = Span(start, end)
    return obstacle(load_diaries([doctor], span, at=at)[doctor.pk], span) is None


def can_have(entry: WaitingEntry, slot: FreedSlot, *, at: datetime) -> bool:
    """Tell whether a visit of this patient could be booked at a time: it leaves a pause, and they have no other."""
    span = Span(slot.starts_at, Appointment.end_of(slot.starts_at, entry.duration_minutes))
    diaries = load_diaries([slot.doctor], span, at=at, patient=entry.patient, excluding=entry.current_appointment)
    pause = default_length(entry.appointment_type, doctor=slot.doctor).buffer_minutes
    return obstacle(diaries[slot.doctor_id], span, buffer=timedelta(minutes=pause)) is None


def is_held(doctor: User, start: datetime, end: datetime, *, at: datetime) -> bool:
    """Tell whether a time is held for somebody it was offered to."""
    offers = SlotOffer.objects.filter(doctor=doctor, status=SlotOffer.Status.HELD, held_until__gt=at)
    return offers.filter(starts_at__lt=end, ends_at__gt=start).exists()


def _visits_over(doctor: OuterRef, start: OuterRef, end: OuterRef) -> QuerySet[Appointment]:
    return Appointment.objects.active().filter(doctor=doctor, scheduled_at__lt=end, ends_at__gt=start)
