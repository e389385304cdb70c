"""Booking visits that repeat, carrying them on, letting them end. What Cal.com got wrong is named with its issue."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from patients.merging.services import merge_records
from patients.services import archive_patient
from patients.tests.factories import make_patient
from scheduling.models import Appointment, AppointmentSeries, Holiday, Room, TimeOff, WorkingHours
from scheduling.series import queries as series_queries
from scheduling.series.plan import Choice, Decision, State
from scheduling.series.recurrence import Frequency, Rule
from scheduling.services import appointments, series, series_extension
from scheduling.services.series import ReasonMissing, SeriesUndecided, SeriesWish
from scheduling.services.slot_checks import BadTime
from scheduling.tests.factories import make_appointment
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed
from synapse.common.models import Job

KOLKATA = ZoneInfo("Asia/Kolkata")
AT = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)  # Monday, 8:30 in Kolkata
TUESDAY = date(2026, 1, 6)
WEEKLY = Rule(Frequency.WEEKLY, weekdays=(1,))
EVERY_8_WEEKS = Rule(Frequency.WEEKLY, 8, weekdays=(1,))  # seven visits in the year that is booked ahead


def moment(day: date, clock: time = time(10), zone: ZoneInfo = KOLKATA) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone)


def week(number: int) -> date:
    return TUESDAY + timedelta(weeks=number)


def wish(doctor, patient=None, **fields):
    values = {
        "rule": WEEKLY.ending(times=4),
        "first_day": TUESDAY,
        "clock": time(10),
        "duration_minutes": 50,
        "appointment_type": Appointment.Type.FOLLOWUP,
    }
    return SeriesWish(patient=patient or make_patient(doctor=doctor), doctor=doctor, **{**values, **fields})


def make_series(doctor, patient=None, *, by=None, at=AT, decisions=None, **fields) -> AppointmentSeries:
    return series.create_series(wish(doctor, patient, **fields), decisions=decisions, by=by or doctor, at=at)


def days_of(row: AppointmentSeries) -> list[str]:
    return [f"{visit.series_day:%d %b}" for visit in series_queries.list_visits(row)]


def test_a_series_books_all_its_visits_with_what_it_says_of_them(asha, rita):
    room = Room.objects.create(name="Room 1")

    row = make_series(asha, by=rita, room=room, details={"chief_complaint": "Cannot sleep", "priority": "high"})

    visits = list(series_queries.list_visits(row))
    assert [visit.scheduled_at for visit in visits] == [moment(week(number)) for number in range(4)]
    assert {(v.duration_minutes, v.room, v.chief_complaint, v.priority, v.booked_by) for v in visits} == {
        (50, room, "Cannot sleep", "high", rita)
    }
    assert (row.rule, row.first_day, row.timezone) == ("FREQ=WEEKLY;BYDAY=TU;COUNT=4", TUESDAY, "Asia/Kolkata")
    assert row.booked_until == week(3)
    assert AuditEvent.objects.filter(target_id=str(row.pk)).get().detail == {"verb": "create", "visits": 4}
    assert AuditEvent.objects.filter(detail__verb="schedule", patient_id=row.patient_id).count() == 4


def test_a_whole_series_is_one_mail_to_the_doctor(asha, rita):
    # calcom #6384: a series of 25 was 25 mails.
    asha.profile.notification_settings = {"appointment_booked": "mail"}
    asha.profile.save()

    make_series(asha, by=rita)

    assert Job.objects.filter(kind="synapse.accounts.tasks.mail_appointment_booked", object_id=asha.pk).count() == 1


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "Europe/Berlin", "Australia/Sydney"])
def test_ten_stays_ten_all_year(asha, zone):
    # calcom #4400: the time is off by an hour after the clocks change.
    asha.profile.timezone = zone
    asha.profile.save()

    row = make_series(asha, rule=Rule(Frequency.WEEKLY, 4, weekdays=(1,), times=13))

    clocks = {v.scheduled_at.astimezone(ZoneInfo(zone)).strftime("%a %H:%M") for v in row.appointments.all()}
    offsets = {v.scheduled_at.astimezone(ZoneInfo(zone)).utcoffset() for v in row.appointments.all()}
    assert clocks == {"Tue 10:00"}
    assert len(offsets) == (1 if zone == "Asia/Kolkata" else 2)


def test_a_taken_day_is_told_in_words_the_reader_may_see_with_the_nearest_free_time(asha, ben, rita):
    # calcom #25287, #7108: later conflicts are not looked at, or the whole series is refused.
    patient = make_patient(doctor=asha)
    make_appointment(asha, scheduled_at=moment(week(1)), at=AT, patient=make_patient(doctor=asha, first_name="Mira"))
    make_appointment(ben, patient=patient, scheduled_at=moment(week(2)), at=AT, by=rita)

    found = series.preview_series(wish(asha, patient), by=asha, at=AT)

    assert [day.state for day in found.days] == [State.FREE, State.TAKEN, State.TAKEN, State.FREE]
    assert found.days[1].words.startswith("Taken by Mira")
    assert found.days[1].alternative == moment(week(1), time(9))
    assert found.days[2].words == "The patient has another visit"


def test_a_doctor_does_not_read_who_has_the_room(asha, ben):
    room = Room.objects.create(name="Room 1")
    make_appointment(ben, scheduled_at=moment(week(1)), at=AT, room=room)

    found = series.preview_series(wish(asha, room=room), by=asha, at=AT)

    assert found.days[1].words == "The room is taken"


def test_nothing_is_booked_while_a_day_is_undecided(asha):
    # calcom #10673: "could not book", and all but the first were booked.
    make_appointment(asha, scheduled_at=moment(week(1)), at=AT)

    with pytest.raises(SeriesUndecided, match="One day needs a decision") as raised:
        make_series(asha)

    assert [day.day for day in raised.value.plan.undecided] == [week(1)]
    assert AppointmentSeries.objects.count() == 0
    assert Appointment.objects.count() == 1


def test_each_day_goes_as_it_was_decided_and_a_day_left_out_is_made_up_for(asha):
    make_appointment(asha, scheduled_at=moment(week(1)), at=AT)
    make_appointment(asha, scheduled_at=moment(week(2)), at=AT)

    row = make_series(asha, decisions={week(1): Decision(Choice.SKIP), week(2): Decision(Choice.TAKE, time(14))})

    assert days_of(row) == ["06 Jan", "20 Jan", "27 Jan", "03 Feb"]
    other = row.appointments.get(series_day=week(2))
    assert (other.scheduled_at, other.series_changed) == (moment(week(2), time(14)), True)
    assert row.exceptions == [{"day": "2026-01-13", "why": "taken"}]
    assert row.in_words == "Every week on Tuesday at 10:00, 4 times"


def test_a_time_chosen_instead_that_is_taken_as_well_stays_undecided(asha):
    make_appointment(asha, scheduled_at=moment(week(1)), at=AT)

    with pytest.raises(SeriesUndecided):
        make_series(asha, decisions={week(1): Decision(Choice.TAKE, time(10, 15))})


@pytest.mark.parametrize(
    ("rule", "keeps_number", "days"),
    [
        ("skip", True, ["06 Jan", "20 Jan", "27 Jan", "03 Feb"]),
        ("skip", False, ["06 Jan", "20 Jan", "27 Jan"]),
        ("keep", True, ["06 Jan", "13 Jan", "20 Jan", "27 Jan"]),
        ("next_day", True, ["06 Jan", "13 Jan", "20 Jan", "27 Jan"]),
    ],
)
def test_holidays_are_left_out_moved_or_booked(asha, rule, keeps_number, days):
    Holiday.objects.create(day=week(1), name="Pongal")
    Holiday.objects.create(day=week(1) + timedelta(days=1), name="Pongal")

    row = make_series(asha, holiday_rule=rule, keeps_number=keeps_number)

    assert days_of(row) == days
    if rule == "next_day":
        moved = row.appointments.get(series_day=week(1))
        assert (moved.scheduled_at, moved.series_changed) == (moment(date(2026, 1, 15)), False)
    if rule == "keep":
        assert row.appointments.get(series_day=week(1)).overbooking_reason == "This series is booked on holidays too"
    if rule == "skip":
        assert row.exceptions == [{"day": "2026-01-13", "why": "holiday"}]


def test_a_day_outside_hours_or_on_leave_is_booked_with_a_reason_only(asha):
    WorkingHours.objects.create(
        doctor=asha, weekday=1, starts=time(9), ends=time(17), valid_from=date(2025, 1, 1), valid_until=week(2)
    )
    TimeOff.objects.create(doctor=asha, starts_at=moment(week(1), time(9)), ends_at=moment(week(1), time(12)))
    asked = wish(asha)
    book = {week(1): Decision(Choice.BOOK), week(3): Decision(Choice.BOOK)}

    found = series.preview_series(asked, by=asha, at=AT)
    with pytest.raises(ReasonMissing):
        series.create_series(asked, decisions=book, by=asha, at=AT)
    row = series.create_series(asked, decisions=book, overbooking_reason="Agreed by phone", by=asha, at=AT)

    assert [day.words for day in found.days] == ["", "The doctor is away", "", "Outside working hours"]
    assert found.days[1].alternative == moment(week(1), time(12))
    assert found.days[3].alternative is None
    assert [v.overbooking_reason for v in row.appointments.order_by("series_day")] == [
        "",
        "Agreed by phone",
        "",
        "Agreed by phone",
    ]


def test_only_the_own_calendar_is_booked(asha, ben, rita):
    with pytest.raises(NotAllowed):
        make_series(ben, by=asha)

    assert make_series(ben, by=rita).doctor == ben


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"first_day": date(2026, 1, 4)}, "today or later"),
        ({"rule": WEEKLY.ending(times=105)}, "at most 104"),
        ({"rule": WEEKLY.ending(until=date(2028, 2, 1))}, "two years"),
        ({"rule": WEEKLY.ending(until=date(2026, 1, 1))}, "last day"),
        ({"rule": Rule(Frequency.MONTHLY, month_day=6, times=30)}, "two years at most"),
        ({"rule": Rule(Frequency.WEEKLY, weekdays=(0, 1, 2, 3), until=date(2026, 12, 31))}, "at most 104"),
        ({"duration_minutes": 2}, "minutes"),
    ],
)
def test_what_is_no_series_is_refused(asha, fields, message):
    with pytest.raises(BadTime, match=message):
        make_series(asha, **fields)


def test_an_open_ended_series_is_booked_a_year_ahead_and_rolled_forward_once(asha, rita):
    row = make_series(asha, by=rita, rule=EVERY_8_WEEKS)
    first = days_of(row)
    later = AT + timedelta(weeks=9)

    made = series_extension.roll_series_forward(later)
    again = series_extension.roll_series_forward(later)

    row.refresh_from_db()
    assert (len(first), made, again) == (7, 1, 0)
    assert days_of(row) == [*first, f"{week(56):%d %b}"]
    assert row.booked_until == (later + timedelta(days=364)).date()
    assert AuditEvent.objects.filter(target_id=str(row.pk), detail__verb="roll").get().actor_label == "system"


def test_the_sweep_leaves_out_what_is_taken_and_never_brings_a_cancelled_day_back(asha):
    row = make_series(asha, rule=EVERY_8_WEEKS)
    make_appointment(asha, scheduled_at=moment(week(56)), at=AT)
    appointments.cancel_appointment(row.appointments.latest("series_day"), reason="Ill", by=asha, at=AT)
    # As if a crash had left the row behind its visits.
    AppointmentSeries.objects.update(booked_until=week(47))

    series_extension.roll_series_forward(AT + timedelta(weeks=20))

    row.refresh_from_db()
    assert row.exceptions == [
        {"day": week(48).isoformat(), "why": "cancelled"},
        {"day": week(56).isoformat(), "why": "taken"},
    ]
    assert days_of(row)[-2:] == [f"{week(40):%d %b}", f"{week(64):%d %b}"]


def test_the_sweep_leaves_alone_who_is_archived_or_gone(asha, ben, rita):
    archived = make_series(asha, rule=EVERY_8_WEEKS)
    archive_patient(archived.patient, by=asha, at=AT)
    make_series(ben, by=rita, rule=EVERY_8_WEEKS)
    ben.is_active = False
    ben.save()

    assert series_extension.roll_series_forward(AT + timedelta(weeks=20)) == 0


def test_a_series_goes_on_with_the_record_its_patient_was_merged_into(asha, omar):
    row = make_series(asha, rule=EVERY_8_WEEKS)
    kept = make_patient(doctor=asha)
    merge_records(kept, row.patient, choices={}, reason="Entered twice", by=omar, at=AT)

    series_extension.roll_series_forward(AT + timedelta(weeks=9))

    assert Appointment.objects.filter(series=row).latest("series_day").patient == kept
    assert [found.pk for found in series_queries.list_patient_series(asha, kept, at=AT)] == [row.pk]


def test_one_series_that_cannot_be_rolled_does_not_stop_the_others(asha):
    room = Room.objects.create(name="Room 1")
    make_series(asha, rule=EVERY_8_WEEKS, room=room)
    make_series(asha, rule=EVERY_8_WEEKS, clock=time(12))
    Room.objects.update(is_active=False)

    assert series_extension.roll_series_forward(AT + timedelta(weeks=9)) == 1


def test_a_series_of_a_patient_given_away_is_not_carried_on(asha):
    row = make_series(asha, rule=EVERY_8_WEEKS)
    row.patient.accesses.update(ended_at=AT)

    assert series_extension.roll_series_forward(AT + timedelta(weeks=9)) == 0


def test_a_series_about_to_end_is_told_until_it_is_extended_or_let_go(asha, ben, rita):
    row = make_series(asha, rule=WEEKLY.ending(times=5))
    make_series(asha, rule=EVERY_8_WEEKS, clock=time(12))

    def ending(user, at):
        return [(found.pk, found.visits_left) for found in series_queries.list_series_ending(user, at)]

    assert ending(asha, AT) == []
    assert ending(asha, moment(week(1)) - timedelta(hours=1)) == []
    soon = moment(week(1)) + timedelta(hours=1)
    assert ending(asha, soon) == ending(rita, soon) == [(row.pk, 3)]
    assert ending(ben, soon) == []
    series_extension.extend_series(row, count=4, by=asha, at=soon)
    assert ending(asha, soon) == []
    late = moment(week(7))
    assert ending(asha, late) == [(row.pk, 1)]
    series_extension.let_series_end(row, by=asha, at=late)
    assert ending(asha, late) == []


@pytest.mark.parametrize(
    ("end", "text"),
    [({"times": 2}, "COUNT=5"), ({"until": week(1)}, "UNTIL=20260203")],
)
def test_extending_adds_visits_after_the_last_and_makes_up_for_taken_days(asha, end, text):
    row = make_series(asha, rule=WEEKLY.ending(**end))
    make_appointment(asha, scheduled_at=moment(week(3)), at=AT)

    added = series_extension.extend_series(row, count=2, by=asha, at=AT)

    row.refresh_from_db()
    assert [day.day for day in added.booked] == [week(2), week(4)]
    assert row.rule.endswith(text)
    assert row.exceptions == [{"day": week(3).isoformat(), "why": "taken"}]
    assert days_of(row) == ["06 Jan", "13 Jan", "20 Jan", "03 Feb"]


def test_an_open_ended_or_cancelled_series_is_not_extended(asha, ben):
    endless = make_series(asha, rule=EVERY_8_WEEKS)
    with pytest.raises(Conflict):
        series_extension.extend_series(endless, count=2, by=asha, at=AT)
    with pytest.raises(NotAllowed):
        series_extension.extend_series(endless, count=2, by=ben, at=AT)


def test_a_visit_that_stands_becomes_the_first_of_its_series(asha, rita):
    patient = make_patient(doctor=asha)
    visit = make_appointment(asha, patient=patient, scheduled_at=moment(TUESDAY), status="confirmed", notes="Bring X")
    with pytest.raises(Conflict):
        make_series(asha, patient, first_visit=visit, clock=time(11))

    elsewhere = {TUESDAY: Decision(Choice.TAKE, time(15))}
    row = make_series(asha, patient, by=rita, first_visit=visit, decisions=elsewhere)

    visit.refresh_from_db()
    assert list(series_queries.list_visits(row).values_list("series_day", flat=True)) == [week(n) for n in range(4)]
    assert Appointment.objects.count() == 4
    assert visit.scheduled_at == moment(TUESDAY)
    assert (visit.series, visit.status, visit.notes, visit.series_changed) == (row, "confirmed", "Bring X", False)
    with pytest.raises(Conflict):
        make_series(asha, patient, first_visit=visit)
