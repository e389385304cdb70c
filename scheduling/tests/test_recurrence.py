"""Rules that repeat: read and written, their days, their moments across clock changes, their words, how they move."""

from datetime import UTC, date, datetime, time
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from scheduling.series.recurrence import (
    BadRule,
    Frequency,
    Rule,
    describe,
    moment_of,
    move_days,
    next_open_day,
    pair_days,
)

TUESDAY = date(2026, 1, 6)


def some(rule: Rule, first: date, count: int) -> list[str]:
    return [day.isoformat() for day in islice(rule.days(first), count)]


@pytest.mark.parametrize(
    ("text", "first", "days"),
    [
        ("FREQ=WEEKLY;BYDAY=TU", TUESDAY, ["2026-01-06", "2026-01-13", "2026-01-20"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR", TUESDAY, ["2026-01-06", "2026-01-09", "2026-01-20", "2026-01-23"]),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=2", TUESDAY, ["2026-01-06", "2026-01-13"]),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260113", TUESDAY, ["2026-01-06", "2026-01-13"]),
        ("FREQ=MONTHLY;BYDAY=1TU", TUESDAY, ["2026-01-06", "2026-02-03", "2026-03-03"]),
        ("FREQ=MONTHLY;BYDAY=-1TU", TUESDAY, ["2026-01-27", "2026-02-24", "2026-03-31"]),
        ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=6", TUESDAY, ["2026-01-06", "2026-04-06", "2026-07-06"]),
    ],
)
def test_a_rule_gives_its_days_and_is_written_as_it_was_read(text, first, days):
    rule = Rule.parse(text)

    assert some(rule, first, len(days)) == days
    assert str(rule) == text


def test_a_month_too_short_for_the_day_takes_its_last_one():
    rule = Rule(Frequency.MONTHLY, month_day=31)

    assert some(rule, date(2026, 1, 31), 4) == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]
    assert Rule.parse(str(rule)) == rule
    assert some(Rule(Frequency.MONTHLY, month_day=30), date(2028, 1, 30), 2) == ["2028-01-30", "2028-02-29"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FREQ=DAILY",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=TU;COUNT=3;UNTIL=20260301",
        "FREQ=WEEKLY;BYDAY=TU;COUNT=0",
        "FREQ=WEEKLY;BYDAY=TU;INTERVAL=0",
        "FREQ=WEEKLY;BYDAY=TU;BYHOUR=9",
        "FREQ=WEEKLY;BYDAY=TU;WKST=SU",
        "FREQ=MONTHLY",
        "FREQ=MONTHLY;BYDAY=5TU",
        "FREQ=MONTHLY;BYDAY=1TU,2TU",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYMONTHDAY=1,15",
    ],
)
def test_what_is_outside_the_subset_is_refused(text):
    with pytest.raises(BadRule):
        Rule.parse(text)


def test_a_series_begins_on_the_first_day_that_fits_and_counts_its_weeks_from_there():
    rule = Rule(Frequency.WEEKLY, interval=2, weekdays=(1,))

    first = rule.first_from(date(2026, 1, 7))

    assert some(rule, first, 2) == ["2026-01-13", "2026-01-27"]


ZONES = [
    # Zone, a rule day before and after the clocks change, and UTC's hours of 10:00 on each.
    ("Asia/Kolkata", date(2026, 3, 24), date(2026, 3, 31), "04:30", "04:30"),
    ("Europe/Berlin", date(2026, 3, 24), date(2026, 3, 31), "09:00", "08:00"),
    ("America/New_York", date(2026, 10, 27), date(2026, 11, 3), "14:00", "15:00"),
    ("Australia/Sydney", date(2026, 3, 31), date(2026, 4, 7), "23:00", "00:00"),
    ("Australia/Sydney", date(2026, 9, 29), date(2026, 10, 6), "00:00", "23:00"),
]


@pytest.mark.parametrize(("zone", "before", "after", "utc_before", "utc_after"), ZONES)
def test_ten_stays_ten_when_the_clocks_change(zone, before, after, utc_before, utc_after):
    rule = Rule(Frequency.WEEKLY, weekdays=(1,))
    first, second = [moment_of(day, time(10), ZoneInfo(zone)) for day in islice(rule.days(before), 2)]

    assert second.date() == after
    assert [f"{moment:%H:%M}" for moment in (first, second)] == ["10:00", "10:00"]
    assert [f"{moment.astimezone(UTC):%H:%M}" for moment in (first, second)] == [utc_before, utc_after]


@pytest.mark.parametrize(
    ("zone", "day", "clock", "utc"),
    [
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), datetime(2026, 3, 29, 1, 0)),
        ("Australia/Sydney", date(2026, 10, 4), time(2, 15), datetime(2026, 10, 3, 16, 0)),
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30)),
        ("America/New_York", date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30)),
    ],
)
def test_a_skipped_time_is_the_first_there_is_and_of_a_repeated_one_the_first_is_meant(zone, day, clock, utc):
    assert moment_of(day, clock, ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None) == utc


