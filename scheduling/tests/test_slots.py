"""Free times from the rows of the database, and what refuses a booking."""

from datetime import UTC, datetime, timedelta

import pytest

from patients.tests.factories import make_patient
from scheduling.availability import slots
from scheduling.availability.rules import Span
from scheduling.models import Appointment
from scheduling.services import appointments as services
from scheduling.services.slot_checks import NotAvailable, SlotTaken
from scheduling.tests.factories import (
    make_appointment,
    make_hold,
    make_holiday,
    make_hours,
    make_room,
    make_time_off,
    make_visit_default,
)
from synapse.testing.plugin import make_user

NOW = datetime(2027, 2, 26, 6, 0, tzinfo=UTC)
NINE = datetime(2027, 3, 1, 3, 30, tzinfo=UTC)  # a Monday, 9:00 at the clinic
HOUR = timedelta(hours=1)
FOLLOWUP = Appointment.Type.FOLLOWUP


def free(*doctors, hours=3, **fields):
    fields = {"start": NINE, "end": NINE + hours * HOUR, "at": NOW, **fields}
    return slots.free_slots(FOLLOWUP, doctors=doctors, **fields)


def clocks(found):
    return [f"{(slot.start - NINE) // timedelta(minutes=1)}" for slot in found]


@pytest.fixture
def hours(asha):
    return make_hours(asha, "09:00", "12:00")


def test_a_doctors_own_length_wins_over_the_clinics(asha, ben):
    make_visit_default(FOLLOWUP, duration_minutes=40, buffer_minutes=5)
    make_visit_default(FOLLOWUP, doctor=asha, duration_minutes=25, preparation_instructions="Bring the diary")

    assert slots.default_length(FOLLOWUP, doctor=asha) == slots.VisitLength(25, 0, "Bring the diary")
    assert slots.default_length(FOLLOWUP, doctor=ben) == slots.VisitLength(40, 5)
    assert slots.default_length("emergency") == slots.VisitLength(50, 0)


def test_the_pause_of_its_type_is_kept_with_a_visit(asha, hours):
    make_visit_default(FOLLOWUP, buffer_minutes=10)

    visit = make_appointment(asha, scheduled_at=NINE, at=NOW)

    assert visit.buffer_minutes == 10
    with pytest.raises(NotAvailable, match="pause"):
        make_appointment(asha, scheduled_at=visit.ends_at, at=NOW)


def test_free_times_leave_out_visits_holds_time_off_and_what_has_begun(asha, hours):
    make_appointment(asha, scheduled_at=NINE, at=NOW, duration_minutes=30)
    make_time_off(None, NINE + 2 * HOUR, NINE + 3 * HOUR)

    assert clocks(free(asha)) == ["30", "45", "60"]
    assert clocks(free(asha, at=NINE + timedelta(minutes=40))) == ["45", "60"]
    make_hold(asha, NINE + HOUR, patient=make_patient(doctor=asha), held_until=NOW + HOUR)
    assert free(asha) == []


def test_a_held_time_is_offered_to_the_patient_it_is_held_for_and_when_the_hold_is_over(asha, hours):
    patient = make_patient(doctor=asha)
    make_hold(asha, NINE, patient=patient, held_until=NOW + HOUR, minutes=180)

    assert free(asha) == []
    assert clocks(free(asha, patient=patient))[0] == "0"
    assert clocks(free(asha, at=NOW + HOUR))[0] == "0"


def test_free_times_of_several_doctors_come_in_order(asha, ben, hours):
    make_hours(ben, "09:30", "11:00")

    found = free(asha, ben, hours=2)

    assert [(slot.doctor, minute) for slot, minute in zip(found, clocks(found), strict=True)] == [
        (asha, "0"),
        (asha, "15"),
        (asha, "30"),
        (ben, "30"),
        (asha, "45"),
        (ben, "45"),
        (asha, "60"),
        (ben, "60"),
        (asha, "70"),
    ][:8]


def test_the_patients_own_visits_leave_no_free_time_with_anybody(asha, ben, hours):
    patient = make_patient(doctor=ben)
    make_appointment(ben, patient=patient, scheduled_at=NINE, at=NOW, duration_minutes=120)

    assert clocks(free(asha, patient=patient)) == ["120"]
    assert clocks(free(asha, ben, patient=patient)).count("120") == 2


def test_a_slot_proposes_the_usual_room_else_a_free_one_and_none_while_all_are_taken(asha, ben, rita):
    usual, other = make_room("B"), make_room("A")
    make_hours(asha, "09:00", "10:00", room=usual)

    assert [slot.room for slot in free(asha, hours=1)] == [usual]
    make_appointment(ben, scheduled_at=NINE, at=NOW, room=usual)
    assert [slot.room for slot in free(asha, hours=1)] == [other]
    assert free(asha, hours=1, room=usual) == []
    taken = make_appointment(rita_doctor(), scheduled_at=NINE, at=NOW, room=other)
    assert free(asha, hours=1) == []
    video = slots.free_slots("telemedicine", doctors=[asha], start=NINE, end=NINE + HOUR, at=NOW)
    assert [slot.room for slot in video] == [None]
    assert [slot.room for slot in free(asha, hours=1, excluding=taken)] == [other]


def rita_doctor():
    return make_user("clara", "doctor", "Clara", "Voss")


