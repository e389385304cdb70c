"""The calendar's pages besides the visits: revision, refreshing, filters, what is shaded and taken, print."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.urls import reverse

from patients.tests.factories import make_patient
from scheduling.calendar import boards
from scheduling.changes import calendar_revision
from scheduling.models import Appointment, Holiday, Room, TimeOff, WorkingHours
from scheduling.tests.factories import make_appointment
from synapse.audit.models import AuditEvent

MONDAY = datetime(2027, 3, 1, 4, 30, tzinfo=UTC)  # 10:00 at the clinic
HTMX = {"HX-Request": "true"}


def get(client, name="calendar", **query):
    return client.get(reverse(f"scheduling:{name}"), {"day": "2027-03-01", **query})


@pytest.fixture
def desk(signed_in, rita):
    return signed_in(rita)


def test_the_revision_is_told_only_to_who_has_not_seen_it(desk, asha):
    make_appointment(asha, scheduled_at=MONDAY)
    current = calendar_revision()

    assert desk.get(reverse("scheduling:revision"), {"seen": current}).status_code == 204
    assert desk.get(reverse("scheduling:revision"), {"seen": current - 1}).json() == {"revision": current}


def test_a_page_that_refreshes_itself_is_read_once_and_opening_it_again_is_another_reading(desk, asha):
    make_appointment(asha, scheduled_at=MONDAY)
    reads = AuditEvent.objects.filter(target_type="calendar", action="read")

    get(desk, view="week")
    for _ in range(3):
        fragment = desk.get(reverse("scheduling:calendar"), {"day": "2027-03-01", "view": "week"}, headers=HTMX)
    assert reads.count() == 1
    assert "<html" not in fragment.content.decode()
    get(desk, view="week")
    desk.get(reverse("scheduling:calendar"), {"day": "2027-03-01", "view": "month"}, headers=HTMX)

    assert reads.count() == 3


def test_a_room_shows_its_visits_only_and_counts_them(desk, asha):
    room = Room.objects.create(name="Room 2")
    inside = make_patient(doctor=asha, first_name="Grace", last_name="Novak")
    make_appointment(asha, patient=inside, scheduled_at=MONDAY, room=room)
    make_appointment(asha, scheduled_at=MONDAY + timedelta(hours=2))

    response = get(desk, view="week", room=str(room.pk))

    html = response.content.decode()
    assert "G. Novak" in html
    assert "K. Iyer" not in html
    assert f'data-visits-of-{asha.pk}="1"' in html
    # `data-count` are the rail's numbers: whoever counts one of them leaves the other alone.
    assert f"data-count-{asha.pk}" not in html


def test_hours_breaks_and_holidays_are_shaded(desk, asha):
    for kind, starts, ends in (("work", time(9), time(17)), ("break", time(13), time(14))):
        WorkingHours.objects.create(
            doctor=asha, kind=kind, weekday=0, starts=starts, ends=ends, valid_from=date(2027, 1, 1)
        )
    Holiday.objects.create(day=date(2027, 3, 2), name="Holi")

    board = get(desk, view="week", doctor=str(asha.pk)).context["board"]

    # The clinic opens at 8 and closes at 19: rows of a quarter hour from the top.
    assert board.columns[0].closed == [(0, 4), (20, 4), (36, 8)]
    assert board.columns[1].closed == [(0, 44)]
    assert board.columns[1].notes == ["Holi"]


def test_the_visits_of_a_doctor_who_left_are_still_there_to_be_moved(desk, asha, ben):
    make_appointment(ben, scheduled_at=MONDAY, patient=make_patient(doctor=ben, first_name="Grace", last_name="Novak"))
    ben.is_active = False
    ben.save()

    for view in ("week", "doctors", "agenda"):
        assert "Novak" in get(desk, view=view).content.decode()
    assert ben.display_name not in get(desk, view="week", day="2027-04-05").content.decode()


def test_a_week_shows_the_sunday_somebody_works(desk, asha):
    assert len(get(desk, view="week").context["board"].columns) == 6
    WorkingHours.objects.create(
        doctor=asha, kind="work", weekday=6, starts=time(9), ends=time(12), valid_from=date(2027, 1, 1)
    )

    assert get(desk, view="week").context["board"].columns[-1].day == date(2027, 3, 7)


def test_why_a_colleague_is_away_is_not_for_every_colleague(signed_in, desk, asha, ben):
    TimeOff.objects.create(
        doctor=asha, kind="leave", title="Operation", starts_at=MONDAY, ends_at=MONDAY + timedelta(hours=2)
    )
    TimeOff.objects.create(
        doctor=asha,
        kind="imported",
        title="Dentist",
        starts_at=MONDAY + timedelta(hours=4),
        ends_at=MONDAY + timedelta(hours=5),
    )

    for_desk = get(desk, view="doctors").content.decode()
    for_ben = get(signed_in(ben), view="doctors").content.decode()
    for_asha = get(signed_in(asha), view="doctors").content.decode()

    for html in (for_desk, for_ben, for_asha):
        assert "Dr Asha Rao away" in html
        assert "Busy elsewhere" in html or "Dentist" in html
    assert "Operation" in for_desk
    assert "Dentist" not in for_desk
    assert "Operation" not in for_ben
    assert "Dentist" in for_asha


def test_a_month_names_the_first_of_a_day_and_counts_the_others(desk, asha):
    for number in range(5):
        patient = make_patient(doctor=asha, first_name="Ada", last_name=f"Number{number}")
        make_appointment(asha, patient=patient, scheduled_at=MONDAY + timedelta(hours=number))

    html = get(desk, view="month").content.decode()

    assert "A. Number2" in html
    assert "Number3" not in html
    assert "2 more" in html


def test_what_was_printed_is_on_the_trail(desk, asha):
    make_appointment(asha, scheduled_at=MONDAY)

    html = get(desk, "print", view="week").content.decode()

    assert "Kavya Iyer" in html
    assert AuditEvent.objects.get(action="print").target_type == "calendar"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"arrived_at": MONDAY}, "arrived"),
        ({"patient_asked_at": MONDAY}, "asked for another time"),
        ({"overbooked": True}, "booked over another visit"),
        ({"priority": "urgent"}, "urgent"),
        ({"appointment_type": "telemedicine"}, "telemedicine, not confirmed"),
        ({"status": "no_show"}, "did not attend"),
    ],
)
def test_each_state_is_a_word_as_well_as_an_icon(desk, asha, fields, word):
    visit = make_appointment(asha, scheduled_at=MONDAY)
    Appointment.objects.filter(pk=visit.pk).update(**fields)

    assert word in get(desk, view="week").content.decode()


@pytest.mark.parametrize(("last", "with_sunday"), [("27", False), ("28", True)])
def test_the_title_of_a_week_ends_with_the_last_day_drawn(desk, asha, last, with_sunday):
    if with_sunday:
        make_appointment(asha, scheduled_at=datetime(2027, 2, 28, 6, tzinfo=UTC))

    response = desk.get(reverse("scheduling:calendar"), {"day": "2027-02-23", "view": "week"})

    assert f"22 – {last} February" in " ".join(response.content.decode().split())


def test_clinicians_who_find_no_column_are_counted(desk, asha, ben, monkeypatch):
    monkeypatch.setattr(boards, "MOST_COLUMNS", 1)

    everybody = get(desk, view="doctors").content.decode()
    one = get(desk, view="doctors", doctor=str(ben.pk)).content.decode()

    assert "1 clinician is shown, 1 more is not." in everybody
    assert "more is not" not in one