@pytest.mark.parametrize(
    ("rule", "left_out", "words"),
    [
        (Rule(Frequency.WEEKLY, weekdays=(1,)), 0, "Every week on Tuesday at 10:00"),
        (Rule(Frequency.WEEKLY, 2, weekdays=(1,), times=12), 0, "Every 2 weeks on Tuesday at 10:00, 12 times"),
        (
            Rule(Frequency.WEEKLY, weekdays=(0, 2, 4), times=12),
            2,
            "Every week on Monday, Wednesday and Friday at 10:00, 10 times",
        ),
        (
            Rule(Frequency.WEEKLY, weekdays=(1,), until=date(2026, 3, 3)),
            1,
            "Every week on Tuesday at 10:00, until 3 March 2026",
        ),
        (Rule(Frequency.MONTHLY, nth=-1, weekday=3, times=1), 0, "Every month on the last Thursday at 10:00, once"),
        (Rule(Frequency.MONTHLY, 2, month_day=15), 0, "Every 2 months on day 15 at 10:00"),
        (Rule(Frequency.MONTHLY, month_day=31), 0, "Every month on the last day at 10:00"),
    ],
)
def test_a_rule_is_said_in_words(rule, left_out, words):
    assert describe(rule, clock=time(10), left_out=left_out) == words


def moved(rule: Rule, days: list[date], old: date, new: date) -> tuple[str, list[str]]:
    found, pairs = move_days(rule, days, old=old, new=new)
    return str(found), [pairs[day].isoformat() for day in days]


def test_moving_one_day_takes_the_others_of_its_weekday_along():
    weekly = Rule(Frequency.WEEKLY, weekdays=(1, 4), times=4)
    days = list(weekly.days(TUESDAY))

    assert moved(weekly, days, TUESDAY, date(2026, 1, 7)) == (
        "FREQ=WEEKLY;BYDAY=WE,FR",
        ["2026-01-07", "2026-01-09", "2026-01-14", "2026-01-16"],
    )
    # From the second Friday on, to the Monday after it.
    assert moved(weekly, days[1:], days[1], date(2026, 1, 12)) == (
        "FREQ=WEEKLY;BYDAY=MO,TU",
        ["2026-01-12", "2026-01-13", "2026-01-19"],
    )


def test_two_visits_do_not_fall_on_one_day_and_what_no_rule_says_is_refused():
    weekly = Rule(Frequency.WEEKLY, 2, weekdays=(1, 4))
    days = list(islice(weekly.days(TUESDAY), 4))

    with pytest.raises(BadRule, match="Friday already"):
        move_days(weekly, days, old=TUESDAY, new=days[1])
    with pytest.raises(BadRule, match="so far"):
        move_days(weekly, days, old=days[1], new=date(2026, 1, 12))


@pytest.mark.parametrize(
    ("rule", "new", "text", "days"),
    [
        (Rule(Frequency.MONTHLY, nth=2, weekday=1), date(2026, 1, 15), "BYDAY=3TH", ["2026-01-15", "2026-02-19"]),
        (Rule(Frequency.MONTHLY, nth=2, weekday=1), date(2026, 1, 30), "BYDAY=-1FR", ["2026-01-30", "2026-02-27"]),
        (Rule(Frequency.MONTHLY, nth=-1, weekday=1), date(2026, 1, 28), "BYDAY=-1WE", ["2026-01-28", "2026-02-25"]),
        (Rule(Frequency.MONTHLY, month_day=31), date(2026, 2, 2), "BYMONTHDAY=2", ["2026-02-02", "2026-03-02"]),
    ],
)
def test_a_monthly_rule_moves_to_what_the_new_day_is(rule, new, text, days):
    old = list(islice(rule.days(rule.first_from(date(2026, 1, 1))), 2))

    assert moved(rule, old, old[0], new) == (f"FREQ=MONTHLY;{text}", days)


def test_days_of_another_cadence_stand_for_those_of_their_week():
    weekly = [date(2026, 1, day) for day in (6, 13, 20, 27)]

    assert pair_days(weekly, [date(2026, 1, 8), date(2026, 1, 22)]) == {
        weekly[0]: date(2026, 1, 8),
        weekly[2]: date(2026, 1, 22),
    }
    # The same day comes first, whatever the order.
    assert pair_days([date(2026, 1, 6), date(2026, 1, 8)], [date(2026, 1, 8)]) == {date(2026, 1, 8): date(2026, 1, 8)}


def test_the_next_open_day_is_found_or_the_day_itself_when_a_fortnight_has_none():
    assert next_open_day(date(2026, 1, 9), is_open=lambda day: day.weekday() < 5) == date(2026, 1, 12)
    assert next_open_day(TUESDAY, is_open=lambda day: False) == TUESDAY