def test_five_doctors_and_a_fortnight_take_the_queries_of_one_doctor_and_a_day(asha, django_assert_num_queries):
    doctors = [asha, *(make_user(f"doctor{number}", "doctor", "D", str(number)) for number in range(4))]
    rooms = [make_room() for _ in doctors]
    for doctor, room in zip(doctors, rooms, strict=True):
        make_hours(doctor, room=room)
        make_hours(doctor, "12:00", "13:00", kind="break")
        for day in range(4):
            make_appointment(doctor, scheduled_at=NINE + timedelta(days=day), at=NOW, room=room)
    free(asha)

    with django_assert_num_queries(10):
        few = free(asha)
    with django_assert_num_queries(10):
        many = free(*doctors, hours=14 * 24)

    assert len(few) > 1
    assert len(many) > 1000


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        ("hours", "working hours"),
        ("break", "break"),
        ("holiday", "closed that day: Holi"),
        ("time_off", "takes no visits"),
        ("held", "waiting list"),
    ],
)
def test_a_time_that_is_not_offered_is_refused_unless_a_reason_is_given(asha, rita, hours, why, sentence):
    start = NINE
    if why == "hours":
        start = NINE - HOUR
    elif why == "break":
        make_hours(asha, "09:30", "10:00", kind="break")
    elif why == "holiday":
        make_holiday(NINE.date(), "Holi")
    elif why == "time_off":
        make_time_off(asha, NINE, NINE + HOUR, kind="meeting")
    else:
        make_hold(asha, NINE, patient=make_patient(doctor=asha), held_until=NOW + HOUR)
    patient = make_patient(doctor=asha)

    with pytest.raises(NotAvailable, match=sentence) as refusal:
        make_appointment(asha, patient=patient, scheduled_at=start, at=NOW)
    visit = make_appointment(asha, patient=patient, scheduled_at=start, at=NOW, overbooking_reason="In crisis")

    assert (refusal.value.status, refusal.value.code, refusal.value.why) == (409, "not_available", why)
    visit.refresh_from_db()
    assert (visit.overbooked, visit.overbooking_reason) == (False, "In crisis")


def test_a_day_worked_all_the_same_is_no_holiday(asha, hours):
    make_holiday(NINE.date(), is_closed=False)

    assert make_appointment(asha, scheduled_at=NINE, at=NOW).pk


def test_a_doctor_without_hours_is_booked_at_any_hour(asha):
    assert make_appointment(asha, scheduled_at=NINE - 6 * HOUR, at=NOW).pk


def test_a_patient_takes_the_time_held_for_them(asha, hours):
    patient = make_patient(doctor=asha)
    make_hold(asha, NINE, patient=patient, held_until=NOW + HOUR)

    assert make_appointment(asha, patient=patient, scheduled_at=NINE, at=NOW).pk


@pytest.mark.parametrize("whose", ["doctor", "room"])
def test_a_visit_is_booked_over_another_with_a_reason_only(asha, ben, whose):
    room = make_room()
    make_appointment(asha, scheduled_at=NINE, at=NOW, room=room)
    doctor = asha if whose == "doctor" else ben
    place = {"scheduled_at": NINE, "at": NOW, "room": room if whose == "room" else None}

    with pytest.raises(SlotTaken, match=whose) as refusal:
        make_appointment(doctor, **place)
    over = make_appointment(doctor, overbooking_reason="Emergency", **place)
    with pytest.raises(SlotTaken):
        make_appointment(doctor, **place)

    assert refusal.value.may_be_overbooked
    assert over.overbooked
    # The row can be worked with: the database lets an overbooked visit change.
    services.confirm_appointment(over, by=doctor, at=NOW)


def test_an_ordinary_visit_is_not_booked_over_an_overbooked_one(asha):
    first = make_appointment(asha, scheduled_at=NINE, at=NOW)
    make_appointment(asha, scheduled_at=NINE, at=NOW, overbooking_reason="Emergency")
    services.cancel_appointment(first, reason="Ill", by=asha, at=NOW)

    with pytest.raises(SlotTaken, match="doctor"):
        make_appointment(asha, scheduled_at=NINE, at=NOW)


def test_no_reason_books_a_patient_twice(asha, ben, rita):
    first = make_appointment(asha, scheduled_at=NINE, at=NOW)

    with pytest.raises(SlotTaken, match="patient") as refusal:
        make_appointment(
            ben, patient=first.patient, scheduled_at=NINE, at=NOW, by=rita, overbooking_reason="Both at once"
        )

    assert not refusal.value.may_be_overbooked


def test_a_closed_room_takes_no_visit(asha):
    with pytest.raises(services.DomainError, match="no longer used"):
        make_appointment(asha, scheduled_at=NINE, at=NOW, room=make_room(is_active=False))


def test_visits_in_the_way_of_new_hours_or_time_off_are_named_and_stand(asha, ben, rita):
    fits, late = (make_appointment(asha, scheduled_at=NINE + number * 9 * HOUR, at=NOW) for number in (0, 1))
    make_hours(asha, "09:00", "17:00")

    def in_the_way(user, doctor):
        found = slots.visits_in_the_way(user, [doctor], Span(NOW, NOW + timedelta(days=30)))
        return [(each.visit, each.obstacle.why) for each in found]

    assert in_the_way(rita, asha) == [(late, "hours")]
    make_time_off(asha, NINE, NINE + HOUR)
    assert in_the_way(rita, asha) == [(fits, "time_off"), (late, "hours")]
    assert in_the_way(ben, asha) == []
    late.refresh_from_db()
    assert late.status == "scheduled"
