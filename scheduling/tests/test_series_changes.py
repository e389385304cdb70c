"""Changing and cancelling one visit of a series, it and the following, or all. Cal.com's bugs are named by issue."""

import random
from datetime import date, time, timedelta
from itertools import takewhile

import pytest

from patients.models import Patient, PatientAccess
from scheduling.models import Appointment, AppointmentSeries, Holiday, Room
from scheduling.series import queries as series_queries
from scheduling.series.plan import Choice, Decision
from scheduling.series.recurrence import Frequency, Rule
from scheduling.services import appointments, edits, series_extension, undoing
from scheduling.services import series_cancelling as cancelling
from scheduling.services import series_changes as changes
from scheduling.services.series import SeriesUndecided
from scheduling.services.series_cancelling import Scope
from scheduling.services.series_changes import SeriesChange
from scheduling.tests.factories import make_appointment
from scheduling.tests.test_series import AT, EVERY_8_WEEKS, WEEKLY, make_series, moment, week
from synapse.common.errors import Conflict, DomainError, InvalidTransition, NotAllowed

Status = Appointment.Status


def visit_of(row: AppointmentSeries, number: int) -> Appointment:
    return series_queries.list_visits(row).get(series_day=week(number))


def change(
    visit, *, scope=Scope.FOLLOWING, by=None, at=AT, decisions=None, includes_changed=False, reason="", **fields
):
    return changes.change_series(
        visit,
        SeriesChange(**fields),
        scope=scope,
        includes_changed=includes_changed,
        decisions=decisions,
        reason=reason,
        by=by or visit.doctor,
        at=at,
    )


def cancel(visit, scope, at=AT):
    return cancelling.cancel_visits(visit, scope=scope, reason="Patient asked", by=visit.doctor, at=at)


def left(row: AppointmentSeries, at=AT) -> list[str]:
    return [
        f"{v.scheduled_at.astimezone(moment(week(0)).tzinfo):%d %b %H:%M}"
        for v in series_queries.remaining_visits(row, at=at)
    ]


def test_cancelling_one_leaves_the_others_and_its_day_is_an_exception(asha):
    # calcom #3448: cancelling one cancelled all; #5431: cancelling the series cancelled one.
    row = make_series(asha)

    cancel(visit_of(row, 1), Scope.THIS)

    row.refresh_from_db()
    assert left(row) == ["06 Jan 10:00", "20 Jan 10:00", "27 Jan 10:00"]
    assert row.exceptions == [{"day": "2026-01-13", "why": "cancelled"}]
    assert row.in_words.endswith("4 times")


def test_cancelling_this_and_following_ends_the_series_before_it_and_spares_the_earlier(asha):
    # calcom #29817: what belonged to earlier visits went as well; #16203: only the next one was cancelled.
    row = make_series(asha)
    confirmed = appointments.confirm_appointment(visit_of(row, 1), by=asha, at=AT)

    gone = cancel(visit_of(row, 2), Scope.FOLLOWING)

    row.refresh_from_db()
    confirmed.refresh_from_db()
    assert len(gone) == 2
    assert left(row) == ["06 Jan 10:00", "13 Jan 10:00"]
    assert confirmed.status == Status.CONFIRMED
    assert row.in_words == "Every week on Tuesday at 10:00, until 19 January 2026"
    assert (row.ended_at, row.end_noticed_at) == (None, AT)


def test_cancelling_all_spares_the_past_and_ends_the_doctors_access_only_without_it(asha, ben, rita):
    patient = make_appointment(asha, at=AT, scheduled_at=moment(week(9))).patient
    row = make_series(ben, patient, by=rita)
    held = visit_of(row, 0)
    after = moment(week(0), time(11))
    appointments.complete_appointment(held, by=rita, at=after)

    gone = cancelling.cancel_visits(visit_of(row, 2), scope=Scope.ALL, reason="Moves away", by=rita, at=after)

    row.refresh_from_db()
    held.refresh_from_db()
    assert (len(gone), held.status, row.ended_at) == (3, Status.COMPLETED, after)
    assert left(row) == []
    assert Patient.objects.visible_to(ben).filter(pk=patient.pk).exists()


