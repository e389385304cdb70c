"""Times that came free: find who waits for one, offer it, hold it for them, and give it to whoever takes it first.

Nothing is booked by itself. A person offers a time; the patient takes it by the link in the message. Only when that
person chose to go on down the list is the next one asked by itself, after a refusal or when the hold is over.
"""

import logging
from datetime import datetime, timedelta

from scheduling import permissions
from scheduling.availability import slots
from scheduling.changes import Change, calendar_changed
from scheduling.messages.quiet import quiet_hours_of
from scheduling.models import Appointment, FreedSlot, Room, SlotOffer, WaitingEntry
from scheduling.services import appointments, messages
from scheduling.waiting import queries as waiting_queries
from scheduling.waiting.ranking import FreeTime, Match, does_fit, rank_matches
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError
from synapse.common.transitions import advance
from synapse.links.tokens import new_token

logger = logging.getLogger(__name__)

LEAST_NOTICE = timedelta(minutes=30)  # nobody comes sooner
LEAST_USEFUL = timedelta(minutes=20)
ROUND_TO = timedelta(minutes=5)
FURTHEST = timedelta(weeks=8)  # a series called off frees a year of times, and those far ahead are simply free
FREEING = frozenset({"cancel", "reschedule", "no_show"})

Status = FreedSlot.Status
OfferStatus = SlotOffer.Status
EntryStatus = WaitingEntry.Status


class SlotGone(Conflict):
    """The time is taken, held for somebody, or over."""

    code = "slot_gone"


class DoesNotFit(Conflict):
    """This is not a time the patient waits for."""

    code = "does_not_fit"


class QuietHours(Conflict):
    """Nobody is written to at night."""

    code = "quiet_hours"


class OfferGone(Exception):
    """The link opens no offer that can still be answered."""


def follow_visits(change: Change) -> None:
    """Note a time that a change of a visit left free, and take away those that were filled."""
    if change.verb in FREEING:
        _note_freed(change.appointment, at=change.at)
    elif change.verb in ("schedule", "stand_again"):
        _note_filled(change.appointment, by=change.by, at=change.at)


def open_slot(
    doctor: User, *, starts_at: datetime, ends_at: datetime, by: User, at: datetime, room: Room | None = None
) -> FreedSlot:
    """Put a free time somebody picked before the waiting list. Raises NotAllowed and SlotGone."""
    permissions.check_can_book(by, doctor)
    if starts_at <= at:
        raise SlotGone("This time is over. Pick a later one.")
    with audit.unit_of_work():
        open_ones = FreedSlot.objects.filter(doctor=doctor, status__in=waiting_queries.STILL_FREE)
        if open_ones.filter(starts_at__lt=ends_at, ends_at__gt=starts_at, status=Status.OPEN).exists():
            raise SlotGone("This time is before the waiting list already.")
        if not waiting_queries.is_free(doctor, starts_at, ends_at, at=at):
            raise SlotGone("The doctor is not free at this time. Pick another one.")
        slot = FreedSlot.objects.create(doctor=doctor, room=room, starts_at=starts_at, ends_at=ends_at)
        _record_slot(slot, "open", by=by, action=Action.CREATE)
    return slot


def leave_open(slot: FreedSlot, *, by: User, at: datetime) -> FreedSlot:
    """Offer a free time to nobody; whoever it is offered to just now keeps it until the hold is over."""
    permissions.check_can_book(by, slot.doctor)
    with audit.unit_of_work():
        slot.refresh_from_db(fields=["status"])
        advance(slot, Status.LEFT, at=at, goes_on_for=None)
        _record_slot(slot, "leave", by=by)
    return slot


def stop_going_on(slot: FreedSlot, *, by: User, at: datetime) -> FreedSlot:
    """Ask nobody else by itself."""
    permissions.check_can_book(by, slot.doctor)
    with audit.unit_of_work():
        slot.goes_on_for, slot.updated_at = None, at
        slot.save(update_fields=["goes_on_for", "updated_at"])
        _record_slot(slot, "stop", by=by)
    return slot


