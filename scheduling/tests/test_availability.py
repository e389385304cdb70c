"""When a doctor can see somebody, without a database."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.availability.rules import (
    Booked,
    Diary,
    Hours,
    Obstacle,
    Opening,
    Span,
    Why,
    free_starts,
    obstacle,
    wall_moment,
    work_of,
)

BERLIN, KOLKATA, SYDNEY = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Sydney")
MONDAY = date(2027, 3, 1)
LENGTH = timedelta(minutes=50)
ALWAYS = date(2020, 1, 1)


def clock(day, text, zone=KOLKATA):
    return datetime.combine(day, time.fromisoformat(text), tzinfo=zone).astimezone(UTC)


def span(start, end, day=MONDAY, zone=KOLKATA):
    return Span(clock(day, start, zone), clock(day, end, zone))


def hours(start, end, weekday=0, **fields):
    fields.setdefault("valid_from", ALWAYS)
    return Hours(weekday, time.fromisoformat(start), time.fromisoformat(end), **fields)


def diary(*rows, zone=KOLKATA, **fields):
    return Diary(zone=zone, opening=Opening(8, 19, zone), hours=rows, **fields)


def starts(of, day=MONDAY, length=LENGTH, zone=KOLKATA, **fields):
    window = Span(clock(day, "00:00", zone), clock(day + timedelta(days=1), "00:00", zone))
    return [f"{at.astimezone(zone):%H:%M}" for at, _ in free_starts(of, window, length=length, **fields)]


def test_a_doctor_without_hours_works_while_the_clinic_is_open_on_any_day():
    sunday = date(2027, 3, 7)

    found = starts(diary(), sunday)

    assert (found[0], found[-1], len(found)) == ("08:00", "18:00", 41)
    assert obstacle(diary(), span("22:00", "22:50")) is None


def test_hours_say_when_visits_begin_and_that_other_days_are_off():
    works = diary(hours("09:00", "11:00"))

    assert starts(works) == ["09:00", "09:15", "09:30", "09:45", "10:00"]
    assert starts(works, MONDAY + timedelta(days=1)) == []
    assert obstacle(works, span("10:30", "11:20")) == Obstacle(Why.HOURS)
    assert obstacle(works, span("10:10", "11:00")) is None


def test_beginnings_follow_the_beginning_of_the_work():
    assert starts(diary(hours("09:10", "10:20"))) == ["09:10", "09:25"]


def test_a_break_parts_the_day():
    works = diary(hours("09:00", "12:00"), hours("10:00", "10:20", is_break=True))

    assert starts(works) == ["09:00", "10:20", "10:35", "10:50", "11:05"]
    assert obstacle(works, span("09:30", "10:10")) == Obstacle(Why.BREAK)


def test_hours_that_follow_one_another_are_one_to_a_visit_that_is_asked_for():
    assert obstacle(diary(hours("09:00", "12:00"), hours("12:00", "15:00")), span("11:30", "12:20")) is None


def test_hours_count_while_they_are_valid_and_from_their_first_day_on():
    until = hours("09:00", "10:00", valid_until=MONDAY)
    after = hours("14:00", "15:00", valid_from=MONDAY + timedelta(days=7))

    assert starts(diary(until, after)) == ["09:00"]
    assert starts(diary(until, after), MONDAY + timedelta(days=7)) == ["14:00"]
    # Nobody has said anything yet about days before the first.
    assert len(starts(diary(after))) == 41


def test_a_closed_day_and_time_off_offer_nothing():
    works = hours("09:00", "12:00")
    closed = diary(works, closed_days={MONDAY: "Holi"})
    away = diary(works, off=[span("09:30", "11:00")])

    assert starts(closed) == []
    assert obstacle(closed, span("09:00", "09:50")) == Obstacle(Why.HOLIDAY, "Holi")
    assert starts(away) == ["11:00"]
    assert obstacle(away, span("10:30", "11:20")) == Obstacle(Why.TIME_OFF)


def test_pauses_keep_visits_apart_and_may_reach_over_the_end_of_the_day():
    beside = diary(hours("09:00", "13:00"), visits=[Booked(*span("10:30", "11:00"), timedelta(minutes=10))])

    assert starts(beside, buffer=timedelta(minutes=10)) == [
        "09:00",
        "09:15",
        "09:30",
        "11:15",
        "11:30",
        "11:45",
        "12:00",
    ]
    assert obstacle(beside, span("11:00", "11:50")) == Obstacle(Why.BUFFER)
    assert obstacle(beside, span("09:35", "10:25"), buffer=timedelta(minutes=10)) == Obstacle(Why.BUFFER)
    assert obstacle(beside, span("12:10", "13:00"), buffer=timedelta(minutes=10)) is None


def test_a_held_time_is_not_offered():
    held = diary(hours("09:00", "11:00"), holds=[span("09:00", "09:50")])

    assert starts(held) == ["10:00"]
    assert obstacle(held, span("09:30", "10:20")) == Obstacle(Why.HELD)


def test_a_visit_lies_within_the_window():
    window = span("09:20", "10:40")

    found = list(free_starts(diary(hours("09:00", "12:00")), window, length=LENGTH))

    assert [f"{at.astimezone(KOLKATA):%H:%M}" for at, _ in found] == ["09:30", "09:45"]


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        (BERLIN, date(2027, 3, 28)),
        (BERLIN, date(2027, 10, 31)),
        (SYDNEY, date(2027, 4, 4)),
        (SYDNEY, date(2027, 10, 3)),
        (KOLKATA, date(2027, 3, 28)),
    ],
)
def test_work_begins_and_ends_by_the_wall_clock_around_every_change_of_the_clocks(zone, change):
    works = diary(*(hours("09:00", "12:00", weekday) for weekday in range(7)), zone=zone)

    for day in (change - timedelta(days=1), change, change + timedelta(days=1)):
        assert starts(works, day, zone=zone)[::4] == ["09:00", "10:00", "11:00"]
        assert [f"{moment.astimezone(zone):%H:%M}" for moment in work_of(works, day)[0][:2]] == ["09:00", "12:00"]


def test_a_night_of_the_clock_change_has_an_hour_less_or_more_work():
    works = diary(hours("00:00", "06:00", weekday=6), zone=BERLIN)
    spring, autumn = date(2027, 3, 28), date(2027, 10, 31)

    lengths = [work.end - work.start for day in (spring, autumn) for work in work_of(works, day)]

    assert lengths == [timedelta(hours=5), timedelta(hours=7)]
    assert "02:30" not in starts(works, spring, zone=BERLIN)


def test_work_that_begins_at_a_time_the_clocks_skip_begins_when_they_have():
    spring = date(2027, 3, 28)

    assert wall_moment(spring, time(2, 30), BERLIN) == wall_moment(spring, time(3), BERLIN)