def test_cancelling_the_rest_reaches_the_series_that_continues_it(asha):
    row = make_series(asha)
    later = change(visit_of(row, 2), clock=time(12))

    cancel(visit_of(row, 0), Scope.ALL)

    later.refresh_from_db()
    assert (left(row), left(later), later.ended_at) == ([], [], AT)
    assert series_extension.roll_series_forward(AT + timedelta(weeks=60)) == 0


def test_every_cancelled_visit_is_told_by_itself(asha):
    # calcom #6281, #13827: only the first of them left the outside calendar. Handlers of changes hear each.
    from scheduling import changes as told

    heard = []
    told.register(heard.append)
    try:
        row = make_series(asha)
        heard.clear()
        gone = cancel(visit_of(row, 1), Scope.FOLLOWING)
    finally:
        told._handlers.remove(heard.append)

    assert [(one.verb, one.appointment.pk) for one in heard] == [("cancel", visit.pk) for visit in gone]


def test_a_cancelled_visit_is_not_brought_back_by_moving_it(asha):
    # calcom #11669: an old link moved a cancelled booking back into the calendar.
    row = make_series(asha)
    visit = visit_of(row, 1)
    cancel(visit, Scope.THIS)
    visit.refresh_from_db()

    with pytest.raises(InvalidTransition):
        appointments.reschedule_appointment(visit, scheduled_at=moment(week(1), time(15)), reason="", by=asha, at=AT)
    with pytest.raises(Conflict):
        change(visit, clock=time(12))


def test_taking_a_cancellation_back_takes_the_exception_back(asha):
    row = make_series(asha)
    [gone] = cancel(visit_of(row, 1), Scope.THIS)

    undoing.undo_change(gone, by=asha, at=AT)

    row.refresh_from_db()
    assert (row.exceptions, len(left(row))) == ([], 4)


def test_moving_one_makes_no_other_and_the_rest_is_told_right(asha):
    # calcom #10524, #12461: moving one of three made five; #5231: what is left was told at its old time.
    row = make_series(asha, rule=WEEKLY.ending(times=3))

    appointments.reschedule_appointment(
        visit_of(row, 2), scheduled_at=moment(week(2), time(16)), reason="", by=asha, at=AT
    )

    assert left(row) == ["06 Jan 10:00", "13 Jan 10:00", "20 Jan 16:00"]
    assert visit_of(row, 2).series_changed


def test_cancelling_and_moving_by_turns_repeats_no_visit(asha):
    # calcom #5232: after a move and a cancellation the list stood there twice.
    row = make_series(asha)
    moved = appointments.reschedule_appointment(
        visit_of(row, 1), scheduled_at=moment(week(1) + timedelta(days=1)), reason="", by=asha, at=AT
    )
    cancel(moved, Scope.THIS)
    cancel(visit_of(row, 3), Scope.THIS)

    row.refresh_from_db()
    assert left(row) == ["06 Jan 10:00", "20 Jan 10:00"]
    assert [found["day"] for found in row.exceptions] == ["2026-01-13", "2026-01-27"]


def test_this_and_following_get_another_time_and_the_old_series_ends_the_day_before(asha):
    row = make_series(asha)
    kept = appointments.confirm_appointment(visit_of(row, 1), by=asha, at=AT)
    lost = appointments.confirm_appointment(visit_of(row, 2), by=asha, at=AT)

    later = change(visit_of(row, 2), clock=time(12), reason="New job")

    row.refresh_from_db()
    kept.refresh_from_db()
    lost.refresh_from_db()
    assert (left(row), left(later)) == (["06 Jan 10:00", "13 Jan 10:00"], ["20 Jan 12:00", "27 Jan 12:00"])
    assert (row.rule, later.rule) == ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260119", "FREQ=WEEKLY;BYDAY=TU;COUNT=2")
    assert (later.continues, later.first_day, row.booked_until) == (row, week(2), date(2026, 1, 19))
    assert kept.status == Status.CONFIRMED
    assert (lost.status, lost.rescheduled_to.status, lost.reschedule_reason) == ("rescheduled", "scheduled", "New job")


