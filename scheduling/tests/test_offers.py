"""Times that came free, and the offers of them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from patients.contact.reaching import CannotSend
from patients.tests.factories import make_patient
from scheduling.models import Appointment, FreedSlot, SlotOffer, TimeOff
from scheduling.services import appointments, offers, undoing
from scheduling.tests.factories import make_appointment
from scheduling.tests.wishes import NIGHT, NOW, TOMORROW, Free, Offered, Waits, free_a_slot, offer, wait
from synapse.audit.models import AuditEvent
from synapse.common.errors import NotAllowed


def test_a_cancelled_and_a_moved_visit_leave_a_free_time(asha):
    cancelled = free_a_slot(asha)
    visit = make_appointment(asha, scheduled_at=TOMORROW + timedelta(hours=2), at=NOW)
    appointments.reschedule_appointment(visit, scheduled_at=TOMORROW + timedelta(days=3), reason="", by=asha, at=NOW)

    moved = FreedSlot.objects.get(freed_by=visit)
    assert (cancelled.status, cancelled.doctor, cancelled.starts_at) == (Free.OPEN, asha, TOMORROW)
    assert (moved.starts_at, moved.ends_at) == (visit.scheduled_at, visit.ends_at)


def test_a_time_that_is_not_free_or_of_no_use_is_not_noted(asha):
    shifted = make_appointment(asha, scheduled_at=TOMORROW, at=NOW)
    appointments.reschedule_appointment(
        shifted, scheduled_at=TOMORROW + timedelta(minutes=15), reason="", by=asha, at=NOW
    )
    soon = make_appointment(asha, scheduled_at=NOW + timedelta(minutes=10), duration_minutes=50, at=NOW)
    appointments.cancel_appointment(soon, reason="Ill", by=asha, at=NOW)
    on_leave = make_appointment(asha, scheduled_at=TOMORROW + timedelta(days=1), at=NOW)
    TimeOff.objects.create(doctor=asha, starts_at=TOMORROW, ends_at=TOMORROW + timedelta(days=2))
    appointments.cancel_appointment(on_leave, reason="Leave", by=asha, at=NOW)

    assert not FreedSlot.objects.filter(freed_by__in=[shifted, on_leave]).exists()
    # Ten minutes ahead nobody comes; from half an hour ahead half of it is left.
    (left,) = FreedSlot.objects.filter(freed_by=soon)
    assert (left.starts_at, left.ends_at) == (NOW + timedelta(minutes=30), soon.ends_at)


def test_of_a_long_visit_nobody_came_to_the_rest_is_free(asha):
    long = make_appointment(asha, scheduled_at=NOW, duration_minutes=120, at=NOW)
    short = make_appointment(asha, scheduled_at=NOW + timedelta(hours=5), duration_minutes=50, at=NOW)

    appointments.mark_no_show(long, by=asha, at=NOW + timedelta(minutes=21))
    appointments.mark_no_show(short, by=asha, at=short.scheduled_at + timedelta(minutes=15))

    slot = FreedSlot.objects.get()
    assert (slot.starts_at, slot.ends_at) == (NOW + timedelta(minutes=55), NOW + timedelta(minutes=120))

    undoing.undo_no_show(long, by=asha, at=NOW + timedelta(minutes=25))

    slot.refresh_from_db()
    assert slot.status == Free.UNDONE


def test_whoever_books_a_free_time_fills_it_and_whoever_takes_it_back_undoes_it(asha):
    filled = free_a_slot(asha)
    visit = make_appointment(asha, scheduled_at=TOMORROW + timedelta(minutes=10), at=NOW)
    undone = free_a_slot(asha, scheduled_at=TOMORROW + timedelta(hours=3))
    make_appointment(asha, patient=undone.freed_by.patient, scheduled_at=undone.starts_at, at=NOW)

    filled.refresh_from_db()
    undone.refresh_from_db()
    assert (filled.status, filled.filled_with) == (Free.FILLED, visit)
    assert undone.status == Free.UNDONE


def test_the_list_is_ranked_without_those_who_gave_the_time_up_or_have_another_visit(asha, rita):
    slot = free_a_slot(asha)
    first = wait(asha, priority="urgent")
    second = wait(asha, by=rita)
    wait(asha, patient=slot.freed_by.patient)
    busy = wait(asha)
    make_appointment(
        asha,
        patient=busy.patient,
        scheduled_at=TOMORROW + timedelta(minutes=40),
        at=NOW,
        appointment_type="consultation",
        overbooked=True,
    )
    slot.refresh_from_db()

    found = FreedSlot.objects.create(doctor=asha, starts_at=TOMORROW, ends_at=slot.ends_at, freed_by=slot.freed_by)

    assert [match.entry for match in offers.matches_for(found, by=rita, at=NOW)] == [first, second]


def test_a_doctor_ranks_only_those_she_may_see(asha, ben, rita):
    slot = free_a_slot(asha)
    wait(ben, doctor=None)
    own = wait(asha, doctor=None)

    assert [match.entry for match in offers.matches_for(slot, by=asha, at=NOW)] == [own]
    assert len(offers.matches_for(slot, by=rita, at=NOW)) == 2


def test_an_offered_time_is_held_and_then_booked_by_the_patient(asha, rita):
    slot = free_a_slot(asha)
    entry = wait(asha, priority="high")

    made, token = offer(slot, entry, rita)
    visit = offers.accept_offer(token, at=NOW + timedelta(minutes=14))

    assert made.held_until == NOW + timedelta(minutes=15)
    assert (visit.patient, visit.doctor, visit.scheduled_at) == (entry.patient, asha, TOMORROW)
    assert (visit.duration_minutes, visit.priority) == (50, "high")
    for row in (made, entry, slot):
        row.refresh_from_db()
    assert (made.status, made.appointment) == (Offered.ACCEPTED, visit)
    assert (entry.status, entry.appointment) == (Waits.BOOKED, visit)
    assert (slot.status, slot.filled_with) == (Free.FILLED, visit)
    event = AuditEvent.objects.filter(target_id=str(made.pk)).order_by("-seq")[0]
    assert (event.actor_label, event.detail, event.patient_id) == ("system", {"verb": "accept"}, entry.patient_id)


def test_the_visit_a_patient_had_is_moved_and_not_doubled(asha):
    patient = make_patient(asha, at=NOW, email="kavya@example.org")
    later = make_appointment(asha, patient=patient, scheduled_at=TOMORROW + timedelta(days=9), at=NOW)
    entry = wait(asha, patient=later.patient, current_appointment=later)
    _, token = offer(free_a_slot(asha), entry, asha)

    visit = offers.accept_offer(token, at=NOW)

    later.refresh_from_db()
    assert (later.status, later.rescheduled_to, visit.scheduled_at) == ("rescheduled", visit, TOMORROW)
    assert Appointment.objects.filter(patient=later.patient).active().count() == 1
    assert FreedSlot.objects.get(freed_by=later).status == Free.OPEN


def test_a_time_is_offered_to_one_patient_at_a_time_and_held_until_it_begins_at_most(asha):
    slot = free_a_slot(asha, scheduled_at=NOW + timedelta(minutes=40))
    made, _ = offer(slot, wait(asha), asha, at=NOW + timedelta(minutes=30))

    with pytest.raises(offers.SlotGone):
        offers.offer_slot(slot, wait(asha), by=asha, at=NOW + timedelta(minutes=31))

    assert made.held_until == slot.starts_at
    with pytest.raises(IntegrityError), transaction.atomic():
        SlotOffer.objects.create(
            entry=wait(asha),
            slot=slot,
            doctor=asha,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            held_until=made.held_until,
            token_hash="x",
        )


def test_an_answer_after_the_hold_a_second_answer_and_a_made_up_link_change_nothing(asha):
    made, token = offer(free_a_slot(asha), wait(asha), asha)

    with pytest.raises(offers.OfferGone):
        offers.accept_offer(token, at=NOW + timedelta(minutes=15))
    with pytest.raises(offers.OfferGone):
        offers.accept_offer("x" * 43, at=NOW)
    offers.decline_offer(token, at=NOW)
    with pytest.raises(offers.OfferGone):
        offers.accept_offer(token, at=NOW)

    made.refresh_from_db()
    made.entry.refresh_from_db()
    assert (made.status, made.entry.status) == (Offered.DECLINED, Waits.WAITING)
    assert not Appointment.objects.active().exists()


def test_whoever_cannot_be_written_to_is_passed_over_and_waits_on(asha):
    slot = free_a_slot(asha)
    first, third = wait(asha, priority="urgent"), wait(asha, priority="low")
    without = wait(asha, patient=make_patient(asha, at=NOW))

    with pytest.raises(CannotSend):
        offers.offer_slot(slot, without, by=asha, at=NOW)
    _, token = offer(slot, first, asha, goes_on=True)
    offers.decline_offer(token, at=NOW)

    without.refresh_from_db()
    assert without.status == Waits.WAITING
    assert SlotOffer.objects.get(status=Offered.HELD).entry == third
    assert SlotOffer.objects.get(entry=third).messages.get().kind == "offer"


def test_the_next_in_line_follows_a_refusal_and_a_silence_only_when_that_was_chosen(asha):
    slot = free_a_slot(asha)
    first, second, third = wait(asha, priority="urgent"), wait(asha, priority="high"), wait(asha)

    _, token = offer(slot, first, asha, goes_on=True)
    offers.decline_offer(token, at=NOW)
    next_offer = SlotOffer.objects.get(entry=second)
    later = next_offer.held_until + timedelta(seconds=1)
    offers.go_down_the_list(later)
    offers.go_down_the_list(later)

    next_offer.refresh_from_db()
    assert (next_offer.status, next_offer.offered_by) == (Offered.EXPIRED, None)
    assert SlotOffer.objects.get(entry=third).status == Offered.HELD
    assert SlotOffer.objects.count() == 3

    offers.go_down_the_list(later + timedelta(minutes=16))
    slot.refresh_from_db()
    assert (slot.status, slot.goes_on_for) == (Free.OPEN, None)
    assert SlotOffer.objects.count() == 3

    other = free_a_slot(asha, scheduled_at=TOMORROW + timedelta(hours=4))
    _, token = offer(other, first, asha)
    offers.decline_offer(token, at=NOW)
    assert other.offers.count() == 1


def test_nobody_is_asked_at_night_and_the_chain_goes_on_in_the_morning(asha):
    slot = free_a_slot(asha)
    first, second = wait(asha, priority="urgent"), wait(asha)
    evening = datetime(2027, 3, 1, 15, 20, tzinfo=UTC)  # 20:50; quiet from 21:00

    with pytest.raises(offers.QuietHours):
        offers.offer_slot(slot, first, by=asha, at=NIGHT)
    offer(slot, first, asha, at=evening, goes_on=True)
    offers.go_down_the_list(NIGHT)

    assert not SlotOffer.objects.filter(entry=second).exists()
    offers.go_down_the_list(datetime(2027, 3, 2, 2, 31, tzinfo=UTC))  # 8:01
    assert SlotOffer.objects.get(entry=second).status == Offered.HELD


def test_a_chain_ends_when_the_time_is_taken_or_over(asha):
    taken, over = free_a_slot(asha), free_a_slot(asha, scheduled_at=TOMORROW + timedelta(hours=3))
    first, second = wait(asha), wait(asha)
    held, token = offer(taken, first, asha, goes_on=True)
    offer(over, second, asha, goes_on=True)

    make_appointment(asha, scheduled_at=TOMORROW, at=NOW, overbooked=False, overbooking_reason="Emergency")
    offers.go_down_the_list(TOMORROW + timedelta(hours=3))

    held.refresh_from_db()
    first.refresh_from_db()
    taken.refresh_from_db()
    over.refresh_from_db()
    assert (held.status, first.status) == (Offered.WITHDRAWN, Waits.WAITING)
    assert (taken.status, over.status) == (Free.FILLED, Free.OVER)
    with pytest.raises(offers.OfferGone):
        offers.accept_offer(token, at=NOW)


def test_an_offer_whose_patient_was_booked_elsewhere_meanwhile_is_taken_back(asha, ben):
    slot = free_a_slot(asha)
    entry = wait(asha)
    made, token = offer(slot, entry, asha)
    make_appointment(ben, patient=entry.patient, scheduled_at=TOMORROW, appointment_type="consultation", at=NOW)

    with pytest.raises(offers.OfferGone):
        offers.accept_offer(token, at=NOW)

    made.refresh_from_db()
    entry.refresh_from_db()
    assert (made.status, entry.status) == (Offered.WITHDRAWN, Waits.WAITING)


def test_only_the_desk_and_the_doctor_herself_offer_her_times(asha, ben, rita, omar):
    slot = free_a_slot(asha)

    with pytest.raises(NotAllowed):
        offers.offer_slot(slot, wait(asha), by=ben, at=NOW)
    with pytest.raises(NotAllowed):
        offers.leave_open(slot, by=ben, at=NOW)
    with pytest.raises(NotAllowed):
        offers.open_slot(asha, starts_at=TOMORROW, ends_at=TOMORROW + timedelta(hours=1), by=ben, at=NOW)
    offers.leave_open(slot, by=omar, at=NOW)
    offers.offer_slot(slot, wait(asha), by=rita, at=NOW)
    slot.refresh_from_db()
    assert slot.status == Free.OPEN


def test_a_time_picked_by_hand_is_offered_like_any_other(asha, rita):
    slot = offers.open_slot(asha, starts_at=TOMORROW, ends_at=TOMORROW + timedelta(minutes=50), by=rita, at=NOW)
    with pytest.raises(offers.SlotGone):
        offers.open_slot(asha, starts_at=TOMORROW, ends_at=TOMORROW + timedelta(minutes=30), by=rita, at=NOW)
    make_appointment(asha, scheduled_at=TOMORROW + timedelta(hours=2), at=NOW)
    with pytest.raises(offers.SlotGone):
        offers.open_slot(
            asha,
            starts_at=TOMORROW + timedelta(hours=1, minutes=30),
            ends_at=TOMORROW + timedelta(hours=3),
            by=rita,
            at=NOW,
        )

    _, token = offer(slot, wait(asha), rita)
    assert offers.accept_offer(token, at=NOW).scheduled_at == TOMORROW
