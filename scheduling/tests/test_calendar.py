"""Days, weeks and the grid: wall clocks, clock changes, lanes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.calendar.layout import NoSuchTime, Span, at_wall_clock, day_bounds, lay_out, month_weeks, week_of

BERLIN = ZoneInfo("Europe/Berlin")  # 30 March 2025 has 23 hours, 26 October 2025 has 25
KOLKATA = ZoneInfo("Asia/Kolkata")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")  # its clocks skipped midnight until 2018


def span(start, minutes, *, column=1, item="visit"):
    return Span(item, column, start, start + timedelta(minutes=minutes))


def lanes(grid):
    return [(block.item, block.lane, block.lanes) for block in grid.blocks]


def test_a_day_has_23_hours_when_the_clocks_go_forward_and_25_when_they_go_back():
    spring = day_bounds(date(2025, 3, 30), BERLIN)
    autumn = day_bounds(date(2025, 10, 26), BERLIN)

    assert spring[1].astimezone(UTC) - spring[0].astimezone(UTC) == timedelta(hours=23)
    assert autumn[1].astimezone(UTC) - autumn[0].astimezone(UTC) == timedelta(hours=25)


def test_a_day_whose_midnight_is_skipped_begins_after_it():
    start, end = day_bounds(date(2018, 11, 4), SAO_PAULO)

    assert start.astimezone(SAO_PAULO).hour == 1
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=23)


def test_a_time_the_clocks_skip_cannot_be_booked():
    with pytest.raises(NoSuchTime):
        at_wall_clock(date(2025, 3, 30), time(2, 30), BERLIN)


def test_a_repeated_time_means_its_first_hour():
    moment = at_wall_clock(date(2025, 10, 26), time(2, 30), BERLIN)

    assert moment.astimezone(UTC) == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


def test_the_same_wall_clock_time_stands_in_the_same_row_before_and_after_a_clock_change():
    saturday = at_wall_clock(date(2025, 3, 29), time(10), BERLIN)
    sunday = at_wall_clock(date(2025, 3, 30), time(10), BERLIN)

    grid = lay_out([span(saturday, 50), span(sunday, 50, column=2)], zone=BERLIN, opening_hour=8, closing_hour=18)

    assert [(block.row, block.rows) for block in grid.blocks] == [(8, 4), (8, 4)]


def test_a_visit_across_a_clock_change_is_as_high_as_the_time_that_passes():
    start = at_wall_clock(date(2025, 3, 30), time(1, 45), BERLIN)

    grid = lay_out([span(start, 45)], zone=BERLIN, opening_hour=8, closing_hour=18)

    assert grid.blocks[0].rows == 3


def test_two_visits_in_both_halves_of_a_repeated_hour_stand_side_by_side():
    first = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)

    grid = lay_out(
        [span(first, 30), span(first + timedelta(hours=1), 30)], zone=BERLIN, opening_hour=8, closing_hour=18
    )

    assert [block.lanes for block in grid.blocks] == [2, 2]


def test_the_grid_stretches_to_an_early_and_a_late_visit():
    early = datetime(2025, 10, 14, 6, 30, tzinfo=KOLKATA)
    late = datetime(2025, 10, 14, 19, 30, tzinfo=KOLKATA)

    grid = lay_out([span(early, 30), span(late, 50)], zone=KOLKATA, opening_hour=8, closing_hour=18)

    assert (grid.first_hour, grid.row_count) == (6, 15 * 4)
    assert grid.hours[0].hour == 6
    assert grid.hours[-1].hour == 20
    assert [grid.hours[0].label, grid.hours[-1].label] == ["6:00", "20:00"]


def test_a_visit_past_midnight_ends_with_its_day():
    start = datetime(2025, 10, 14, 23, 30, tzinfo=KOLKATA)

    grid = lay_out([span(start, 90)], zone=KOLKATA, opening_hour=8, closing_hour=18)

    assert grid.blocks[0].rows == 2
    assert grid.row_count == 16 * 4


def test_visits_that_only_touch_share_a_lane():
    nine = datetime(2025, 10, 14, 9, tzinfo=KOLKATA)

    grid = lay_out(
        [span(nine, 30, item="a"), span(nine + timedelta(minutes=30), 30, item="b")],
        zone=KOLKATA,
        opening_hour=8,
        closing_hour=18,
    )

    assert lanes(grid) == [("a", 1, 1), ("b", 1, 1)]


def test_visits_at_one_time_get_lanes_and_a_freed_lane_is_used_again():
    nine = datetime(2025, 10, 14, 9, tzinfo=KOLKATA)

    grid = lay_out(
        [
            span(nine, 120, item="long"),
            span(nine, 45, item="first"),
            span(nine + timedelta(minutes=45), 45, item="second"),
            span(nine + timedelta(hours=4), 30, item="alone"),
        ],
        zone=KOLKATA,
        opening_hour=8,
        closing_hour=18,
    )

    assert lanes(grid) == [("long", 1, 2), ("first", 2, 2), ("second", 2, 2), ("alone", 1, 1)]


def test_lanes_belong_to_their_column():
    nine = datetime(2025, 10, 14, 9, tzinfo=KOLKATA)

    grid = lay_out([span(nine, 30, column=1), span(nine, 30, column=2)], zone=KOLKATA, opening_hour=8, closing_hour=18)

    assert [block.lanes for block in grid.blocks] == [1, 1]


def test_the_row_of_now_is_none_outside_the_grid():
    grid = lay_out([], zone=KOLKATA, opening_hour=8, closing_hour=18)

    assert grid.row_of(datetime(2025, 10, 14, 9, 20, tzinfo=KOLKATA), KOLKATA) == 5
    assert grid.row_of(datetime(2025, 10, 14, 20, 0, tzinfo=KOLKATA), KOLKATA) is None


def test_weeks_begin_on_monday_and_a_month_shows_every_week_that_touches_it():
    week = week_of(date(2025, 10, 19))
    weeks = month_weeks(date(2025, 10, 14))

    assert (week[0], week[-1]) == (date(2025, 10, 13), date(2025, 10, 19))
    assert (weeks[0][0], weeks[-1][-1]) == (date(2025, 9, 29), date(2025, 11, 2))