def test_all_changes_those_to_come_and_leaves_the_past(asha):
    row = make_series(asha)
    after = moment(week(1), time(11))

    later = change(visit_of(row, 3), scope=Scope.ALL, at=after, day=date(2026, 1, 29))

    row.refresh_from_db()
    assert left(row, at=AT) == ["06 Jan 10:00", "13 Jan 10:00"]
    assert left(later, at=AT) == ["22 Jan 10:00", "29 Jan 10:00"]
    assert later.in_words == "Every week on Thursday at 10:00, 2 times"


def test_with_nothing_before_it_the_series_itself_changes(asha):
    row = make_series(asha)

    same = change(visit_of(row, 0), day=date(2026, 1, 8), clock=time(9))

    assert same == row
    assert AppointmentSeries.objects.count() == 1
    assert left(same) == ["08 Jan 09:00", "15 Jan 09:00", "22 Jan 09:00", "29 Jan 09:00"]
    assert (same.first_day, same.rule) == (date(2026, 1, 8), "FREQ=WEEKLY;BYDAY=TH;COUNT=4")


def test_a_shift_by_a_week_passes_its_own_visits(asha):
    # The new time of each is the old time of the next: nobody stands in the own way, and nobody ends with nothing.
    row = make_series(asha)

    forward = change(visit_of(row, 0), day=week(1))
    assert left(forward) == ["13 Jan 10:00", "20 Jan 10:00", "27 Jan 10:00", "03 Feb 10:00"]
    back = change(visit_of(forward, 1), day=week(0))
    assert left(back) == ["06 Jan 10:00", "13 Jan 10:00", "20 Jan 10:00", "27 Jan 10:00"]


def test_details_change_in_place_and_keep_the_confirmation(asha):
    row = make_series(asha)
    confirmed = appointments.confirm_appointment(visit_of(row, 2), by=asha, at=AT)
    room = Room.objects.create(name="Room 1")
    before = set(row.appointments.values_list("pk", flat=True))

    same = change(
        visit_of(row, 1),
        scope=Scope.ALL,
        room=room,
        duration_minutes=80,
        appointment_type="consultation",
        details={"notes": "Bring the diary"},
    )

    assert same == row
    assert set(row.appointments.values_list("pk", flat=True)) == before
    confirmed.refresh_from_db()
    assert (confirmed.status, confirmed.duration_minutes, confirmed.notes) == ("confirmed", 80, "Bring the diary")
    assert not row.appointments.filter(series_changed=True).exists()
    assert set(row.appointments.values_list("room", "appointment_type")) == {(room.pk, "consultation")}
    same.refresh_from_db()
    assert (same.rule, same.duration_minutes, same.notes) == ("FREQ=WEEKLY;BYDAY=TU;COUNT=4", 80, "Bring the diary")


def test_another_doctor_takes_over_and_the_patients_word_holds(asha, ben, rita):
    row = make_series(asha)
    appointments.confirm_appointment(visit_of(row, 2), by=rita, at=AT)

    later = change(visit_of(row, 2), doctor=ben, by=rita)

    assert (row.doctor, later.doctor) == (asha, ben)
    assert [(v.doctor, v.status) for v in series_queries.list_visits(later)] == [(ben, "confirmed"), (ben, "scheduled")]
    assert PatientAccess.objects.filter(patient=row.patient, doctor=ben, ended_at=None).exists()
    with pytest.raises(NotAllowed):
        change(visit_of(later, 3), clock=time(12), by=asha)


