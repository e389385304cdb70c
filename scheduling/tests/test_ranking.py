"""Who is first in line for a free time."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from scheduling.models import Appointment, WaitingEntry
from scheduling.waiting.ranking import FreeTime, does_fit, rank_matches, window_words
from synapse.accounts.models import User

KOLKATA = ZoneInfo("Asia/Kolkata")
RAO = User(pk=uuid4(), username="rao", first_name="Asha", last_name="Rao", role="doctor")
# Wednesday 3 March 2027, 9:30 to 10:20 at the clinic.
START = datetime(2027, 3, 3, 4, 0, tzinfo=UTC)
NOW = START - timedelta(days=1)
FREE = FreeTime(RAO.pk, START, START + timedelta(minutes=50), "followup")


def entry(days=1, **fields):
    made = WaitingEntry(patient_id=uuid4(), **{"appointment_type": "followup", "duration_minutes": 50, **fields})
    made.created_at = NOW - timedelta(days=days)
    return made


def rank(*entries, **options):
    return [match.entry for match in rank_matches(entries, FREE, zone=KOLKATA, at=NOW, **options)]


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"doctor": RAO}, True),
        ({"doctor_id": uuid4()}, False),
        ({"duration_minutes": 55}, False),
        ({"earliest_day": date(2027, 3, 3), "latest_day": date(2027, 3, 3)}, True),
        ({"earliest_day": date(2027, 3, 4)}, False),
        ({"latest_day": date(2027, 3, 2)}, False),
        ({"weekdays": [2]}, True),
        ({"weekdays": [0, 1]}, False),
        ({"from_clock": time(9, 30), "until_clock": time(10, 20)}, True),
        ({"from_clock": time(9, 31)}, False),
        ({"until_clock": time(10, 19)}, False),
        ({"until_clock": time(10, 0), "duration_minutes": 30}, True),
    ],
)
def test_a_time_fits_doctor_length_days_and_the_clinics_clock(fields, fits):
    assert does_fit(entry(**fields), FREE, zone=KOLKATA) is fits


def test_a_window_means_the_clocks_of_the_wall_on_both_sides_of_a_change():
    berlin = ZoneInfo("Europe/Berlin")
    mornings = entry(from_clock=time(9), until_clock=time(10))
    for day, hour in ((26, 8), (29, 7)):  # 9:00 in Berlin, the clocks change on 28 March 2027
        start = datetime(2027, 3, day, hour, tzinfo=UTC)
        assert does_fit(mornings, FreeTime(RAO.pk, start, start + timedelta(minutes=50)), zone=berlin)
        late = start + timedelta(hours=1)
        assert not does_fit(mornings, FreeTime(RAO.pk, late, late + timedelta(minutes=50)), zone=berlin)


def test_a_visit_that_runs_past_midnight_lies_in_no_window_that_ends():
    start = datetime(2027, 3, 3, 18, 0, tzinfo=UTC)  # 23:30
    night = FreeTime(RAO.pk, start, start + timedelta(minutes=50))

    assert not does_fit(entry(until_clock=time(23, 59)), night, zone=KOLKATA)


def test_a_time_left_by_a_video_visit_is_for_video_visits_only():
    video = FreeTime(RAO.pk, START, FREE.ends_at, "telemedicine")

    assert not does_fit(entry(), video, zone=KOLKATA)
    assert does_fit(entry(appointment_type="telemedicine"), video, zone=KOLKATA)
    assert does_fit(entry(appointment_type="telemedicine"), FREE, zone=KOLKATA)


def test_priority_comes_first_then_nearness_then_the_longest_wait():
    urgent = entry(1, priority="urgent")
    high_for_anybody = entry(90, priority="high")
    named_long = entry(20, doctor=RAO)
    named_short = entry(2, doctor=RAO)
    anybody = entry(60)
    other_type = entry(60, doctor=RAO, appointment_type="consultation")
    shorter = entry(60, doctor=RAO, duration_minutes=20)
    low = entry(300, doctor=RAO, priority="low")

    ranked = rank(low, shorter, other_type, anybody, named_short, named_long, high_for_anybody, urgent)

    assert ranked[:4] == [urgent, high_for_anybody, named_long, named_short]
    assert ranked[4] == other_type
    assert set(ranked[5:7]) == {anybody, shorter}
    assert ranked[7] == low


def test_whoever_has_a_visit_is_asked_only_about_an_earlier_one():
    later = entry(current_appointment=Appointment(scheduled_at=START + timedelta(days=2)))
    sooner = entry(current_appointment=Appointment(scheduled_at=START - timedelta(hours=2)))

    assert rank(later, sooner) == [later]


def test_whoever_has_another_visit_then_is_left_out():
    busy, free = entry(), entry()

    assert rank(busy, free, busy_patients={busy.patient_id}) == [free]


def test_the_reasons_are_said_in_words():
    waits = entry(
        12,
        doctor=RAO,
        priority="urgent",
        until_clock=time(12),
        current_appointment=Appointment(scheduled_at=datetime(2027, 3, 9, 20, 0, tzinfo=UTC)),
    )

    (match,) = rank_matches([waits], FREE, zone=KOLKATA, at=NOW)

    assert match.words == "urgent, mornings, Dr Asha Rao, has a visit on 10 March, waiting 12 days"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "any time"),
        ({"weekdays": [4, 0, 2]}, "Mondays, Wednesdays and Fridays"),
        ({"weekdays": [0, 1, 2, 3, 4, 5, 6]}, "any time"),
        ({"weekdays": [0, 1, 2, 3, 4]}, "weekdays"),
        ({"weekdays": [5, 6]}, "weekends"),
        ({"from_clock": time(12)}, "afternoons"),
        ({"from_clock": time(16)}, "from 16:00"),
        ({"until_clock": time(9, 30)}, "until 9:30"),
        ({"from_clock": time(9), "until_clock": time(11, 30)}, "9:00 to 11:30"),
        ({"earliest_day": date(2027, 3, 3)}, "from 3 March"),
        (
            {"weekdays": [0], "earliest_day": date(2027, 3, 3), "latest_day": date(2027, 4, 1)},
            "Mondays, 3 March to 1 April",
        ),
    ],
)
def test_a_window_is_said_in_words(fields, words):
    assert window_words(entry(**fields)) == words
