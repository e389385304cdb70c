"""Visits over the API: who sees and does what, and what is refused by name."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from patients.tests.factories import make_patient
from scheduling.models import Appointment
from scheduling.tests.factories import make_appointment, make_holiday, make_hours, make_room
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

LIST = "/api/v1/appointments/"
CONTRACT = {
    *("patient", "doctor", "session", "scheduled_at", "duration_minutes", "timezone", "appointment_type", "status"),
    *("priority", "chief_complaint", "notes", "preparation_instructions", "location", "estimated_cost"),
    *("copay_amount", "insurance_verified", "reminder_sent", "reminder_at", "confirmation_required", "confirmed_at"),
    *("confirmed_by", "cancelled_at", "cancelled_by", "cancellation_reason", "rescheduled_from", "rescheduled_to"),
    *("reschedule_reason", "completed_at"),
}


def error_of(response):
    return response.json()["error"]


def address_of(visit, verb=""):
    return f"{LIST}{visit.pk}/{verb}"


def set_clinic_zone(name):
    clinic = ClinicSettings.load()
    clinic.timezone = name
    clinic.save()


@pytest.fixture
def noon():
    """A time in three days to which visits are booked."""
    return (timezone.now() + timedelta(days=3)).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def booking(asha, noon):
    return {"patient": str(make_patient(asha).pk), "scheduled_at": noon.isoformat(), "duration_minutes": 50}


def test_a_visit_has_every_field_of_the_contract(api, asha, noon):
    visit = make_appointment(
        asha, scheduled_at=noon, room=make_room("Blue"), estimated_cost="120.00", chief_complaint="Sleeps badly"
    )
    response = api(asha).get(address_of(visit))
    body = response.json()
    assert body.keys() >= CONTRACT
    assert body["scheduled_at"] == f"{noon:%Y-%m-%dT%H:%M:%S}Z"
    assert (body["estimated_cost"], body["copay_amount"], body["room_name"]) == ("120.00", None, "Blue")
    assert response["ETag"]
    assert AuditEvent.objects.latest("seq").target_id == str(visit.pk)


def test_a_stranger_finds_nothing_of_a_visit(api, asha, ben):
    visit = make_appointment(asha, patient=make_patient(asha, last_name="CANARY"), notes="CANARY")
    client = api(ben)
    for response in (
        client.get(LIST),
        client.get(address_of(visit)),
        client.patch(address_of(visit), {"notes": "mine"}),
        client.post(address_of(visit, "confirm/")),
        client.post(address_of(visit, "cancel/"), {"reason": "mine"}),
        client.get(f"/api/v1/patients/{visit.patient_id}/appointments/"),
    ):
        assert response.status_code == 404 or response.json()["count"] == 0
        assert b"CANARY" not in response.content
        assert str(visit.patient_id).encode() not in response.content


def test_the_desk_sees_every_visit(api, asha, ben, rita, omar):
    made = {str(make_appointment(doctor).pk) for doctor in (asha, ben)}
    for user in (rita, omar):
        assert {row["id"] for row in api(user).get(LIST).json()["results"]} == made
    assert api(asha).get(LIST).json()["count"] == 1


def test_a_list_is_narrowed_and_ordered(api, asha, ben, rita, noon):
    room = make_room()
    early = make_appointment(asha, scheduled_at=noon, room=room, priority="high", location="Ward 3")
    late = make_appointment(asha, scheduled_at=noon + timedelta(days=2), status="confirmed")
    other = make_appointment(ben, scheduled_at=noon + timedelta(days=1), appointment_type="emergency")
    client = api(rita)

    def found(query):
        return [row["id"] for row in client.get(f"{LIST}?{query}").json()["results"]]

    e, la, o = (str(visit.pk) for visit in (early, late, other))
    day = noon.astimezone(UTC).date()
    assert found("") == [la, o, e]
    assert found("ordering=scheduled_at") == [e, o, la]
    assert found(f"doctor={ben.pk}") == [o]
    assert found(f"patient={early.patient_id}") == [e]
    assert found("status=confirmed") == [la]
    assert found("status=confirmed&status=scheduled") == [la, o, e]
    assert found("appointment_type=emergency") == [o]
    assert found("priority=high") == [e]
    assert found(f"room={room.pk}") == [e]
    assert found("location=ward") == [e]
    assert found(f"from={noon + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}&ordering=scheduled_at") == [o, la]
    assert found(f"to={noon:%Y-%m-%dT%H:%M:%SZ}") == []
    assert found(f"to={day}") == [e]
    assert found(f"from={day + timedelta(days=1)}&to={day + timedelta(days=1)}") == [o]
    assert found(f"date={day}") == [e]


def test_a_day_is_one_of_the_clinics(api, asha):
    set_clinic_zone("Asia/Kolkata")
    late_evening = datetime(2030, 3, 1, 19, 0, tzinfo=UTC)  # half past midnight on the second in Kolkata
    make_appointment(asha, scheduled_at=late_evening)
    client = api(asha)
    assert client.get(f"{LIST}?date=2030-03-01").json()["count"] == 0
    assert client.get(f"{LIST}?date=2030-03-02").json()["count"] == 1
    assert client.get(f"{LIST}?from=2030-03-02").json()["count"] == 1
    assert client.get(f"{LIST}?to=2030-03-01").json()["count"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-03-01T09:00:00",
        "to=0001-01-01",
        "from=yesterday",
        "status=gone",
        "date=2026-02-30",
        "date=0001-01-01",
        "doctor=7",
    ],
)
def test_a_filter_that_says_nothing_is_told_by_name(api, asha, query):
    response = api(asha).get(f"{LIST}?{query}")
    assert response.status_code == 400
    assert list(error_of(response)["fields"]) == [query.split("=")[0]]


@pytest.mark.parametrize("query", ["", "?fields=scheduled_at", "?cursor="])
def test_queries_do_not_grow_with_the_list(api, asha, count_queries, query):
    client, room = api(asha), make_room()
    make_appointment(asha, room=room)
    few = count_queries(lambda: client.get(f"{LIST}{query}"))
    for _ in range(5):
        make_appointment(asha, room=room)
    assert count_queries(lambda: client.get(f"{LIST}{query}")) == few


def test_a_patients_visits_stand_below_the_patient(api, asha, rita):
    visit = make_appointment(asha)
    make_appointment(asha)
    for user in (asha, rita):
        body = api(user).get(f"/api/v1/patients/{visit.patient_id}/appointments/").json()
        assert [row["id"] for row in body["results"]] == [str(visit.pk)]


def test_a_doctor_books_for_the_own_calendar(api, asha, ben, booking):
    response = api(asha).post(LIST, booking)
    assert response.status_code == 201
    body = response.json()
    assert (body["doctor"], body["status"], body["appointment_type"]) == (str(asha.pk), "scheduled", "followup")
    assert response["ETag"] == api(asha).get(f"{LIST}{body['id']}/")["ETag"]
    other = api(asha).post(LIST, {**booking, "doctor": str(ben.pk), "scheduled_at": "2030-03-01T09:00:00Z"})
    assert (other.status_code, error_of(other)["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("who", ["rita", "omar"])
def test_the_desk_books_for_anybody_and_names_whom(api, asha, booking, who, request):
    client = api(request.getfixturevalue(who))
    unnamed = client.post(LIST, booking)
    assert (unnamed.status_code, list(error_of(unnamed)["fields"])) == (400, ["doctor"])
    response = client.post(LIST, {**booking, "doctor": str(asha.pk)})
    assert response.status_code == 201
    assert response.json()["booked_by"] == str(request.getfixturevalue(who).pk)


def test_a_visit_is_as_long_as_is_usual_when_not_said(api, asha, booking):
    del booking["duration_minutes"]
    assert api(asha).post(LIST, booking).json()["duration_minutes"] == 50


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration_minutes", 0),
        ("duration_minutes", 481),
        ("duration_minutes", "long"),
        ("scheduled_at", "2020-01-01T09:00:00Z"),
        ("scheduled_at", "2030-01-01T09:00:00"),
        ("scheduled_at", "9999-12-31T23:59:59Z"),
        ("scheduled_at", "soon"),
        ("appointment_type", "party"),
        ("priority", "whenever"),
        ("patient", "00000000-0000-4000-8000-000000000000"),
        ("patient", None),
        ("copay_amount", "-1"),
        ("copay_amount", "200"),
        ("status", "confirmed"),
        ("confirmed_at", "2030-01-01T09:00:00Z"),
        ("colour", "red"),
    ],
)
def test_what_cannot_be_booked_is_told_by_name(api, asha, booking, field, value):
    response = api(asha).post(LIST, {**booking, "estimated_cost": "100", field: value})
    assert response.status_code == 400
    assert list(error_of(response)["fields"]) == [field]
    assert not Appointment.objects.exists()


def test_a_strangers_patient_is_not_booked(api, ben, booking):
    response = api(ben).post(LIST, booking)
    assert (response.status_code, list(error_of(response)["fields"])) == (400, ["patient"])


def test_a_taken_time_is_a_conflict_that_names_the_field(api, asha, rita, booking, noon):
    room = make_room()
    make_appointment(asha, scheduled_at=noon, room=room)
    taken = api(asha).post(LIST, booking)
    assert (taken.status_code, error_of(taken)["code"]) == (409, "slot_taken")
    assert list(error_of(taken)["fields"]) == ["scheduled_at"]
    room_taken = api(rita).post(
        LIST, {**booking, "doctor": str(asha.pk), "room": str(room.pk), "overbooking_reason": "In crisis"}
    )
    assert room_taken.status_code == 201
    assert room_taken.json()["overbooked"] is True


def test_a_time_that_is_not_offered_is_a_conflict(api, asha, booking, noon):
    make_hours(asha, "00:00", "00:15", days=range(7))
    response = api(asha).post(LIST, booking)
    assert (response.status_code, error_of(response)["code"]) == (409, "not_available")


def test_a_closed_room_is_told_by_name(api, asha, booking):
    response = api(asha).post(LIST, {**booking, "room": str(make_room(is_active=False).pk)})
    assert (response.status_code, list(error_of(response)["fields"])) == (400, ["room"])


def test_a_key_books_once(api, asha, booking):
    client, headers = api(asha), {"Idempotency-Key": "a1"}
    first, again = (client.post(LIST, booking, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Appointment.objects.count() == 1


def test_a_token_needs_the_right_to_write(bearer, asha, booking):
    response = bearer(asha, scopes=["read"]).post(LIST, booking)
    assert (response.status_code, error_of(response)["code"]) == (403, "scope_missing")
    assert bearer(asha, scopes=["read", "write"]).post(LIST, booking).status_code == 201


def test_details_change_the_visit_itself(api, asha, noon):
    visit = make_appointment(asha, scheduled_at=noon)
    client = api(asha)
    body = client.get(address_of(visit)).json()
    response = client.put(address_of(visit), {**body, "priority": "urgent", "notes": "Bring the letter"})
    assert response.status_code == 200
    changed = response.json()
    assert (changed["id"], changed["priority"], changed["notes"]) == (body["id"], "urgent", "Bring the letter")
    assert response["ETag"] == client.get(address_of(visit))["ETag"]


def test_another_length_keeps_the_visit_and_another_time_moves_it(api, asha, noon):
    visit = make_appointment(asha, scheduled_at=noon)
    client = api(asha)
    longer = client.patch(address_of(visit), {"duration_minutes": 80}).json()
    assert (longer["id"], longer["ends_at"]) == (str(visit.pk), f"{noon + timedelta(minutes=80):%Y-%m-%dT%H:%M:%SZ}")
    later = (noon + timedelta(days=1)).isoformat()
    moved = client.patch(address_of(visit), {"scheduled_at": later, "notes": "Rang"}).json()
    assert moved["rescheduled_from"] == str(visit.pk)
    assert (moved["notes"], moved["duration_minutes"]) == ("Rang", 80)
    assert client.get(address_of(visit)).json()["rescheduled_to"] == moved["id"]


def test_a_move_that_is_refused_leaves_the_details_as_well(api, asha, noon):
    visit = make_appointment(asha, scheduled_at=noon)
    other = make_appointment(asha, scheduled_at=noon + timedelta(days=1))
    response = api(asha).patch(
        address_of(visit), {"scheduled_at": other.scheduled_at.isoformat(), "notes": "Moved", "priority": "high"}
    )
    assert response.status_code == 409
    visit.refresh_from_db()
    assert (visit.notes, visit.priority, visit.status) == ("", "normal", "scheduled")


@pytest.mark.parametrize(
    ("field", "value"), [("status", "confirmed"), ("patient", "x"), ("series", "x"), ("overbooking_reason", "mine")]
)
def test_what_is_settled_is_not_edited(api, asha, field, value):
    response = api(asha).patch(address_of(make_appointment(asha)), {field: value})
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [field])


def test_a_visit_that_is_over_is_not_changed(api, asha, noon):
    visit = make_appointment(asha, scheduled_at=noon, status="cancelled")
    response = api(asha).patch(address_of(visit), {"notes": "late"})
    assert (response.status_code, error_of(response)["code"]) == (409, "invalid_transition")


def test_a_change_on_top_of_another_is_refused_when_the_version_is_named(api, asha):
    visit = make_appointment(asha)
    client = api(asha)
    tag = client.get(address_of(visit))["ETag"]
    assert client.put(address_of(visit), {"notes": "a"}, headers={"If-Match": tag}).status_code == 200
    for response in (
        client.put(address_of(visit), {"notes": "b"}, headers={"If-Match": tag}),
        client.post(address_of(visit, "confirm/"), headers={"If-Match": tag}),
    ):
        assert (response.status_code, error_of(response)["code"]) == (412, "changed_meanwhile")


def test_a_visit_is_not_deleted(api, asha):
    assert api(asha).delete(address_of(make_appointment(asha))).status_code == 405


@pytest.mark.parametrize("who", ["asha", "rita", "omar"])
def test_a_visit_is_confirmed_and_cancelled(api, asha, who, request):
    visit, user = make_appointment(asha), request.getfixturevalue(who)
    client = api(user)
    confirmed = client.post(address_of(visit, "confirm/"))
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "confirmed")
    assert confirmed.json()["confirmed_by"] == str(user.pk)
    again = client.post(address_of(visit, "confirm/"))
    assert (again.status_code, error_of(again)["code"]) == (409, "invalid_transition")
    unreasoned = client.post(address_of(visit, "cancel/"), {"reason": " "})
    assert (unreasoned.status_code, list(error_of(unreasoned)["fields"])) == (400, ["reason"])
    cancelled = client.post(address_of(visit, "cancel/"), {"reason": "Has a fever"})
    assert cancelled.status_code == 200
    body = cancelled.json()
    assert (body["status"], body["cancellation_reason"], body["cancelled_by"]) == (
        "cancelled",
        "Has a fever",
        str(user.pk),
    )
    assert cancelled["ETag"] == client.get(address_of(visit))["ETag"]


def test_a_visit_is_moved_and_both_know_it(api, asha, rita, noon):
    visit = make_appointment(asha, scheduled_at=noon, chief_complaint="Sleeps badly")
    client = api(rita)
    sent = {"scheduled_at": (noon + timedelta(days=7)).isoformat(), "reason": "Travelling"}
    headers = {"Idempotency-Key": "m1"}
    response = client.post(address_of(visit, "reschedule/"), sent, headers=headers)
    assert response.status_code == 201
    body = response.json()
    assert (body["rescheduled_from"], body["status"], body["duration_minutes"]) == (str(visit.pk), "scheduled", 50)
    assert body["chief_complaint"] == "Sleeps badly"
    assert client.post(address_of(visit, "reschedule/"), sent, headers=headers).json() == body
    old = client.get(address_of(visit)).json()
    assert (old["status"], old["rescheduled_to"], old["reschedule_reason"]) == ("rescheduled", body["id"], "Travelling")
    again = client.post(address_of(visit, "reschedule/"), sent)
    assert (again.status_code, error_of(again)["code"]) == (409, "invalid_transition")


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"scheduled_at": "2030-01-01T09:00:00Z"}, "reason"),
        ({"reason": "x"}, "scheduled_at"),
        ({"scheduled_at": "2020-01-01T09:00:00Z", "reason": "x"}, "scheduled_at"),
        ({"scheduled_at": "2030-01-01T09:00:00Z", "reason": "x", "duration_minutes": 0}, "duration_minutes"),
        ({"scheduled_at": "2030-01-01T09:00:00Z", "reason": "x", "colour": "red"}, "colour"),
    ],
)
def test_a_move_that_says_too_little_is_told_by_name(api, asha, sent, named):
    response = api(asha).post(address_of(make_appointment(asha), "reschedule/"), sent)
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [named])


def test_what_became_of_a_visit_is_noted(api, asha, now):
    begun = timezone.now() - timedelta(minutes=5)
    visit = make_appointment(asha, scheduled_at=begun, at=begun - timedelta(days=1))
    to_come = make_appointment(asha)
    client = api(asha)
    early = client.post(address_of(to_come, "no-show/"))
    assert (early.status_code, error_of(early)["code"]) == (409, "too_early")
    assert client.post(address_of(visit, "no-show/")).json()["status"] == "no_show"
    done = client.post(address_of(to_come, "complete/"))
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    assert done.json()["completed_at"]
    assert client.post(address_of(to_come, "no-show/")).status_code == 409


def test_a_doctor_starts_the_consultation_once(api, asha, rita):
    visit = make_appointment(asha, chief_complaint="Sleeps badly", appointment_type="telemedicine")
    client, headers = api(asha), {"Idempotency-Key": "s1"}
    response = client.post(address_of(visit, "start/"), headers=headers)
    assert response.status_code == 201
    session = response.json()
    assert (session["patient"], session["appointment"]) == (str(visit.patient_id), str(visit.pk))
    assert (session["session_type"], session["telehealth"], session["chief_complaint"]) == (
        "followup",
        True,
        "Sleeps badly",
    )
    assert response["ETag"] == client.get(f"/api/v1/sessions/{session['id']}/")["ETag"]
    assert client.post(address_of(visit, "start/"), headers=headers).json() == session
    assert client.post(address_of(visit, "start/")).status_code == 409
    assert client.get(address_of(visit)).json()["session"] == session["id"]
    live = client.post(address_of(make_appointment(asha), "start/"))
    assert (live.status_code, error_of(live)["code"]) == (409, "session_live")
    refused = api(rita).post(address_of(make_appointment(asha), "start/"))
    assert (refused.status_code, error_of(refused)["code"]) == (403, "not_allowed")
    running = client.post(address_of(visit, "cancel/"), {"reason": "x"})
    assert (running.status_code, error_of(running)["code"]) == (409, "session_running")


def free(client, **query):
    return client.get("/api/v1/free-slots/", query)


def test_free_times_are_offered_in_the_doctors_zone_and_booked_as_they_come(api, asha, ben, rita):
    set_clinic_zone("Europe/Berlin")
    make_hours(ben, "01:00", "05:00", days=range(7))
    # The clocks go forward at two: three hours of the wall clock's four.
    response = free(api(rita), doctor=str(ben.pk), type="followup", **{"from": "2030-03-31", "to": "2030-03-31"})
    body = response.json()
    times = [row["local_time"][11:22] for row in body["results"]]
    assert (times[0], times[-1]) == ("01:00:00+01", "04:00:00+02")
    assert "02:00:00+01" not in times
    assert {row["timezone"] for row in body["results"]} == {"Europe/Berlin"}
    slot = body["results"][1]
    sent = {name: slot[name] for name in ("doctor", "scheduled_at", "duration_minutes", "room")}
    booked = api(rita).post(LIST, {**sent, "patient": str(make_patient(ben).pk)})
    assert booked.status_code == 201
    # Another doctor sees what is left, and nothing of whom it was taken by.
    left = free(api(asha), doctor=str(ben.pk), **{"from": "2030-03-31", "to": "2030-03-31"})
    assert slot["scheduled_at"] not in [row["scheduled_at"] for row in left.json()["results"]]
    assert booked.json()["patient"] not in left.content.decode()


def test_free_times_honour_closed_days_rooms_and_the_limit(api, asha):
    make_hours(asha, "09:00", "17:00", days=range(7))
    make_holiday(datetime(2030, 3, 5).date())
    room = make_room("Blue")
    make_appointment(asha, scheduled_at=datetime(2030, 3, 4, 9, tzinfo=UTC), room=room)
    client = api(asha)
    window = {"from": "2030-03-04", "to": "2030-03-06"}
    body = free(client, **window, room=str(room.pk), limit="2").json()
    assert len(body["results"]) == 2
    assert body["count"] > 2
    assert {row["room_name"] for row in body["results"]} == {"Blue"}
    days = {row["scheduled_at"][:10] for row in free(client, **window).json()["results"]}
    assert days == {"2030-03-04", "2030-03-06"}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"type": "party"}, "type"),
        ({"doctor": "7"}, "doctor"),
        ({"doctor": "00000000-0000-4000-8000-000000000000"}, "doctor"),
        ({"from": "2030-03-01T09:00:00"}, "from"),
        ({"from": "2030-03-02", "to": "2030-03-01"}, "to"),
        ({"from": "2030-03-02", "to": "2030-09-01"}, "to"),
        ({"limit": "0"}, "limit"),
        ({"duration_minutes": "0"}, "duration_minutes"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_question_for_free_times_that_says_nothing_is_told_by_name(api, asha, query, named):
    response = free(api(asha), **query)
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [named])


def test_free_times_take_as_many_queries_for_a_month_as_for_a_day(api, asha, rita, count_queries):
    make_hours(asha, days=range(7))
    client = api(rita)
    free(client)  # the clinic's settings are made
    day = count_queries(lambda: free(client, doctor=str(asha.pk), **{"from": "2030-03-04", "to": "2030-03-04"}))
    month = count_queries(lambda: free(client, doctor=str(asha.pk), **{"from": "2030-03-04", "to": "2030-04-04"}))
    assert month == day
