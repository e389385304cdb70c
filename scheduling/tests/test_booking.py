"""Booking, moving and changing a visit at the door: as a page, in the calendar's dialog, by a drag."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from patients.models import Patient
from patients.tests.factories import make_patient
from scheduling.models import Appointment
from scheduling.tests.factories import make_appointment, make_hours, make_room, make_time_off, make_visit_default
from synapse.testing.plugin import make_user

MONDAY = datetime(2027, 3, 1, 4, 30, tzinfo=UTC)  # 10:00 at the clinic
HOUR = timedelta(hours=1)
HTMX = {"HX-Request": "true"}


def page(name, *args):
    return reverse(f"scheduling:{name}", args=args)


def told(response):
    assert response.status_code == 204
    return json.loads(response["HX-Trigger"])["calendar-changed"]


@pytest.fixture
def visit(asha):
    return make_appointment(asha, scheduled_at=MONDAY)


def booking(doctor, **changes):
    return {
        "doctor": str(doctor.pk),
        "day": "2027-03-01",
        "clock": "10:00",
        "duration_minutes": "50",
        "appointment_type": "followup",
        "priority": "normal",
        **changes,
    }


def newcomer(**changes):
    return {
        "new-first_name": "Grace",
        "new-last_name": "Novak",
        "new-date_of_birth_day": "2",
        "new-date_of_birth_month": "5",
        "new-date_of_birth_year": "1991",
        "new-phone_primary": "+91 98200 55123",
        **changes,
    }


def test_a_new_patient_is_registered_and_booked_at_once(signed_in, rita, asha):
    response = signed_in(rita).post(page("book"), booking(asha, **newcomer()))

    booked = Appointment.objects.get()
    assert response.status_code == 302
    assert (booked.patient.last_name, booked.patient.phone_primary) == ("Novak", "+919820055123")
    assert Patient.objects.visible_to(asha).filter(pk=booked.patient_id).exists()


def test_a_refused_time_registers_nobody(signed_in, rita, asha, visit):
    response = signed_in(rita).post(page("book"), booking(asha, **newcomer()))

    assert response.status_code == 409
    assert "Grace" in response.content.decode()
    assert Patient.objects.count() == 1


def test_a_newcomer_who_may_be_on_file_is_shown_first(signed_in, rita, asha):
    known = make_patient(doctor=asha, first_name="Grace", last_name="Novak", phone_primary="+919820055123")
    client = signed_in(rita)
    data = booking(asha, **newcomer())

    asked = client.post(page("book"), data, headers=HTMX)
    assert asked.status_code == 409
    assert str(known.pk) in asked.content.decode()
    assert not Appointment.objects.exists()

    client.post(page("book"), {**data, "patient": str(known.pk)}, headers=HTMX)
    assert Appointment.objects.get().patient == known
    # One choice among them all: whoever changes their mind has not chosen twice.
    assert 'name="patient" value="new"' in asked.content.decode()
    client.post(page("book"), {**data, "clock": "12:00", "patient": "new"}, headers=HTMX)
    assert Patient.objects.count() == 2


@pytest.mark.parametrize("field", ["new-last_name", "new-date_of_birth_year", "new-phone_primary"])
def test_what_a_new_patient_lacks_is_said_at_its_field(signed_in, rita, asha, field):
    response = signed_in(rita).post(page("book"), booking(asha, **newcomer(**{field: ""})))

    assert response.status_code == 422
    assert response.context["new"].errors
    assert not Patient.objects.exists()


def test_every_field_of_the_form_is_kept(signed_in, rita, asha):
    room, patient = make_room(), make_patient(doctor=asha)
    agreed = {
        "room": str(room.pk),
        "estimated_cost": "2000.00",
        "copay_amount": "150.50",
        "insurance_verified": "on",
        "notes": "Uses a wheelchair",
        "priority": "urgent",
        "preparation_instructions": "Bring the diary",
        "location": "Ward 3",
    }

    signed_in(rita).post(page("book"), booking(asha, patient=str(patient.pk), **agreed))

    booked = Appointment.objects.get()
    assert (booked.room, str(booked.estimated_cost), str(booked.copay_amount)) == (room, "2000.00", "150.50")
    assert (booked.insurance_verified, booked.confirmation_required, booked.notes) == (True, False, "Uses a wheelchair")
    assert (booked.priority, booked.preparation_instructions, booked.location) == (
        "urgent",
        "Bring the diary",
        "Ward 3",
    )


def test_an_empty_length_is_the_usual_one(signed_in, rita, asha):
    make_visit_default("new_patient", doctor=asha, duration_minutes=80)
    patient = make_patient(doctor=asha)

    signed_in(rita).post(
        page("book"),
        booking(asha, patient=str(patient.pk), duration_minutes="", appointment_type="new_patient"),
    )

    assert Appointment.objects.get().duration_minutes == 80


@pytest.mark.parametrize("name", ["book", "move", "cancel", "edit"])
def test_htmx_gets_the_form_alone(signed_in, rita, visit, name):
    address = page(name, *([] if name == "book" else [visit.pk]))

    html = signed_in(rita).get(address, headers=HTMX).content.decode()

    assert 'id="visit-dialog-title"' in html
    assert f'hx-post="{address}"' in html
    assert "<html" not in html


def test_a_booking_from_the_dialog_tells_the_calendar(signed_in, rita, asha):
    patient = make_patient(doctor=asha)

    response = signed_in(rita).post(page("book"), booking(asha, patient=str(patient.pk)), headers=HTMX)

    assert told(response) == {"visit": str(Appointment.objects.get().pk), "message": "Booked for 1 March, 10:00."}


@pytest.mark.parametrize("name", ["confirm", "no_show", "complete", "insurance"])
def test_a_click_in_the_calendar_tells_it_or_leads_back(signed_in, rita, asha, now, name):
    first, second = (make_appointment(asha, scheduled_at=now - number * HOUR) for number in (1, 3))
    client = signed_in(rita)

    assert told(client.post(page(name, first.pk), {"verified": "1"}, headers=HTMX))["visit"] == str(first.pk)
    assert client.post(page(name, second.pk), {"verified": "1"}).status_code == 302


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_a_refused_time_asks_for_the_reason_and_then_books(signed_in, rita, asha, visit, headers):
    client, patient = signed_in(rita), make_patient(doctor=asha)
    data = booking(asha, patient=str(patient.pk))
    assert "overbooking_reason" not in client.get(page("book")).content.decode()

    refused = client.post(page("book"), data, headers=headers)
    booked = client.post(page("book"), {**data, "overbooking_reason": "In crisis"}, headers=headers)

    assert refused.status_code == 409
    assert 'name="overbooking_reason"' in refused.content.decode()
    assert booked.status_code == (204 if headers else 302)
    over = Appointment.objects.latest("created_at")
    assert (over.overbooked, over.overbooking_reason) == (True, "In crisis")


def test_a_patient_in_two_places_is_refused_without_an_offer(signed_in, rita, ben, visit):
    response = signed_in(rita).post(page("book"), booking(ben, patient=str(visit.patient_id)))

    assert response.status_code == 409
    assert "The patient has another visit" in response.content.decode()
    assert 'name="overbooking_reason"' not in response.content.decode()


def drag(doctor, **changes):
    return {"day": "2027-03-01", "clock": "12:00", "duration_minutes": "50", "doctor": str(doctor.pk), **changes}


def test_a_drag_moves_and_undo_moves_back(signed_in, rita, ben, visit):
    room = make_room()
    Appointment.objects.filter(pk=visit.pk).update(room=room)
    client = signed_in(rita)

    answer = told(client.post(page("move", visit.pk), drag(ben), headers=HTMX))
    moved = Appointment.objects.get(pk=answer["visit"])
    back = told(client.post(answer["undo"], headers=HTMX))

    assert (moved.doctor, moved.scheduled_at, moved.room) == (ben, MONDAY + 2 * HOUR, room)
    assert answer["message"] == "Moved to 1 March, 12:00."
    again = Appointment.objects.get(pk=back["visit"])
    assert (again.doctor, again.scheduled_at, again.status) == (visit.doctor, MONDAY, "scheduled")


def test_a_drag_of_the_edge_changes_the_length_of_the_same_visit(signed_in, asha, visit):
    answer = told(
        signed_in(asha).post(page("move", visit.pk), drag(asha, clock="10:00", duration_minutes="80"), headers=HTMX)
    )

    visit.refresh_from_db()
    assert (answer["visit"], visit.duration_minutes) == (str(visit.pk), 80)


@pytest.mark.parametrize("obstacle", ["visit", "break"])
def test_a_drag_onto_a_taken_time_says_why_and_offers_a_reason(signed_in, rita, asha, visit, obstacle):
    if obstacle == "visit":
        make_appointment(asha, scheduled_at=MONDAY + 2 * HOUR)
    else:
        make_hours(asha, days=range(7))
        make_hours(asha, "12:00", "13:00", kind="break")
    client = signed_in(rita)

    refused = client.post(page("move", visit.pk), drag(asha), headers=HTMX)
    html = refused.content.decode()
    moved = client.post(page("move", visit.pk), drag(asha, overbooking_reason="Agreed"), headers=HTMX)

    assert refused.status_code == 409
    assert ("another visit" if obstacle == "visit" else "has a break") in html
    assert 'name="overbooking_reason"' in html
    assert "<html" not in html
    assert Appointment.objects.get(pk=told(moved)["visit"]).overbooking_reason == "Agreed"


def test_a_doctor_drags_nothing_into_a_colleagues_column(signed_in, asha, ben, visit):
    response = signed_in(asha).post(page("move", visit.pk), drag(ben), headers=HTMX)

    visit.refresh_from_db()
    assert response.status_code == 422
    assert visit.status == "scheduled"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-30", "9999-12-31"])
def test_a_day_at_the_end_of_all_dates_is_no_real_day(signed_in, rita, asha, visit, day):
    client, patient = signed_in(rita), make_patient(asha)
    series = {"interval": "1", "unit": "week", "ends": "times", "times": "3", "holiday_rule": "skip"}
    sent = booking(asha, day=day, patient=str(patient.pk))
    for address in (page("book"), page("move", visit.pk), page("series_new"), page("slot_new")):
        answer = client.post(address, {**sent, **series})
        assert answer.status_code == 422, address
        assert "Enter a real day" in answer.content.decode()
    assert client.get(page("free_times"), sent).status_code == 200
    decided = {**sent, **series, "day": "2027-03-01", f"do-{day}": "take 00:00"}
    assert client.post(page("series_new"), decided).status_code == 200
    assert Appointment.objects.get() == visit


def test_the_window_of_a_cancelled_visit_offers_to_let_it_stand_once(signed_in, rita, visit):
    client = signed_in(rita)
    client.post(page("cancel", visit.pk), {"reason": "Wrong row"})

    assert client.get(page("detail", visit.pk)).content.decode().count("Let it stand again") == 1


def test_a_cancelled_visit_is_taken_back_or_is_not(signed_in, rita, asha, visit):
    client = signed_in(rita)
    answer = told(client.post(page("cancel", visit.pk), {"reason": "Wrong row"}, headers=HTMX))

    assert client.post(page("undo", visit.pk)).status_code == 302
    assert Appointment.objects.filter(status="scheduled").get().scheduled_at == MONDAY
    assert client.post(answer["undo"]).status_code == 409
    assert signed_in(asha).post(page("restore", visit.pk)).status_code == 409


def test_details_are_changed_on_their_page(signed_in, rita, visit):
    client = signed_in(rita)
    assert client.get(page("edit", visit.pk)).status_code == 200

    response = client.post(
        page("edit", visit.pk),
        {"appointment_type": "emergency", "priority": "high", "notes": "Call first", "copay_amount": "5"},
    )

    visit.refresh_from_db()
    assert response.status_code == 302
    assert (visit.appointment_type, visit.priority, visit.notes) == ("emergency", "high", "Call first")


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_a_taken_room_is_refused_at_the_edit_page(signed_in, rita, ben, visit, headers):
    taken = make_appointment(ben, scheduled_at=MONDAY, room=make_room())
    data = {"appointment_type": "followup", "priority": "normal", "room": str(taken.room_id)}

    response = signed_in(rita).post(page("edit", visit.pk), data, headers=headers)

    assert response.status_code == 409
    assert "The room is taken" in response.content.decode()


@pytest.mark.parametrize("name", ["edit", "insurance", "undo", "restore"])
def test_a_colleague_changes_nothing(signed_in, ben, visit, name):
    assert signed_in(ben).post(page(name, visit.pk)).status_code == 404


def test_the_next_free_times_of_anybody_are_named_with_the_doctor_and_a_free_room(signed_in, rita, asha, ben):
    room = make_room("Room 7")
    make_hours(asha, "09:00", "10:00", days=[1])
    make_hours(ben, "09:00", "10:00", days=[2], room=room)
    query = {"day": "2027-03-01", "clock": "09:00", "appointment_type": "followup"}

    html = " ".join(signed_in(rita).get(page("free_times"), query).content.decode().split())

    assert "No free time of this length is left that day" in html
    assert f'data-day="2027-03-02" data-clock="09:00" data-doctor="{asha.pk}" data-room="{room.pk}"' in html
    assert f'data-day="2027-03-03" data-clock="09:00" data-doctor="{ben.pk}"' in html
    assert "Rooms free at 9:00" in html


def test_a_doctor_is_offered_the_own_times_only(signed_in, asha, ben):
    html = signed_in(asha).get(page("free_times"), {"day": "2027-03-01"}).content.decode()

    assert str(asha.pk) in html
    assert str(ben.pk) not in html


def test_moving_offers_the_visits_own_time_as_well(signed_in, asha, visit):
    make_hours(asha, "10:00", "11:00", days=[0])
    query = {"day": "2027-03-01", "visit": str(visit.pk), "patient": str(visit.patient_id), "doctor": str(asha.pk)}

    assert 'data-day="2027-03-01" data-clock="10:00"' in signed_in(asha).get(page("free_times"), query).content.decode()


def test_the_form_and_its_free_times_take_as_many_queries_for_ten_doctors_as_for_one(signed_in, rita, asha):
    client = signed_in(rita)
    addresses = [f"{page('book')}?day=2027-03-01", f"{page('free_times')}?day=2027-03-01&clock=10:00"]
    make_appointment(asha, scheduled_at=MONDAY, room=make_room())
    client.get(addresses[0])
    few = [_count_queries(client, address) for address in addresses]
    for number in range(9):
        doctor = make_user(f"doctor{number}", "doctor", "D", str(number))
        make_hours(doctor, room=make_room())
        make_appointment(doctor, scheduled_at=MONDAY, overbooking_reason="Test of many")
        make_time_off(doctor, MONDAY, MONDAY + HOUR)

    assert [_count_queries(client, address) for address in addresses] == few


def _count_queries(client, address):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)
