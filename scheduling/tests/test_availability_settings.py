"""Hours, time off, holidays, rooms and lengths: who sets them, what follows, what their pages say."""

from datetime import date, time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from scheduling.changes import calendar_revision
from scheduling.models import BusyCalendar, Holiday, Room, TimeOff, VisitDefault, WorkingHours
from scheduling.services import closures, hours, rooms
from scheduling.services.hours import BadHours, Line
from scheduling.tests.factories import make_appointment, make_holiday, make_hours, make_room, make_time_off
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, DomainError, NotAllowed

DAY = date(2027, 3, 1)  # a Monday
NINE, NOON, FIVE = time(9), time(12), time(17)


def page(name, *args):
    return reverse(f"availability:{name}", args=args)


def periods(doctor):
    rows = doctor.working_hours.order_by("valid_from")
    return [(row.starts.hour, row.valid_from, row.valid_until) for row in rows]


def test_a_week_counts_from_its_day_and_what_was_said_before_counts_until_then(asha, now):
    hours.set_week(asha, [Line(0, NINE, FIVE), Line(0, NOON, time(13), is_break=True)], valid_from=DAY, by=asha, at=now)
    revision = calendar_revision()

    hours.set_week(asha, [Line(0, time(10), FIVE)], valid_from=DAY + timedelta(days=7), by=asha, at=now)

    until = DAY + timedelta(days=6)
    assert periods(asha) == [(9, DAY, until), (12, DAY, until), (10, DAY + timedelta(days=7), None)]
    assert calendar_revision() > revision
    assert AuditEvent.objects.latest("seq").detail == {"verb": "set_hours", "valid_from": "2027-03-08"}


def test_after_a_summer_the_old_week_counts_again(asha, now):
    hours.set_week(asha, [Line(0, NINE, FIVE)], valid_from=DAY, by=asha, at=now)

    hours.set_week(
        asha, [Line(0, time(7), NOON)], valid_from=date(2027, 6, 1), valid_until=date(2027, 8, 31), by=asha, at=now
    )

    assert periods(asha) == [
        (9, DAY, date(2027, 5, 31)),
        (7, date(2027, 6, 1), date(2027, 8, 31)),
        (9, date(2027, 9, 1), None),
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "one day at least"),
        ([Line(0, FIVE, NINE)], "Monday: the end"),
        ([Line(2, NINE, NOON), Line(2, time(11), FIVE)], "Wednesday: two of the times overlap"),
    ],
)
def test_hours_that_contradict_themselves_are_refused(asha, now, lines, words):
    with pytest.raises(BadHours, match=words):
        hours.set_week(asha, lines, valid_from=DAY, by=asha, at=now)


def test_who_plans_for_whom(asha, ben, rita, now):
    line, start = [Line(0, NINE, FIVE)], now + timedelta(days=1)

    hours.set_week(asha, line, valid_from=DAY, by=rita, at=now)
    for refused in (
        lambda: hours.set_week(asha, line, valid_from=DAY, by=ben, at=now),
        lambda: hours.clear_hours(asha, by=ben, at=now),
        lambda: closures.add_time_off(
            asha, starts_at=start, ends_at=start + timedelta(1), kind="leave", by=ben, at=now
        ),
        lambda: closures.add_time_off(
            None, starts_at=start, ends_at=start + timedelta(1), kind="leave", by=ben, at=now
        ),
        lambda: closures.add_holiday(DAY, "Founders", by=rita, at=now),
        lambda: rooms.add_room("Room 1", by=rita, at=now),
        lambda: rooms.set_visit_default(
            "followup", doctor=None, duration_minutes=30, buffer_minutes=0, by=rita, at=now
        ),
        lambda: rooms.set_visit_default("followup", doctor=asha, duration_minutes=30, buffer_minutes=0, by=ben, at=now),
    ):
        with pytest.raises(NotAllowed):
            refused()


def test_a_years_holidays_are_taken_over_once_and_leave_what_somebody_set(omar, now):
    make_holiday(date(2027, 1, 26), "Clinic day", is_closed=False)

    count = closures.import_holidays("IN", "MH", 2027, by=omar, at=now)
    again = closures.import_holidays("IN", "MH", 2027, by=omar, at=now)

    assert count > 10
    assert again == 0
    assert Holiday.objects.get(day=date(2027, 1, 26)).name == "Clinic day"
    assert Holiday.objects.get(day=date(2027, 8, 15)).is_closed
    assert ClinicSettings.load().holiday_country == "IN-MH"