def matches_for(slot: FreedSlot, *, by: User, at: datetime) -> list[Match]:
    """Return who waits for a time like this and has not been asked about it, the first to ask at the top."""
    entries = list(waiting_queries.candidates_for(slot, by=by))
    return rank_matches(
        entries,
        _free_time(slot),
        zone=ClinicSettings.load().zone,
        at=at,
        busy_patients=waiting_queries.patients_busy_at(entries, slot.starts_at, slot.ends_at),
    )


def offer_slot(slot: FreedSlot, entry: WaitingEntry, *, by: User, at: datetime, goes_on: bool = False) -> SlotOffer:
    """Offer a time to somebody who waits and hold it for them; with `goes_on` the next in line follows by itself.

    Raises NotAllowed, SlotGone, DoesNotFit, QuietHours, and CannotSend when there is no way to write to them.
    """
    permissions.check_can_book(by, slot.doctor)
    if is_quiet(at):
        raise QuietHours("It is too late to write to patients. Offer this in the morning, or call.")
    with audit.unit_of_work():
        slot.refresh_from_db(fields=["status", "starts_at", "ends_at"])
        if slot.status == Status.LEFT:
            advance(slot, Status.OPEN, at=at)
        slot.goes_on_for = by if goes_on else None
        slot.save(update_fields=["goes_on_for", "updated_at"])
        return _hold(slot, entry, by=by, at=at)


def withdraw_offer(offer: SlotOffer, *, by: User, at: datetime) -> SlotOffer:
    """Take an offer back: the time is held no longer and the patient waits as before."""
    permissions.check_can_book(by, offer.doctor)
    with audit.unit_of_work():
        offer.refresh_from_db(fields=["status"])
        stop_going_on(offer.slot, by=by, at=at)
        _end(offer, OfferStatus.WITHDRAWN, by=by, at=at)
    return offer


def accept_offer(token: str, *, at: datetime) -> Appointment:
    """Give the patient behind a link the time that is held for them, and return their visit.

    The visit they had until now is moved there. Raises OfferGone when the time is no longer theirs.
    """
    try:
        with audit.unit_of_work():
            offer = _held(token, at=at)
            entry = offer.entry
            # Both end before the visit is booked: booking refuses a time that is held.
            advance(offer, OfferStatus.ACCEPTED, at=at, answered_at=at)
            advance(entry, EntryStatus.BOOKED, at=at, closed_at=at)
            visit = _book(offer, at=at)
            offer.appointment = entry.appointment = visit
            offer.save(update_fields=["appointment"])
            entry.save(update_fields=["appointment"])
            _record(offer, "accept", by=None)
    except DomainError as error:
        _give_up(token, at=at)
        logger.info("an accepted offer could not be booked: %s", error.code)
        raise OfferGone from error
    return visit


def decline_offer(token: str, *, at: datetime) -> SlotOffer:
    """Note that the patient behind a link does not want the time; they stay on the list. Raises OfferGone."""
    with audit.unit_of_work():
        offer = _held(token, at=at)
        _end(offer, OfferStatus.DECLINED, by=None, at=at)
        _offer_next(offer.slot, at=at)
    return offer


def go_down_the_list(at: datetime) -> None:
    """End holds that are over, close times that are gone, and ask the next in line where somebody chose that."""
    for offer in SlotOffer.objects.filter(status=OfferStatus.HELD, held_until__lte=at).select_related("slot", "entry"):
        with audit.unit_of_work():
            offer.refresh_from_db(fields=["status"])
            if offer.status == OfferStatus.HELD:
                _end(offer, OfferStatus.EXPIRED, by=None, at=at)
    for slot in FreedSlot.objects.filter(status__in=waiting_queries.STILL_FREE).select_related("doctor", "freed_by"):
        with audit.unit_of_work():
            slot.refresh_from_db(fields=["status"])
            if slot.status not in waiting_queries.STILL_FREE:
                continue
            if _is_gone(slot, at=at):
                advance(slot, Status.OVER, at=at, goes_on_for=None)
                _record_slot(slot, "over", by=None)
            elif slot.status == Status.OPEN:
                _offer_next(slot, at=at)


