"""Twenty bookings of one doctor, one patient or one room at once: real threads, real connections, both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from patients.tests.factories import make_patient
from scheduling.models import Appointment
from scheduling.services import appointments as services
from scheduling.services import edits
from scheduling.services.slot_checks import SlotTaken
from scheduling.tests.factories import make_appointment, make_hours, make_room
from synapse.testing.plugin import make_user

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 20
LONGEST_SECONDS = 60


def race(act, entries):
    """Run `act` once an entry, all at the same moment; return what came of each, sorted."""
    outcomes, barrier = [], threading.Barrier(len(entries))

    def run(entry):
        barrier.wait(LONGEST_SECONDS)
        try:
            act(entry)
            outcomes.append("booked")
        except Exception as error:  # noqa: BLE001 -- whatever it is, the test compares its name
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(entry,), daemon=True) for entry in entries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    return sorted(outcomes)


@pytest.fixture
def doctors(asha):
    return [make_user(f"doctor{number}", "doctor", "Doctor", str(number)) for number in range(MANY)]


@pytest.mark.happens_at(datetime(2026, 3, 18, 9, tzinfo=UTC))  # an hour whose visit ends the same day
@pytest.mark.parametrize("whose", ["doctor", "patient", "room"])
def test_of_twenty_bookings_at_once_one_wins(asha, rita, doctors, now, whose):
    start, room = now + timedelta(days=3), make_room()
    patient = make_patient(doctor=asha)
    make_hours(asha, "00:00", "23:59", days=range(7))
    entries = [
        {
            "doctor": asha if whose == "doctor" else doctor,
            "patient": patient if whose == "patient" else make_patient(doctor=asha),
            "room": room if whose == "room" else None,
        }
        for doctor in doctors
    ]

    outcomes = race(lambda entry: make_appointment(**entry, scheduled_at=start, at=now, by=rita), entries)

    assert outcomes == [SlotTaken.__name__] * (MANY - 1) + ["booked"]
    assert Appointment.objects.filter(scheduled_at=start).count() == 1


def test_of_twenty_requests_for_one_time_one_is_answered_with_a_visit(api, asha, rita, now):
    patients = [make_patient(doctor=asha) for _ in range(MANY)]
    start = (now + timedelta(days=3)).isoformat()
    clients, codes = [api(rita) for _ in patients], []

    def post(entry):
        client, patient = entry
        sent = {"patient": str(patient.pk), "doctor": str(asha.pk), "scheduled_at": start, "duration_minutes": 50}
        response = client.post("/api/v1/appointments/", sent)
        codes.append((response.status_code, response.json().get("error", {}).get("code")))

    race(post, list(zip(clients, patients, strict=True)))

    assert sorted(codes) == [(201, None)] + [(409, "slot_taken")] * (MANY - 1)
    assert Appointment.objects.count() == 1


def test_of_twenty_visits_moved_to_one_time_at_once_one_wins_and_the_others_stand(asha, now):
    goal = now + timedelta(days=3)
    visits = [make_appointment(asha, scheduled_at=now + timedelta(days=5, hours=n), at=now) for n in range(MANY)]

    outcomes = race(
        lambda visit: services.reschedule_appointment(visit, scheduled_at=goal, reason="", by=asha, at=now), visits
    )

    assert outcomes == [SlotTaken.__name__] * (MANY - 1) + ["booked"]
    assert Appointment.objects.filter(scheduled_at__gt=goal, status="scheduled").count() == MANY - 1


def test_no_reason_books_a_patient_twice_however_many_try(asha, rita, doctors, now):
    patient, start = make_patient(doctor=asha), now + timedelta(days=3)

    outcomes = race(
        lambda doctor: make_appointment(
            doctor, patient=patient, scheduled_at=start, at=now, by=rita, overbooking_reason="Urgent"
        ),
        doctors,
    )

    assert outcomes == [SlotTaken.__name__] * (MANY - 1) + ["booked"]


def test_a_visit_that_grows_and_one_that_is_booked_behind_it_do_not_meet(asha, now):
    first = make_appointment(asha, scheduled_at=now + timedelta(days=3), at=now)
    patient = make_patient(doctor=asha)

    outcomes = race(
        lambda act: act(),
        [
            lambda: edits.resize_appointment(first, duration_minutes=90, by=asha, at=now),
            lambda: make_appointment(asha, patient=patient, scheduled_at=first.ends_at, at=now),
        ],
    )

    assert outcomes == [SlotTaken.__name__, "booked"]