@pytest.mark.parametrize(("country", "region"), [("XX", ""), ("DE", "MH")])
def test_a_country_or_region_nobody_knows_is_refused(omar, now, country, region):
    with pytest.raises(closures.NoSuchCountry):
        closures.import_holidays(country, region, 2027, by=omar, at=now)


def test_two_rooms_of_one_name_and_impossible_lengths_are_refused(omar, now):
    room, _ = rooms.add_room("Room 1", by=omar, at=now), rooms.add_room("Room 2", by=omar, at=now)

    with pytest.raises(Conflict):
        rooms.change_room(room, name=" room 2", is_active=True, by=omar, at=now)
    for minutes, pause in ((3, 0), (50, 121)):
        with pytest.raises(DomainError):
            rooms.set_visit_default(
                "followup", doctor=None, duration_minutes=minutes, buffer_minutes=pause, by=omar, at=now
            )


PAGES = ("time_off", "holidays", "rooms", "lengths")
MAY_READ = {
    "asha": {"time_off": 200, "holidays": 403, "rooms": 403, "lengths": 200},
    "rita": dict.fromkeys(PAGES, 200),
    "omar": dict.fromkeys(PAGES, 200),
}


@pytest.mark.parametrize("person", list(MAY_READ))
def test_who_opens_which_page(request, signed_in, asha, ben, person):
    client = signed_in(request.getfixturevalue(person))

    assert {name: client.get(page(name)).status_code for name in PAGES} == MAY_READ[person]
    assert client.get(page("hours", asha.pk)).status_code == 200
    assert client.get(page("hours", ben.pk)).status_code == (404 if person == "asha" else 200)
    assert client.get(page("start")).status_code == (302 if person == "asha" else 200)


def test_the_desk_reads_what_the_administrator_sets(signed_in, rita, omar):
    room, holiday = make_room("Room 1"), make_holiday(timezone.localdate())
    writes = [
        ("change_room", [room.pk], {"is_active": "0"}),
        ("change_holiday", [holiday.pk], {"do": "work"}),
        ("import_holidays", [], {"country": "IN", "year": "2027"}),
        ("rooms", [], {"name": "Room 2"}),
        ("holidays", [], {"day": "2027-05-05", "name": "Own"}),
        ("lengths", [], {"followup-duration_minutes": "30"}),
    ]
    client = signed_in(rita)
    assert "Take out of use" not in client.get(page("rooms")).content.decode()

    assert {client.post(page(name, *args), data).status_code for name, args, data in writes} == {403}
    assert not VisitDefault.objects.exists()
    assert {signed_in(omar).post(page(name, *args), data).status_code for name, args, data in writes} == {302}

    room.refresh_from_db()
    holiday.refresh_from_db()
    assert (room.is_active, room.name, holiday.is_closed) == (False, "Room 1", False)
    assert Room.objects.count() == 2
    refused = signed_in(omar).post(page("change_room", room.pk), {f"{room.pk}-name": ""}, follow=True)
    assert "The room keeps its name." in refused.content.decode()
    assert VisitDefault.objects.get(appointment_type="followup").duration_minutes == 30


def week(**changes):
    return {"valid_from": "2026-11-30", "d0-starts": "09:00", "d0-ends": "17:00", **changes}


def test_a_doctor_copies_monday_and_saves_the_week(signed_in, asha):
    client, address = signed_in(asha), page("hours", asha.pk)
    data = week(**{"d0-break0_starts": "13:00", "d0-break0_ends": "14:00", "d2-starts": "11:00", "d2-ends": "12:00"})

    copied = client.post(address, {**data, "copy_monday": "1"})
    days = copied.context["days"]
    assert [day["starts"].value() for day in days] == ["09:00"] * 5 + [None] * 2
    assert not WorkingHours.objects.exists()
    shown = {bound.html_name: bound.value() or "" for day in days for bound in day}
    saved = client.post(address, {**data, **shown})

    assert saved.status_code == 302
    assert asha.working_hours.filter(kind="work").count() == 5
    assert asha.working_hours.filter(kind="break", starts=time(13), ends=time(14)).count() == 5


