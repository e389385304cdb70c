"""Offers, answers, bookings and the sweep at the same moment."""

import threading

import pytest
from django.db import close_old_connections

from patients.tests.factories import make_patient
from scheduling.models import Appointment, FreedSlot, SlotOffer
from scheduling.services import appointments, offers
from scheduling.tests.wishes import NOW, TOMORROW, Offered, free_a_slot, offer, wait
from synapse.accounts.models import ClinicSettings
from synapse.common.errors import Conflict


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