def test_visits_changed_alone_stay_unless_they_are_asked_along(asha):
    row = make_series(asha, rule=WEEKLY.ending(times=5))
    appointments.reschedule_appointment(
        visit_of(row, 2), scheduled_at=moment(date(2026, 1, 21), time(16)), reason="", by=asha, at=AT
    )
    edits.resize_appointment(visit_of(row, 4), duration_minutes=80, by=asha, at=AT)

    later = change(visit_of(row, 1), clock=time(12))
    assert left(later) == ["13 Jan 12:00", "21 Jan 16:00", "27 Jan 12:00", "03 Feb 10:00"]
    assert later.appointments.filter(series_changed=True, status="scheduled").count() == 2

    last = change(visit_of(later, 1), clock=time(13), includes_changed=True)
    assert left(last) == ["13 Jan 13:00", "20 Jan 13:00", "27 Jan 13:00", "03 Feb 13:00"]
    assert visit_of(last, 4).duration_minutes == 50
    assert not series_queries.list_visits(last).filter(series_changed=True).exists()


def test_a_cancelled_day_stays_cancelled_wherever_its_week_goes(asha):
    row = make_series(asha)
    cancel(visit_of(row, 2), Scope.THIS)

    later = change(visit_of(row, 1), day=date(2026, 1, 15))

    assert left(later) == ["15 Jan 10:00", "29 Jan 10:00"]
    assert later.exceptions == [{"day": "2026-01-22", "why": "cancelled"}]
    assert later.in_words.endswith("3 times")


def test_a_taken_day_asks_and_the_old_visit_stands_until_it_is_answered(asha):
    row = make_series(asha)
    make_appointment(asha, scheduled_at=moment(week(2), time(12)), at=AT)
    make_appointment(asha, scheduled_at=moment(week(3), time(12)), at=AT)
    first = visit_of(row, 1)

    with pytest.raises(SeriesUndecided):
        change(first, clock=time(12))
    assert len(left(row)) == 4
    later = change(
        first, clock=time(12), decisions={week(2): Decision(Choice.STAY), week(3): Decision(Choice.TAKE, time(15))}
    )

    assert left(later) == ["13 Jan 12:00", "20 Jan 10:00", "27 Jan 15:00"]
    assert [v.series_changed for v in series_queries.list_visits(later)] == [False, True, True]


def test_a_holiday_on_the_new_days_is_made_up_for(asha):
    Holiday.objects.create(day=date(2026, 1, 22), name="Founders’ day")
    row = make_series(asha)

    later = change(visit_of(row, 1), day=date(2026, 1, 15))

    assert left(later) == ["15 Jan 10:00", "29 Jan 10:00", "05 Feb 10:00"]
    assert visit_of(row, 0).status == "scheduled"
    assert Appointment.objects.filter(status="cancelled").get().cancellation_reason == changes.NOT_NEEDED


def test_a_series_repeats_less_often_from_a_visit_on(asha):
    row = make_series(asha, rule=WEEKLY.ending(times=8))
    cancel(visit_of(row, 4), Scope.THIS)
    kept = visit_of(row, 2)

    later = change(kept, rule=Rule(Frequency.WEEKLY, 2, weekdays=(1,), times=4))

    kept.refresh_from_db()
    assert (kept.series, kept.status) == (later, "scheduled")
    assert left(row) == ["06 Jan 10:00", "13 Jan 10:00"]
    # The cancelled one of 3 February counts and does not come back.
    assert left(later) == ["20 Jan 10:00", "17 Feb 10:00", "03 Mar 10:00"]
    assert series_queries.list_series_ending(asha, moment(week(6))).get().pk == later.pk


def test_an_open_ended_series_goes_on_as_changed_and_is_rolled_by_its_new_rule(asha):
    row = make_series(asha, rule=EVERY_8_WEEKS)

    later = change(visit_of(row, 8), day=week(8) + timedelta(days=2))
    made = series_extension.roll_series_forward(AT + timedelta(weeks=9))

    row.refresh_from_db()
    later.refresh_from_db()
    assert (row.is_open_ended, later.is_open_ended, made) == (False, True, 1)
    assert {visit.scheduled_at.weekday() for visit in later.appointments.filter(status="scheduled")} == {3}


