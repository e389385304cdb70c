"""When doctors work and are taken, over the API: read by all who see the calendar, nobody's patient in it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from patients.tests.factories import make_patient
from scheduling.models import BusyCalendar, Holiday, TimeOff, WorkingHours
from scheduling.tests.factories import make_appointment, make_holiday, make_hours, make_room, make_time_off
from synapse.testing.plugin import make_user

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/availability/"
MONDAY = datetime(2030, 3, 4, tzinfo=UTC)
WINDOW = "from=2030-03-04T00:00:00Z&to=2030-03-05T00:00:00Z"


def error_of(response):
    return response.json()["error"]


def at(hour, day=0):
    return MONDAY + timedelta(days=day, hours=hour)


def stamp(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def clinic_in_utc(db):
    from synapse.accounts.models import ClinicSettings

    clinic = ClinicSettings.load()
    clinic.timezone = "UTC"
    clinic.save()


@pytest.fixture
def monday(asha, clinic_in_utc):
    """Asha works from nine to five with a break, has a visit at ten and a meeting right behind it."""
    make_hours(asha, "09:00", "17:00", days=[0])
    make_hours(asha, "12:00", "13:00", days=[0], kind=WorkingHours.Kind.BREAK)
    make_time_off(asha, at(11), at(12), kind=TimeOff.Kind.MEETING, title="CANARY meeting")
    patient = make_patient(asha, last_name="CANARY")
    make_appointment(
        asha, patient=patient, scheduled_at=at(10), duration_minutes=60, overbooking_reason="x", notes="CANARY"
    )
    return patient


def test_a_doctor_reads_the_own_day(api, asha, monday):
    response = api(asha).get(f"{ROOT}{asha.pk}/?{WINDOW}")
    body = response.json()
    assert (body["name"], body["timezone"]) == ("Dr Asha Rao", "UTC")
    assert [(row["weekday"], row["kind"], row["starts"]) for row in body["working_hours"]] == [
        (0, "work", "09:00"),
        (0, "break", "12:00"),
    ]
    assert [(row["starts_at"], row["ends_at"]) for row in body["working_times"]] == [
        (stamp(at(9)), stamp(at(12))),
        (stamp(at(13)), stamp(at(17))),
    ]
    assert body["busy"] == [{"starts_at": stamp(at(10)), "ends_at": stamp(at(12))}]
    assert [row["title"] for row in body["time_off"]] == ["CANARY meeting"]


def test_a_colleague_reads_busy_times_and_no_more(api, asha, ben, monday):
    for address in (f"{ROOT}{asha.pk}/?{WINDOW}", f"{ROOT}?{WINDOW}"):
        response = api(ben).get(address)
        assert response.status_code == 200
        assert b"CANARY" not in response.content
        assert str(monday.pk).encode() not in response.content
    rows = {row["id"]: row for row in response.json()["results"]}
    assert rows[str(asha.pk)]["busy"] == [{"starts_at": stamp(at(10)), "ends_at": stamp(at(12))}]
    assert "time_off" not in rows[str(asha.pk)]
    assert rows[str(ben.pk)]["time_off"] == []


def test_the_desk_reads_what_time_off_is_for_but_not_of_an_imported_calendar(api, asha, rita, monday):
    calendar = BusyCalendar.objects.create(doctor=asha, label="Private", read_at=MONDAY)
    make_time_off(asha, at(14), at(15), kind=TimeOff.Kind.IMPORTED, title="CANARY dentist", calendar=calendar)
    rows = api(rita).get(f"{ROOT}time-off/?doctor={asha.pk}").json()["results"]
    assert [(row["title"], row["is_imported"]) for row in rows] == [("CANARY meeting", False), ("", True)]
    own = api(asha).get(f"{ROOT}time-off/").json()["results"]
    assert [row["title"] for row in own] == ["CANARY meeting", "CANARY dentist"]


def test_closed_days_are_told_and_no_working_time(api, asha, rita, monday):
    make_holiday(date(2030, 3, 4), "Founders’ day")
    body = api(rita).get(f"{ROOT}{asha.pk}/?{WINDOW}").json()
    assert body["closed_days"] == [{"day": "2030-03-04", "name": "Founders’ day"}]
    assert body["working_times"] == []


def test_a_doctor_without_hours_works_as_the_clinic_is_open(api, ben, clinic_in_utc):
    body = api(ben).get(f"{ROOT}{ben.pk}/?{WINDOW}").json()
    assert body["working_hours"] == []
    assert len(body["working_times"]) == 1


@pytest.mark.parametrize("query", ["", "&fields=busy", "&cursor="])
def test_queries_do_not_grow_with_the_doctors(api, asha, rita, count_queries, monday, query):
    client = api(rita)
    few = count_queries(lambda: client.get(f"{ROOT}?{WINDOW}{query}"))
    for number in range(4):
        make_hours(make_user(f"doctor{number}", "doctor", "Doctor", str(number)))
    assert count_queries(lambda: client.get(f"{ROOT}?{WINDOW}{query}")) == few


@pytest.mark.parametrize("query", ["from=2030-03-04T00:00:00", "to=2000-01-01", "to=later", "colour=red"])
def test_a_window_that_says_nothing_is_told_by_name(api, asha, query):
    response = api(asha).get(f"{ROOT}?{query}")
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [query.split("=")[0]])


def test_nobody_else_is_a_doctor(api, asha, rita):
    assert api(asha).get(f"{ROOT}{rita.pk}/").status_code == 404


WEEK = {
    "valid_from": "2030-01-01",
    "working_hours": [
        {"weekday": 0, "starts": "08:00", "ends": "12:00"},
        {"weekday": 0, "kind": "break", "starts": "10:00", "ends": "10:15"},
    ],
}


@pytest.mark.parametrize("who", ["asha", "rita", "omar"])
def test_a_week_is_set(api, asha, who, clinic_in_utc, request):
    room = make_room()
    week = {**WEEK, "working_hours": [{**WEEK["working_hours"][0], "room": str(room.pk)}, WEEK["working_hours"][1]]}
    client = api(request.getfixturevalue(who))
    response = client.put(f"{ROOT}{asha.pk}/?{WINDOW}", week)
    assert response.status_code == 200
    body = response.json()
    assert [row["room"] for row in body["working_hours"]] == [str(room.pk), None]
    assert body["working_times"][0] == {"starts_at": stamp(at(8)), "ends_at": stamp(at(10)), "room": str(room.pk)}
    assert client.delete(f"{ROOT}{asha.pk}/").status_code == 204
    assert not asha.working_hours.exists()


def test_a_colleagues_week_is_not_set(api, asha, ben):
    make_hours(asha)
    client = api(ben)
    assert client.put(f"{ROOT}{asha.pk}/", WEEK).status_code == 403
    assert client.delete(f"{ROOT}{asha.pk}/").status_code == 403
    assert asha.working_hours.count() == 5


def test_a_week_set_on_top_of_another_is_refused_when_the_version_is_named(api, asha):
    client, address = api(asha), f"{ROOT}{asha.pk}/"
    tag = client.get(address)["ETag"]
    first = client.put(address, WEEK, headers={"If-Match": tag})
    assert (first.status_code, first["ETag"]) == (200, client.get(address)["ETag"])
    assert client.put(address, WEEK, headers={"If-Match": tag}).status_code == 412
    assert client.delete(address, headers={"If-Match": tag}).status_code == 412


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({}, "working_hours"),
        ({"working_hours": []}, "working_hours"),
        ({"working_hours": [{"weekday": 7, "starts": "08:00", "ends": "09:00"}]}, "working_hours.0.weekday"),
        ({"working_hours": [{"weekday": 0, "starts": "08:00"}]}, "working_hours.0.ends"),
        ({"working_hours": [{"weekday": 0, "starts": "09:00", "ends": "08:00"}]}, "working_hours"),
        ({"working_hours": [{"weekday": 0, "starts": "08:00", "ends": "09:00", "x": 1}]}, "working_hours.0.x"),
        ({"working_hours": [{"weekday": 0, "starts": "9 am", "ends": "17:00"}]}, "working_hours.0.starts"),
        ({**WEEK, "valid_until": "2029-01-01"}, "valid_until"),
        ({**WEEK, "valid_until": "9999-12-31"}, "valid_until"),
        ({**WEEK, "doctor": "x"}, "doctor"),
    ],
)
def test_a_week_that_contradicts_itself_is_told_by_name(api, asha, sent, named):
    response = api(asha).put(f"{ROOT}{asha.pk}/", sent)
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [named])


AWAY = {"kind": "leave", "title": "Conference", "starts_at": stamp(at(0)), "ends_at": stamp(at(24))}


def test_a_doctor_enters_the_own_time_off_and_takes_it_back(api, asha, ben):
    client, headers = api(asha), {"Idempotency-Key": "t1"}
    made = client.post(f"{ROOT}time-off/", AWAY, headers=headers)
    assert made.status_code == 201
    assert client.post(f"{ROOT}time-off/", AWAY, headers=headers).json() == made.json()
    assert (made.json()["doctor"], made.json()["title"]) == (str(asha.pk), "Conference")
    address = f"{ROOT}time-off/{made.json()['id']}/"
    assert api(ben).get(address).status_code == 404
    assert api(ben).delete(address).status_code == 404
    assert client.get(address).json() == made.json()
    assert client.delete(address).status_code == 204
    assert not TimeOff.objects.exists()


def test_a_doctor_enters_none_for_others(api, asha, ben, rita):
    client = api(asha)
    for doctor in (str(ben.pk), None):
        assert client.post(f"{ROOT}time-off/", {**AWAY, "doctor": doctor}).status_code == 403
    unnamed = api(rita).post(f"{ROOT}time-off/", AWAY)
    assert (unnamed.status_code, list(error_of(unnamed)["fields"])) == (400, ["doctor"])
    everybody = api(rita).post(f"{ROOT}time-off/", {**AWAY, "doctor": None})
    assert (everybody.status_code, everybody.json()["doctor"]) == (201, None)
    assert client.delete(f"{ROOT}time-off/{everybody.json()['id']}/").status_code == 403


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ends_at", stamp(at(-1))),
        ("ends_at", "9999-12-31T23:00:00Z"),
        ("starts_at", "2030-03-04T09:00:00"),
        ("kind", "imported"),
        ("colour", "red"),
    ],
)
def test_time_off_that_cannot_be_is_told_by_name(api, asha, field, value):
    response = api(asha).post(f"{ROOT}time-off/", {**AWAY, field: value})
    assert (response.status_code, list(error_of(response)["fields"])) == (400, [field])


def test_an_imported_entry_is_changed_where_it_came_from(api, asha):
    calendar = BusyCalendar.objects.create(doctor=asha, label="Private", read_at=MONDAY)
    entry = make_time_off(asha, at(14), at(15), kind=TimeOff.Kind.IMPORTED, calendar=calendar)
    response = api(asha).delete(f"{ROOT}time-off/{entry.pk}/")
    assert (response.status_code, error_of(response)["code"]) == (409, "imported")


def test_an_administrator_closes_the_clinic_and_the_others_read_it(api, asha, rita, omar):
    admin = api(omar)
    made = admin.post(f"{ROOT}closures/", {"day": "2030-03-04", "name": "Founders’ day"})
    assert (made.status_code, made.json()["is_closed"]) == (201, True)
    twice = admin.post(f"{ROOT}closures/", {"day": "2030-03-04", "name": "Again"})
    assert (twice.status_code, error_of(twice)["code"]) == (409, "day_listed")
    address = f"{ROOT}closures/{made.json()['id']}/"
    for user in (asha, rita):
        client = api(user)
        assert client.get(f"{ROOT}closures/?from=2030-03-04&to=2030-03-04").json()["count"] == 1
        assert client.post(f"{ROOT}closures/", {"day": "2030-03-05", "name": "Mine"}).status_code == 403
        assert client.patch(address, {"is_closed": False}).status_code == 403
        assert client.delete(address).status_code == 403
    tag = made["ETag"]
    opened = admin.patch(address, {"is_closed": False}, headers={"If-Match": tag})
    assert (opened.status_code, opened.json()["is_closed"]) == (200, False)
    assert admin.put(address, {"is_closed": True}, headers={"If-Match": tag}).status_code == 412
    assert admin.patch(address, {"day": "2030-03-06"}).status_code == 400
    assert admin.delete(address).status_code == 204
    assert not Holiday.objects.exists()
