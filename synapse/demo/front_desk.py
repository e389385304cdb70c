"""The demo's front desk: rooms, hours, holidays, series, the waiting list, and what is going on today."""

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from scheduling.models import Appointment, Room, TimeOff
from scheduling.series.plan import Choice, Decision
from scheduling.series.recurrence import Frequency, Rule
from scheduling.services import appointments as scheduling
from scheduling.services import closures, hours, rooms, stages, waiting
from scheduling.services.edits import set_insurance_verified
from scheduling.services.series import SeriesWish, create_series, preview_series
from synapse.accounts import services as accounts
from synapse.demo import clinic

if TYPE_CHECKING:
    from synapse.demo.seeding import Seeder

ROOM_OF = {"doctor": "Room 2", "doctor2": "Room 1"}
WORKED_SINCE = timedelta(days=200)
ARRIVED_AGO = timedelta(minutes=6)
COMES_EARLY_AT_MOST = timedelta(hours=1)
FREED_DAYS_AHEAD, FREED_HOUR = 2, 15


def open_rooms(seeder: "Seeder") -> None:
    """Give the clinic its rooms, the lengths of its visits and its ways to tell patients about them."""
    admin = seeder.people["admin"]
    for name in clinic.ROOMS:
        rooms.add_room(name, by=admin, at=seeder.at)
    for kind, minutes, pause in clinic.VISIT_LENGTHS:
        rooms.set_visit_default(
            kind, doctor=None, duration_minutes=minutes, buffer_minutes=pause, by=admin, at=seeder.at
        )
    accounts.update_clinic({"message_channels": "both", "holiday_country": "IN"}, by=admin)


def room_of(seeder: "Seeder", key: str) -> Room:
    """Return the room in which a patient's doctor works."""
    return Room.objects.get(name=ROOM_OF[seeder.doctor_of(key).username])


def plan_work(seeder: "Seeder") -> None:
    """Enter hours, breaks, holidays and time off. Called when the visits stand: today's may lie outside the hours."""
    today = seeder.at.astimezone(seeder.zone).date()
    for username, days in clinic.HOURS.items():
        doctor = seeder.people[username]
        room = Room.objects.get(name=ROOM_OF[username])
        lines = [
            hours.Line(weekday, time(starts), time(ends), is_break=is_break, room=None if is_break else room)
            for weekday, spans in days.items()
            for starts, ends, is_break in spans
        ]
        hours.set_week(doctor, lines, valid_from=today - WORKED_SINCE, by=doctor, at=seeder.at)
    admin = seeder.people["admin"]
    for year in (today.year, today.year + 1):
        closures.import_holidays("IN", "MH", year, by=admin, at=seeder.at)
    _block(seeder, None, seeder.moment(3, 13), hours_long=1, kind=TimeOff.Kind.MEETING, title="Team meeting")
    _block(seeder, "doctor2", seeder.moment(12, 9), hours_long=32, kind=TimeOff.Kind.LEAVE, title="Conference")


def book_series(seeder: "Seeder") -> None:
    """Book the visits that repeat; a day that cannot be kept is left out, and one visit more stands at the end."""
    desk = seeder.people["receptionist"]
    for key, interval, times, days_ahead, hour in clinic.SERIES:
        first = seeder.moment(days_ahead, hour)
        wish = SeriesWish(
            patient=seeder.patients[key],
            doctor=seeder.doctor_of(key),
            rule=Rule(Frequency.WEEKLY, interval=interval, weekdays=(first.weekday(),), times=times),
            first_day=first.date(),
            clock=first.time(),
            duration_minutes=50,
            appointment_type=Appointment.Type.FOLLOWUP,
            room=room_of(seeder, key),
            details={"chief_complaint": clinic.REASONS[key]},
        )
        plan = preview_series(wish, by=desk, at=seeder.at)
        decisions = {day.day: Decision(Choice.SKIP) for day in plan.undecided}
        create_series(wish, decisions=decisions, by=desk, at=seeder.at)


def fill_waiting_list(seeder: "Seeder") -> None:
    """Let patients wait, and let a time come free that one of them wants."""
    desk = seeder.people["receptionist"]
    for key, with_own_doctor, priority, from_hour, until_hour in clinic.WAITING:
        waiting.add_entry(
            seeder.patients[key],
            by=desk,
            at=seeder.at - timedelta(days=9),
            doctor=seeder.doctor_of(key) if with_own_doctor else None,
            appointment_type=Appointment.Type.FOLLOWUP,
            duration_minutes=50,
            priority=priority,
            from_clock=time(from_hour) if from_hour else None,
            until_clock=time(until_hour) if until_hour else None,
        )
    freed = scheduling.schedule_appointment(
        seeder.patients["maria"],
        doctor=seeder.doctor_of("maria"),
        scheduled_at=seeder.moment(FREED_DAYS_AHEAD, FREED_HOUR),
        duration_minutes=50,
        appointment_type=Appointment.Type.FOLLOWUP,
        room=room_of(seeder, "maria"),
        by=desk,
        at=seeder.at - timedelta(days=3),
    )
    scheduling.cancel_appointment(freed, reason="Has to travel that day", by=desk, at=seeder.at)


def begin_day(seeder: "Seeder") -> None:
    """Let the first patient of the day sit in the waiting room, with the insurance checked."""
    desk = seeder.people["receptionist"]
    key = clinic.TODAYS_VISITS[0][0]
    visit = Appointment.objects.open().filter(patient=seeder.patients[key]).earliest("scheduled_at")
    set_insurance_verified(visit, verified=True, by=desk, at=seeder.at)
    if visit.scheduled_at - seeder.at < COMES_EARLY_AT_MOST:
        stages.check_in(visit, by=desk, at=seeder.at, arrived_at=seeder.at - ARRIVED_AGO)


def _block(
    seeder: "Seeder", username: str | None, starts_at: datetime, *, hours_long: int, kind: str, title: str
) -> None:
    closures.add_time_off(
        seeder.people[username] if username else None,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=hours_long),
        kind=kind,
        title=title,
        by=seeder.people["admin"],
        at=seeder.at,
    )