def test_a_week_with_gaps_and_breaks_comes_back_as_it_was_entered(signed_in, asha):
    make_hours(asha, "09:00", "12:00", days=[0])
    make_hours(asha, "13:00", "18:00", days=[0])
    make_hours(asha, "15:00", "15:30", days=[0], kind="break")

    monday = signed_in(asha).get(page("hours", asha.pk)).context["days"][0]

    assert (monday["starts"].value(), monday["ends"].value()) == (time(9), time(18))
    assert [(starts.value(), ends.value()) for starts, ends in monday.break_fields] == [
        (time(12), time(13)),
        (time(15), time(15, 30)),
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"d0-ends": ""}, "Enter both times"),
        ({"d0-ends": "08:00"}, "Enter an end after the beginning"),
        ({"d3-break0_starts": "12:00", "d3-break0_ends": "13:00"}, "Enter the hours around the break"),
        ({"d0-starts": "", "d0-ends": ""}, "one day at least"),
        ({"valid_until": "2026-11-01"}, "Enter a day after the first one"),
    ],
)
def test_what_is_wrong_with_a_week_is_said(signed_in, asha, changes, words):
    response = signed_in(asha).post(page("hours", asha.pk), week(**changes))

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not WorkingHours.objects.exists()


def test_hours_name_the_visits_outside_them_and_move_none(signed_in, asha, rita):
    start = (timezone.now() + timedelta(days=2)).replace(hour=16, minute=0, second=0, microsecond=0)
    visit = make_appointment(asha, scheduled_at=start)  # 21:30 at the clinic
    client = signed_in(rita)

    days = {f"d{day}-{name}": value for day in range(7) for name, value in (("starts", "09:00"), ("ends", "17:00"))}
    client.post(page("hours", asha.pk), {**week(), **days, "valid_from": timezone.localdate().isoformat()})
    html = client.get(page("hours", asha.pk)).content.decode()

    assert reverse("scheduling:move", args=[visit.pk]) in html
    assert "outside the doctor’s working hours" in html
    visit.refresh_from_db()
    assert visit.status == "scheduled"


def test_time_off_of_whole_days_is_entered_shown_and_taken_back(signed_in, asha, ben):
    day = timezone.localdate() + timedelta(days=3)
    client = signed_in(asha)
    data = {"kind": "leave", "doctor": str(asha.pk), "first_day": day.isoformat(), "title": "Conference"}

    assert client.post(page("time_off"), {**data, "last_day": (day + timedelta(days=1)).isoformat()}).status_code == 302
    entry = TimeOff.objects.get()
    assert entry.ends_at - entry.starts_at == timedelta(days=2)
    assert "Conference" in client.get(page("time_off")).content.decode()
    assert signed_in(ben).post(page("remove_time_off", entry.pk)).status_code == 404
    client.post(page("remove_time_off", entry.pk))

    assert not TimeOff.objects.exists()


def test_a_meeting_of_all_is_the_desks_to_enter_and_a_doctors_to_see(signed_in, asha, rita):
    day = (timezone.localdate() + timedelta(days=3)).isoformat()
    data = {"kind": "meeting", "title": "Team meeting", "doctor": "", "first_day": day}

    assert signed_in(asha).post(page("time_off"), data).status_code == 422
    signed_in(rita).post(page("time_off"), {**data, "first_clock": "09:00", "last_clock": "10:00"})

    entry = TimeOff.objects.get()
    assert (entry.doctor, entry.ends_at - entry.starts_at) == (None, timedelta(hours=1))
    client = signed_in(asha)
    assert "Team meeting" in client.get(page("time_off")).content.decode()
    assert client.post(page("remove_time_off", entry.pk)).status_code == 403


def test_time_off_that_ends_before_it_begins_is_refused(signed_in, rita):
    data = {"kind": "leave", "first_day": "2027-03-05", "last_day": "2027-03-01"}

    response = signed_in(rita).post(page("time_off"), data)

    assert response.status_code == 422
    assert not TimeOff.objects.exists()


def test_a_doctors_own_length_is_set_and_given_up(signed_in, asha):
    client = signed_in(asha)

    client.post(page("lengths"), {"followup-duration_minutes": "25", "followup-buffer_minutes": "5"})
    assert VisitDefault.objects.get(doctor=asha).buffer_minutes == 5
    client.post(page("lengths"), {"followup-duration_minutes": ""})

    assert not VisitDefault.objects.exists()


def test_imported_busy_times_are_not_removed_by_hand(signed_in, rita, asha):
    start = timezone.now() + timedelta(days=1)
    calendar = BusyCalendar.objects.create(doctor=asha, label="Home", read_at=start)
    entry = make_time_off(asha, start, start + timedelta(hours=1), calendar=calendar, kind="imported")

    assert signed_in(rita).post(page("remove_time_off", entry.pk)).status_code == 404
