"""The rules of the waiting list and of the times that come free."""

import threading
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError, close_old_connections, transaction

from patients.contact.reaching import CannotSend
from patients.tests.factories import make_patient
from scheduling.models import Appointment, FreedSlot, SlotOffer, TimeOff, WaitingEntry
from scheduling.services import appointments, offers, undoing, waiting
from scheduling.services.waiting_figures import fill_figures
from scheduling.tests.factories import make_appointment
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.links.tokens import new_token

NOW = datetime(2027, 3, 1, 4, 30, tzinfo=UTC)  # Monday 10:00 at the clinic
TOMORROW = datetime(2027, 3, 2, 4, 0, tzinfo=UTC)  # 9:30
NIGHT = datetime(2027, 3, 1, 17, 0, tzinfo=UTC)  # 22:30

Waits = WaitingEntry.Status
Offered = SlotOffer.Status
Free = FreedSlot.Status


def wait(doctor, /, *, patient=None, by=None, at=NOW, **wishes):
    return waiting.add_entry(
        patient or make_patient(doctor, at=at, email="kavya@example.org"),
        by=by or doctor,
        at=at,
        **{"doctor": doctor, "appointment_type": "followup", "duration_minutes": 50, **wishes},
    )


def free_a_slot(doctor, *, scheduled_at=TOMORROW, at=NOW):
    visit = make_appointment(doctor, scheduled_at=scheduled_at, at=at - timedelta(hours=1))
    appointments.cancel_appointment(visit, reason="Ill", by=doctor, at=at)
    return FreedSlot.objects.get(freed_by=visit)


def link_to(made):
    """Give an offer the link its message would have."""
    token, made.token_hash = new_token()
    made.save(update_fields=["token_hash"])
    return token


def offer(slot, entry, by, at=NOW, **options):
    made = offers.offer_slot(slot, entry, by=by, at=at, **options)
    return made, link_to(made)


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


def test_the_same_wish_stands_once_and_impossible_windows_are_refused(asha):
    patient = make_patient(asha, at=NOW)
    wait(asha, patient=patient)

    with pytest.raises(waiting.AlreadyWaiting):
        wait(asha, patient=patient)
    for wishes, field in (
        ({"latest_day": NOW.date() - timedelta(days=1)}, "latest_day"),
        ({"earliest_day": NOW.date() + timedelta(days=9), "latest_day": NOW.date() + timedelta(days=8)}, "latest_day"),
        ({"from_clock": time(9), "until_clock": time(9, 40)}, "until_clock"),
        (
            {"earliest_day": datetime(2027, 3, 2).date(), "latest_day": datetime(2027, 3, 4).date(), "weekdays": [0]},
            "weekdays",
        ),
    ):
        with pytest.raises(waiting.BadWindow) as refused:
            wait(asha, **wishes)
        assert refused.value.field == field


def test_a_doctor_keeps_the_list_for_herself_and_for_anybody_only(asha, ben, rita):
    patient = make_patient(asha, at=NOW)

    with pytest.raises(NotAllowed):
        wait(asha, patient=patient, doctor=ben)
    entry = wait(asha, patient=patient, doctor=None)
    with pytest.raises(NotAllowed):
        waiting.change_entry(entry, doctor=ben, by=asha, at=NOW)
    waiting.change_entry(entry, doctor=ben, by=rita, at=NOW)
    assert not WaitingEntry.objects.visible_to(asha).exists()
    assert not WaitingEntry.objects.visible_to(ben).exists()  # he may not open the record


def test_an_entry_is_taken_off_with_its_offer_and_put_back_with_its_wait(asha):
    slot = free_a_slot(asha)
    entry = wait(asha)
    made, token = offer(slot, entry, asha)

    with pytest.raises(Conflict):
        waiting.change_entry(entry, priority="low", by=asha, at=NOW)
    waiting.remove_entry(entry, by=asha, at=NOW)

    made.refresh_from_db()
    assert (entry.status, made.status) == (Waits.REMOVED, Offered.WITHDRAWN)
    with pytest.raises(offers.OfferGone):
        offers.accept_offer(token, at=NOW)
    waiting.put_back(entry, by=asha, at=NOW)
    assert (entry.status, entry.closed_at) == (Waits.WAITING, None)


def test_an_entry_follows_the_visit_it_would_give_up(asha):
    visit = make_appointment(asha, scheduled_at=TOMORROW + timedelta(days=9), at=NOW)
    entry = wait(asha, patient=visit.patient, current_appointment=visit)

    moved = appointments.reschedule_appointment(
        visit, scheduled_at=TOMORROW + timedelta(days=8), reason="", by=asha, at=NOW
    )
    entry.refresh_from_db()
    assert entry.current_appointment == moved
    appointments.cancel_appointment(moved, reason="Ill", by=asha, at=NOW)
    entry.refresh_from_db()
    assert (entry.current_appointment, entry.status) == (None, Waits.WAITING)