def is_quiet(at: datetime) -> bool:
    """Tell whether it is an hour at the clinic in which nobody is written to."""
    return quiet_hours_of(ClinicSettings.load()).hold(at)


def _note_freed(visit: Appointment, *, at: datetime) -> None:
    starts_at = visit.scheduled_at
    if starts_at < at + LEAST_NOTICE:
        starts_at = _round_up(at + LEAST_NOTICE)
    if visit.ends_at - starts_at < LEAST_USEFUL or starts_at > at + FURTHEST or not visit.doctor.is_active:
        return
    if not waiting_queries.is_free(visit.doctor, starts_at, visit.ends_at, at=at):
        return
    same = FreedSlot.objects.filter(doctor=visit.doctor, status=Status.OPEN)
    if same.filter(starts_at__lt=visit.ends_at, ends_at__gt=starts_at).exists():
        return
    slot = FreedSlot(
        doctor=visit.doctor, room=visit.room, starts_at=starts_at, ends_at=visit.ends_at, freed_by=visit, created_at=at
    )
    slot.save(force_insert=True)


def _note_filled(visit: Appointment, *, by: User | None, at: datetime) -> None:
    free = FreedSlot.objects.filter(
        doctor=visit.doctor,
        status__in=waiting_queries.STILL_FREE,
        starts_at__lt=visit.ends_at,
        ends_at__gt=visit.scheduled_at,
    )
    for slot in free.select_related("freed_by__patient"):
        for offer in slot.offers.filter(status=OfferStatus.HELD).select_related("entry"):
            _end(offer, OfferStatus.WITHDRAWN, by=by, at=at)
        if slot.freed_by is not None and slot.freed_by.patient.kept_id == visit.patient.kept_id:
            advance(slot, Status.UNDONE, at=at, goes_on_for=None)
        else:
            advance(slot, Status.FILLED, at=at, goes_on_for=None, filled_at=at, filled_with=visit)


def _hold(slot: FreedSlot, entry: WaitingEntry, *, by: User | None, at: datetime) -> SlotOffer:
    """Hold a time for somebody and tell them; the caller's unit of work keeps everybody else out."""
    entry.refresh_from_db(fields=["status"])
    if slot.status != Status.OPEN or _is_gone(slot, at=at):
        raise SlotGone("This time is no longer free. Look at the list again.")
    if waiting_queries.is_held(slot.doctor, slot.starts_at, slot.ends_at, at=at):
        raise SlotGone("This time is held for somebody already. Wait for the answer, or take the offer back.")
    if entry.status != EntryStatus.WAITING:
        raise DoesNotFit("A time is offered to this patient already, or they are off the list.")
    clinic = ClinicSettings.load()
    if not does_fit(entry, _free_time(slot), zone=clinic.zone):
        raise DoesNotFit("This is not a time the patient waits for. Change the entry first.")
    if not waiting_queries.can_have(entry, slot, at=at):
        raise DoesNotFit("Their visit does not fit in here: they have another one then, or it leaves no pause.")
    offer = SlotOffer.objects.create(
        entry=entry,
        slot=slot,
        doctor=slot.doctor,
        room=slot.room,
        starts_at=slot.starts_at,
        ends_at=Appointment.end_of(slot.starts_at, entry.duration_minutes),
        held_until=min(at + timedelta(minutes=clinic.waiting_offer_minutes), slot.starts_at),
        token_hash=new_token().token_hash,
        offered_by=by,
    )
    advance(entry, EntryStatus.OFFERED, at=at)
    messages.queue_offer_message(offer, by=by, at=at)
    _record(offer, "offer", by=by, action=Action.CREATE)
    return offer


def _end(offer: SlotOffer, status: str, *, by: User | None, at: datetime) -> None:
    advance(offer, status, at=at, answered_at=at)
    entry = offer.entry
    entry.refresh_from_db(fields=["status"])
    if entry.status == EntryStatus.OFFERED:
        advance(entry, EntryStatus.WAITING, at=at)
    _record(offer, str(status), by=by)


