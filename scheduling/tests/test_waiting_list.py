"""Entries of the waiting list, and how many of the free times they fill."""

from datetime import datetime, time, timedelta

import pytest

from patients import services as patients
from patients.permissions import ArchivedRecord
from patients.tests.factories import make_patient
from scheduling.models import FreedSlot, WaitingEntry
from scheduling.services import appointments, offers, waiting
from scheduling.services.waiting_figures import fill_figures
from scheduling.tests.factories import make_appointment
from scheduling.tests.wishes import NOW, TOMORROW, Offered, Waits, free_a_slot, offer, wait
from synapse.common.errors import Conflict, NotAllowed


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


def test_nobody_is_put_back_who_waits_again_or_whose_record_is_archived(asha):
    entry, archived = wait(asha), wait(asha)
    for one in (entry, archived):
        waiting.remove_entry(one, by=asha, at=NOW)
    wait(asha, patient=entry.patient)
    patients.archive_patient(archived.patient, by=asha, at=NOW)

    with pytest.raises(waiting.AlreadyWaiting):
        waiting.put_back(entry, by=asha, at=NOW)
    with pytest.raises(ArchivedRecord):
        waiting.put_back(WaitingEntry.objects.get(pk=archived.pk), by=asha, at=NOW)


def test_nobody_is_put_back_for_a_visit_that_was_moved_meanwhile(asha):
    visit = make_appointment(asha, scheduled_at=TOMORROW + timedelta(days=9), at=NOW)
    entry = wait(asha, patient=visit.patient, current_appointment=visit)
    waiting.remove_entry(entry, by=asha, at=NOW)
    appointments.reschedule_appointment(visit, scheduled_at=TOMORROW + timedelta(days=8), reason="", by=asha, at=NOW)

    with pytest.raises(Conflict, match="called off"):
        waiting.put_back(WaitingEntry.objects.get(pk=entry.pk), by=asha, at=NOW)


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