def test_who_missed_the_visit_they_would_give_up_waits_on_for_any_time(asha):
    visit = make_appointment(asha, scheduled_at=NOW + timedelta(hours=1), at=NOW)
    entry = wait(asha, patient=visit.patient, current_appointment=visit)

    appointments.mark_no_show(visit, by=asha, at=NOW + timedelta(hours=2))

    (match,) = offers.matches_for(free_a_slot(asha), by=asha, at=NOW + timedelta(hours=2))
    assert match.entry == entry


def test_whoever_is_booked_by_hand_at_a_time_they_waited_for_leaves_the_list(asha):
    mornings, evenings = wait(asha, until_clock=time(12)), wait(asha, from_clock=time(17))

    visit = make_appointment(asha, patient=mornings.patient, scheduled_at=TOMORROW, at=NOW)
    make_appointment(asha, patient=evenings.patient, scheduled_at=TOMORROW + timedelta(hours=1), at=NOW)

    mornings.refresh_from_db()
    evenings.refresh_from_db()
    assert (mornings.status, mornings.appointment) == (Waits.BOOKED, visit)
    assert evenings.status == Waits.WAITING


def test_the_figures_count_what_came_free_was_offered_and_filled(asha, ben, now):
    offered, booked, undone = (free_a_slot(asha, scheduled_at=TOMORROW + timedelta(hours=n)) for n in range(3))
    free_a_slot(ben)
    offer(offered, wait(asha), asha)
    FreedSlot.objects.filter(pk=booked.pk).update(status="filled", filled_at=booked.created_at + timedelta(minutes=31))
    FreedSlot.objects.filter(pk=undone.pk).update(status="undone")

    figures = fill_figures(now - timedelta(hours=1), now + timedelta(hours=1), asha)

    assert (figures.freed, figures.offered, figures.filled) == (2, 1, 1)
    assert (figures.median_minutes, figures.percent) == (31, 50)
    assert fill_figures(now - timedelta(hours=1), now + timedelta(hours=1)).freed == 3
    assert fill_figures(now - timedelta(hours=2), now - timedelta(hours=1)).median_minutes is None


def at_once(*calls):
    """Run the calls at the same moment and return what each returned or raised."""
    results = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def run(number, call):
        close_old_connections()
        barrier.wait()
        try:
            results[number] = call()
        except Exception as error:  # noqa: BLE001  compared below
            results[number] = error
        finally:
            close_old_connections()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.django_db(transaction=True)
def test_of_many_offers_at_once_of_one_time_one_is_held(asha, rita):
    ClinicSettings.load()
    slot = free_a_slot(asha)
    entries = [wait(asha) for _ in range(6)]

    results = at_once(
        *(
            lambda entry=entry: offers.offer_slot(FreedSlot.objects.get(pk=slot.pk), entry, by=rita, at=NOW)
            for entry in entries
        )
    )

    assert sum(isinstance(result, SlotOffer) for result in results) == 1, results
    assert all(isinstance(result, SlotOffer | offers.SlotGone) for result in results), results
    assert SlotOffer.objects.filter(status=Offered.HELD).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_presses_a_booking_at_the_desk_and_the_sweep_at_once_give_the_time_to_one(asha, rita):
    ClinicSettings.load()
    slot = free_a_slot(asha)
    made, token = offer(slot, wait(asha), rita, goes_on=True)
    wait(asha)
    other = make_patient(asha, at=NOW)

    def book():
        return appointments.schedule_appointment(
            other, doctor=asha, scheduled_at=TOMORROW, duration_minutes=50, appointment_type="followup", by=rita, at=NOW
        )

    results = at_once(
        lambda: offers.accept_offer(token, at=NOW),
        lambda: offers.accept_offer(token, at=NOW),
        lambda: offers.decline_offer(token, at=NOW),
        book,
        lambda: offers.go_down_the_list(made.held_until),
    )

    booked = [result for result in results if isinstance(result, Appointment)]
    assert len(booked) <= 1, results
    assert Appointment.objects.active().filter(doctor=asha, scheduled_at=TOMORROW).count() == len(booked)
    refused = [result for result in results if isinstance(result, Exception)]
    assert all(isinstance(error, offers.OfferGone | appointments.SlotTaken | Conflict) for error in refused), results