def test_a_series_changed_twice_stays_one_chain(asha):
    row = make_series(asha, rule=WEEKLY.ending(times=6))
    third = change(visit_of(row, 4), clock=time(12))

    second = change(visit_of(row, 2), clock=time(11))

    row.refresh_from_db()
    third.refresh_from_db()
    assert (second.continues, third.continues) == (row, second)
    assert [left(part) for part in (second, third)] == [
        ["20 Jan 11:00", "27 Jan 11:00"],
        ["03 Feb 12:00", "10 Feb 12:00"],
    ]


def test_what_cannot_be_changed_says_so(asha, ben):
    row = make_series(asha, rule=Rule(Frequency.WEEKLY, weekdays=(1, 4), times=4))
    first = visit_of(row, 0)

    with pytest.raises(DomainError, match="Friday already"):
        change(first, day=date(2026, 1, 9))
    with pytest.raises(NotAllowed):
        change(first, clock=time(12), by=ben)
    with pytest.raises(Conflict, match="still to come"):
        change(first, scope=Scope.ALL, clock=time(12), at=moment(week(5)))
    with pytest.raises(Conflict, match="does not repeat"):
        change(make_appointment(asha, at=AT, scheduled_at=moment(week(7))), clock=time(12))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_to_a_series_no_day_comes_twice_and_no_cancelled_one_comes_back(asha, seed):
    chance = random.Random(seed)
    rule = [WEEKLY.ending(times=10), EVERY_8_WEEKS, Rule(Frequency.WEEKLY, weekdays=(1, 4), times=12)][seed % 3]
    row = make_series(asha, rule=rule)
    deeds = {"cancelled": 0, "moved": 0, "changed": 0, "refused": 0}
    wanted, at = len(left(row)), AT
    for _ in range(16):
        coming = Appointment.objects.filter(patient=row.patient, status__in=Appointment.OPEN, scheduled_at__gt=at)
        standing = list(coming.select_related("series", "doctor", "patient").order_by("scheduled_at"))
        if not standing:
            break
        visit = chance.choice(standing)
        start = visit.scheduled_at.astimezone(moment(week(0)).tzinfo)
        deed = chance.choice(["cancel", "move", "clock", "day", "all", "wait"])
        try:
            if deed == "cancel":
                cancel(visit, Scope.THIS, at=at)
                deeds["cancelled"] += 1
                wanted -= 1
            elif deed == "move":
                other = start + timedelta(minutes=chance.choice([15, 60, 24 * 60]))
                appointments.reschedule_appointment(visit, scheduled_at=other, reason="", by=asha, at=at)
                deeds["moved"] += 1
            elif deed == "wait":
                at += timedelta(days=chance.choice([1, 5]))
                wanted = sum(found.scheduled_at > at for found in standing)
            else:
                day = start.date() + timedelta(days=chance.choice([-1, 1])) if deed == "day" else None
                clock = None if deed == "day" else time(chance.choice([9, 11, 14]), chance.choice([0, 30]))
                scope = Scope.ALL if deed == "all" else Scope.FOLLOWING
                change(visit, scope=scope, at=at, includes_changed=chance.random() < 0.4, day=day, clock=clock)
                deeds["changed"] += 1
        except DomainError:
            deeds["refused"] += 1  # then nothing may have changed, which the lines below would see

        parts = list(AppointmentSeries.objects.filter(patient=row.patient))
        days = [(part.pk, found.series_day) for part in parts for found in series_queries.list_visits(part)]
        exceptions = {(part.pk, date.fromisoformat(found["day"])) for part in parts for found in part.exceptions}
        assert len(days) == len(set(days))
        assert not exceptions & set(days)
        assert sum(len(left(part, at=at)) for part in parts) == wanted
        assert len(exceptions) <= deeds["cancelled"]
        rules = {part.pk: (Rule.parse(part.rule), part.first_day) for part in parts}
        for part, day in days:
            rule, first = rules[part]
            assert day in set(takewhile(lambda other, day=day: other <= day, rule.days(first)))
    assert deeds["changed"] >= 2, deeds