def _offer_next(slot: FreedSlot, *, at: datetime) -> None:
    """Ask the next in line, when somebody chose that, it is day, and nobody holds the time."""
    slot.refresh_from_db(fields=["status", "goes_on_for"])
    chosen_by = slot.goes_on_for
    if chosen_by is None or slot.status != Status.OPEN or is_quiet(at) or _is_gone(slot, at=at):
        return
    if waiting_queries.is_held(slot.doctor, slot.starts_at, slot.ends_at, at=at):
        return
    for match in matches_for(slot, by=chosen_by, at=at):
        try:
            with audit.unit_of_work():
                _hold(slot, match.entry, by=None, at=at)
        except DomainError as error:
            logger.info("one in line was passed over: %s", error.code)
        else:
            return
    slot.goes_on_for, slot.updated_at = None, at
    slot.save(update_fields=["goes_on_for", "updated_at"])
    _record_slot(slot, "list_ended", by=None)


def _give_up(token: str, *, at: datetime) -> None:
    """Take back an offer whose time was taken meanwhile, so that the patient waits on and nobody else is asked."""
    with audit.unit_of_work():
        offer = waiting_queries.find_offer(token)
        if offer is not None and offer.status == OfferStatus.HELD:
            _end(offer, OfferStatus.WITHDRAWN, by=None, at=at)
            slot = offer.slot
            if slot.status in waiting_queries.STILL_FREE:
                advance(slot, Status.OVER, at=at, goes_on_for=None)
                _record_slot(slot, "over", by=None)


def _book(offer: SlotOffer, *, at: datetime) -> Appointment:
    entry = offer.entry
    room = None
    if entry.appointment_type != Appointment.Type.TELEMEDICINE:
        free = slots.free_rooms(offer.starts_at, offer.ends_at)
        usual = free.filter(pk=offer.room_id).first() if offer.room_id else None
        room = usual or free.first()
    booked_by = offer.offered_by or offer.slot.goes_on_for or entry.added_by
    current = entry.current_appointment
    if current is not None and current.status in Appointment.OPEN:
        return appointments.reschedule_appointment(
            current,
            scheduled_at=offer.starts_at,
            duration_minutes=entry.duration_minutes,
            doctor=offer.doctor,
            room=room,
            reason="",
            by=None,
            booked_by=booked_by,
            at=at,
        )
    return appointments.schedule_appointment(
        entry.patient.kept_record,
        doctor=offer.doctor,
        scheduled_at=offer.starts_at,
        duration_minutes=entry.duration_minutes,
        appointment_type=entry.appointment_type,
        priority=entry.priority,
        room=room,
        by=None,
        booked_by=booked_by,
        at=at,
    )


def _held(token: str, *, at: datetime) -> SlotOffer:
    offer = waiting_queries.find_offer(token)
    if offer is None or offer.status != OfferStatus.HELD or at >= offer.held_until:
        raise OfferGone
    return offer


def _is_gone(slot: FreedSlot, *, at: datetime) -> bool:
    if slot.starts_at <= at or not slot.doctor.is_active:
        return True
    held = slot.offers.filter(status=OfferStatus.HELD).exists()
    return not held and not waiting_queries.is_free(slot.doctor, slot.starts_at, slot.ends_at, at=at)


def _free_time(slot: FreedSlot) -> FreeTime:
    freed_type = slot.freed_by.appointment_type if slot.freed_by is not None else ""
    return FreeTime(slot.doctor_id, slot.starts_at, slot.ends_at, freed_type)


def _round_up(moment: datetime) -> datetime:
    whole = moment.replace(minute=0, second=0, microsecond=0)
    steps = -((whole - moment) // ROUND_TO)
    return whole + steps * ROUND_TO


def _record(offer: SlotOffer, verb: str, *, by: User | None, action: Action = Action.UPDATE) -> None:
    audit.record(action, by=by, target=offer, patient_id=offer.entry.patient_id, detail={"verb": verb})
    calendar_changed()


def _record_slot(slot: FreedSlot, verb: str, *, by: User | None, action: Action = Action.UPDATE) -> None:
    audit.record(action, by=by, target=slot, detail={"verb": verb})
    calendar_changed()
