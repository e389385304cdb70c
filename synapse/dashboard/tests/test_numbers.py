"""The numbers on tiny data counted by hand, and who sees whose."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scheduling.models import Appointment, FreedSlot, Holiday, TimeOff, WorkingHours
from scheduling.services.waiting_figures import fill_figures
from scheduling.tests.factories import make_appointment
from synapse.audit.models import AuditEvent
from synapse.dashboard.counting import count_by_bucket, count_visits
from synapse.dashboard.numbers import (
    Period,
    Rate,
    Tally,
    add_up,
    buckets_of,
    figures_of,
    period_of,
    reminder_effect,
)
from synapse.web.charts import Series, bar_rows, nice_step, stack_columns
from synapse.web.csv import harmless

KOLKATA = ZoneInfo("Asia/Kolkata")
WEEK = Period("week", date(2026, 3, 2), date(2026, 3, 8))
NOON = datetime(2026, 3, 4, 6, 30, tzinfo=UTC)  # Wednesday, 12:00 at the clinic
PAGE = "/numbers/"


def visit_at(doctor, hours, **fields):
    return make_appointment(doctor, scheduled_at=NOON + timedelta(hours=hours), **fields)


def counted(doctor, period=WEEK):
    [found] = count_visits([doctor], period, zone=KOLKATA, at=NOON)
    return found


def work(doctor, weekday, starts, ends, kind="work"):
    WorkingHours.objects.create(
        doctor=doctor, kind=kind, weekday=weekday, starts=starts, ends=ends, valid_from=date(2026, 1, 1)
    )


@pytest.mark.parametrize(
    ("kind", "first", "last", "before"),
    [
        ("week", date(2026, 3, 2), date(2026, 3, 8), date(2026, 2, 23)),
        ("month", date(2026, 3, 1), date(2026, 3, 31), date(2026, 2, 1)),
        ("quarter", date(2026, 1, 1), date(2026, 3, 31), date(2025, 10, 1)),
    ],
)
def test_a_period_holds_its_day_and_knows_the_one_before(kind, first, last, before):
    period = period_of(kind, date(2026, 3, 4))

    assert (period.first, period.last, period.before.first) == (first, last, before)
    assert period.before.after == period


def test_days_of_ones_own_are_compared_with_as_many_before():
    assert Period("custom", date(2026, 3, 1), date(2026, 3, 10)).before == Period(
        "custom", date(2026, 2, 19), date(2026, 2, 28)
    )


@pytest.mark.parametrize(
    ("period", "number", "first_label"),
    [
        (WEEK, 7, "Mon 2"),
        (period_of("month", date(2026, 3, 4)), 6, "1 Mar"),
        (period_of("quarter", date(2026, 3, 4)), 14, "1 Jan"),
        (Period("custom", date(2025, 1, 15), date(2026, 1, 14)), 13, "Jan"),
        (Period("custom", date(2024, 1, 1), date(2025, 12, 31)), 8, "Q1 24"),
    ],
)
def test_a_chart_has_at_most_fourteen_columns_that_cover_the_period(period, number, first_label):
    buckets = buckets_of(period)

    assert (len(buckets), buckets[0].label) == (number, first_label)
    assert (buckets[0].first, buckets[-1].last) == (period.first, period.last)
    assert all(one.last + timedelta(days=1) == two.first for one, two in pairwise(buckets))


def test_figures_follow_from_counts_by_hand():
    now = Tally(
        available_minutes=600,
        booked_minutes=300,
        held_minutes=150,
        planned=10,
        held=3,
        no_show=1,
        cancelled=2,
        cancelled_late=1,
        moved=2,
        new_patients=1,
        follow_ups=2,
        freed=4,
        filled=3,
        lead_days=(1.0, 3.0, 8.0),
    )
    before = Tally(planned=4, held=4, lead_days=(2.0, 3.0))

    shown = {figure.definition.name: figure.shown for figure in figures_of(now, before)}
    changes = {figure.definition.name: figure.change for figure in figures_of(now, before)}

    assert shown == {
        "booked_share": "50 %",
        "held_share": "25 %",
        "no_show_rate": "25 %",
        "cancellation_rate": "20 %",
        "late_cancellation_rate": "10 %",
        "lead_days": "3 days",
        "moved_rate": "16.7 %",
        "fill_rate": "75 %",
        "held": "3",
        "walk_ins": "0",
        "new_share": "33.3 %",
        "follow_up_share": "66.7 %",
    }
    assert changes["no_show_rate"] == "25 points more than before"
    assert changes["lead_days"] == "0.5 days more than before"
    assert changes["held"] == "1 less than before"
    assert changes["booked_share"] == "nothing to compare with"


def test_several_clinicians_add_up_and_unknown_hours_stay_unknown():
    total = add_up([Tally(available_minutes=60, held=1, lead_days=(1.0,)), Tally(held=2, lead_days=(4.0,))])

    assert (total.available_minutes, total.held, total.lead_days) == (60, 3, (1.0, 4.0))
    assert add_up([Tally(), Tally()]).available_minutes is None


def test_the_effect_of_reminders_compares_those_who_came_with_those_who_did_not():
    tally = Tally(held=8, no_show=2, reminded_held=5, reminded_no_show=1, confirmed_held=6, confirmed_no_show=0)

    assert [(one.rate.part, one.rate.whole) for one in reminder_effect(tally)] == [(1, 6), (1, 4), (0, 6), (2, 4)]
    assert Rate(0, 0).percent is None


def test_hours_are_written_so_that_their_share_adds_up():
    figures = figures_of(Tally(available_minutes=9120, booked_minutes=450), Tally())
    booked = next(one for one in figures if one.definition.name == "booked_share")

    assert (booked.shown, booked.detail) == ("4.9 %", "7.5 of 152 h")


def test_visits_are_counted_by_what_became_of_them(asha, now):
    for hours, status in [(-4, "completed"), (-3, "no_show"), (2, "cancelled"), (3, "rescheduled"), (4, "confirmed")]:
        visit_at(asha, hours, status=status, duration_minutes=30, at=NOON - timedelta(days=3))
    visit_at(asha, -2, status="completed", duration_minutes=30, appointment_type="new_patient")
    visit_at(asha, 24 * 6)  # the week after

    found = counted(asha).now

    assert (found.planned, found.held, found.no_show, found.cancelled, found.moved) == (5, 2, 1, 1, 1)
    assert (found.booked_minutes, found.held_minutes) == (120, 60)
    assert (found.new_patients, found.follow_ups) == (1, 1)
    assert counted(asha).before == Tally()


def test_a_visit_counts_in_the_clinics_week(asha):
    make_appointment(asha, scheduled_at=datetime(2026, 3, 1, 19, 0, tzinfo=UTC))  # Monday, 0:30 at the clinic
    make_appointment(asha, scheduled_at=datetime(2026, 3, 1, 18, 0, tzinfo=UTC))  # Sunday, 23:30

    assert (counted(asha).now.planned, counted(asha).before.planned) == (1, 1)


def test_late_is_within_the_notice(asha):
    early, late = visit_at(asha, 48), visit_at(asha, 50)
    Appointment.objects.filter(pk=early.pk).update(status="cancelled", cancelled_at=NOON + timedelta(hours=23))
    Appointment.objects.filter(pk=late.pk).update(status="cancelled", cancelled_at=NOON + timedelta(hours=27))

    found = counted(asha).now

    assert (found.cancelled, found.cancelled_late) == (2, 1)


def test_lead_time_is_from_booking_to_visit_without_walk_ins(asha):
    for days, fields in [(2, {}), (6, {}), (1, {"is_walk_in": True})]:
        visit = visit_at(asha, days)
        Appointment.objects.filter(pk=visit.pk).update(created_at=visit.scheduled_at - timedelta(days=days), **fields)

    assert counted(asha).now.lead_days == (2.0, 6.0)


def test_reminded_and_confirmed_visits_are_counted_apart(asha):
    came, missed = visit_at(asha, -3, status="completed"), visit_at(asha, -2, status="no_show")
    Appointment.objects.filter(pk=came.pk).update(reminder_sent=True, confirmed_at=NOON)
    Appointment.objects.filter(pk=missed.pk).update(reminder_sent=True)

    found = counted(asha).now

    assert (found.reminded_held, found.reminded_no_show) == (1, 1)
    assert (found.confirmed_held, found.confirmed_no_show) == (1, 0)


def test_the_fill_rate_is_that_of_the_waiting_lists_own_page(asha, ben):
    for doctor, status, filled_at in [(asha, "open", None), (asha, "filled", NOON), (asha, "undone", None)]:
        slot = FreedSlot.objects.create(
            doctor=doctor,
            starts_at=NOON + timedelta(days=1),
            ends_at=NOON + timedelta(days=1, minutes=50),
            status=status,
            filled_at=filled_at,
        )
        FreedSlot.objects.filter(pk=slot.pk).update(created_at=NOON)

    found, shown = counted(asha).now, fill_figures(NOON - timedelta(days=1), NOON + timedelta(days=1), asha)

    assert (found.freed, found.filled) == (shown.freed, shown.filled) == (2, 1)
    assert counted(ben).now.freed == 0


def test_available_time_is_hours_less_breaks_holidays_and_time_off(asha):
    for weekday in (0, 1, 2):
        work(asha, weekday, "09:00", "17:00")
        work(asha, weekday, "12:00", "13:00", kind="break")
    Holiday.objects.create(day=date(2026, 3, 3), name="Holi")
    leave = datetime(2026, 3, 4, 5, 30, tzinfo=UTC)  # Wednesday, 11:00 to 13:30 with the break inside
    TimeOff.objects.create(doctor=asha, starts_at=leave, ends_at=leave + timedelta(minutes=150))
    TimeOff.objects.create(starts_at=leave, ends_at=leave + timedelta(minutes=30))  # everybody's, within the leave

    assert counted(asha).now.available_minutes == 420 + 0 + 420 - 90


def test_without_working_hours_nothing_is_available_to_compare_with(asha):
    visit_at(asha, 1)

    assert counted(asha).now.available_minutes is None


def test_columns_of_the_chart_hold_each_visit_once(asha, ben):
    visit_at(asha, -3, status="completed")
    visit_at(asha, -2, status="no_show")
    visit_at(ben, 24)
    visit_at(ben, 24 * 5)  # next Monday

    counts = count_by_bucket([asha, ben], buckets_of(WEEK), zone=KOLKATA)

    assert [(one.held, one.to_come, one.no_show, one.cancelled) for one in counts] == [
        *[(0, 0, 0, 0)] * 2,
        (1, 0, 1, 0),
        (0, 1, 0, 0),
        *[(0, 0, 0, 0)] * 3,
    ]


def test_counting_takes_as_many_queries_for_ten_visits_as_for_two(asha):
    def count():
        with CaptureQueriesContext(connection) as queries:
            counted(asha)
        return len(queries)

    visit_at(asha, 1)
    visit_at(asha, 2)
    few = count()
    for hours in range(3, 11):
        visit_at(asha, hours)

    assert count() == few


def test_columns_are_stacked_from_the_floor_up_in_proportion():
    chart = stack_columns("v", "Visits", [Series("held", "Held"), Series("missed", "Missed")], [("Mon", (2, 1))])

    [column] = chart.columns
    lower, upper = column.segments
    assert lower.y + lower.height == pytest.approx(chart.floor)
    assert upper.y + upper.height == pytest.approx(lower.y)
    assert lower.height == pytest.approx(2 * upper.height, abs=0.2)
    assert chart.description == "Mon: 2 held, 1 missed"


@pytest.mark.parametrize(("highest", "step"), [(0, 1), (4, 1), (5, 2), (17, 5), (80, 20), (900, 500)])
def test_grid_lines_are_round_numbers_and_few(highest, step):
    assert nice_step(highest) == step


def test_a_value_beyond_the_scale_is_drawn_full_and_written_as_it_is():
    chart = bar_rows("h", "Hours", [Series("held", "Held")], [("Dr Rao", "120 %", (120.0,))], scale=100.0)

    assert (chart.rows[0].bars[0].width, chart.rows[0].value) == (chart.width, "120 %")


def test_a_doctor_sees_her_own_numbers_alone(signed_in, asha, ben, now):
    make_appointment(ben, scheduled_at=now - timedelta(hours=2), status="completed")
    client = signed_in(asha)

    html = client.get(PAGE).content.decode()

    assert "Dr Ben Okafor" not in html
    assert client.get(PAGE, {"doctor": str(ben.pk)}).status_code == 404


@pytest.mark.parametrize("person", ["rita", "omar"])
def test_the_desk_and_the_administrator_see_everybodys(signed_in, request, asha, ben, person):
    client = signed_in(request.getfixturevalue(person))

    assert "Dr Ben Okafor" in client.get(PAGE).content.decode()
    chosen = client.get(PAGE, {"doctor": str(asha.pk), "period": "week"}).content.decode()
    assert "Working time used" in chosen


def test_nonsense_in_the_address_shows_this_month(signed_in, asha):
    for query in ("?period=custom&first=2026-05-01&last=2026-01-01", "?day=never", "?period=century"):
        response = signed_in(asha).get(PAGE + query)
        assert response.status_code == 200


def test_the_file_says_the_same_and_is_audited(signed_in, asha, now):
    make_appointment(asha, scheduled_at=now - timedelta(hours=2), status="completed")
    today = timezone.localdate().isoformat()

    response = signed_in(asha).get(f"{PAGE}export/", {"period": "custom", "first": today, "last": today})

    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert {row["figure"] for row in rows} >= {"Did not come", "Lead time"}
    assert AuditEvent.objects.filter(action="export", target_type="numbers", actor_id=asha.pk).exists()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start):
    assert harmless(f"{start}1+1") == f"'{start}1+1"
    assert harmless("Dr Rao") == "Dr Rao"


def test_strangers_and_writers_are_turned_away(client, signed_in, asha):
    assert client.get(PAGE).status_code == 302
    assert signed_in(asha).post(PAGE).status_code == 405
