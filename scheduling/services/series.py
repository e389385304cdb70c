"""Book visits that repeat; `series_extension` carries them on.

A series is booked whole or not at all: with an end up to MOST_VISITS within two years, open-ended a year ahead, which a
sweep keeps up. Days left out for a holiday or a taken time do not count as visits unless the caller says so: ten
sessions wanted are ten sessions held, the last ones after the rule's own end. A cancelled one counts.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from patients.models import Patient
from scheduling import permissions, queries
from scheduling.availability import slots
from scheduling.availability.rules import Span
from scheduling.calendar.layout import day_bounds
from scheduling.changes import record_change
from scheduling.models import Appointment, AppointmentSeries, Room
from scheduling.series import queries as series_queries
from scheduling.series.plan import Decision, Plan, PlannedDay, State, Surroundings, Wish, plan_days
from scheduling.series.recurrence import Rule, moment_of
from scheduling.services import appointments
from scheduling.services.slot_checks import BadTime, check_length
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError

MOST_VISITS = 104
LONGEST_SERIES = timedelta(days=2 * 366)
BOOKED_AHEAD = timedelta(days=364)
MOVED_AT_MOST = timedelta(days=15)  # from a holiday to the next working day
DETAILS = ("priority", "chief_complaint", "notes", "preparation_instructions", "location", "confirmation_required")

HolidayRule = AppointmentSeries.HolidayRule


class SeriesUndecided(Conflict):
    """Some days of the series cannot be booked as they are; `plan` says which and what is there."""

    code = "series_undecided"

    def __init__(self, plan: Plan) -> None:
        count = len(plan.undecided)
        days = "One day needs" if count == 1 else f"{count} days need"
        super().__init__(f"{days} a decision: leave it out or take another time.")
        self.plan = plan


class ReasonMissing(DomainError):
    """Days are booked that are not offered, and nobody said why."""

    code = "reason_missing"


@dataclass(frozen=True)
class SeriesWish:
    """What somebody wants booked: whose visits, on which days of which rule, at which time of the doctor's wall clock.

    `first_visit` stands already, at the time wished for, and becomes the first one of the series.
    """

    patient: Patient
    doctor: User
    rule: Rule
    first_day: date
    clock: time
    duration_minutes: int
    appointment_type: str
    room: Room | None = None
    holiday_rule: str = HolidayRule.SKIP
    keeps_number: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)
    first_visit: Appointment | None = None


def preview_series(
    wish: SeriesWish, *, decisions: Mapping[date, Decision] | None = None, by: User, at: datetime
) -> Plan:
    """Return what would become of every day of a series, with what stands in the way in words this person may read.

    Raises NotAllowed and BadTime, and Conflict when the visit it begins with cannot.
    """
    permissions.check_can_book(by, wish.doctor)
    check_length(wish.duration_minutes)
    zone = ZoneInfo(queries.timezone_name_of(wish.doctor))
    if wish.first_day < at.astimezone(zone).date():
        raise BadTime("A series begins today or later. Pick another first day.")
    rule = wish.rule
    first = rule.first_from(wish.first_day)
    standing = wish.first_visit
    if standing is not None:
        _check_begins_with(standing, wish, moment_of(first, wish.clock, zone))
    last_day = first + (BOOKED_AHEAD if rule.is_open_ended else LONGEST_SERIES)
    check_end(rule, first=first)
    plan = plan_days(
        rule.ending(until=rule.until).days(first),
        Wish(
            clock=wish.clock,
            minutes=wish.duration_minutes,
            holiday_rule=wish.holiday_rule,
            buffer=buffer_of(wish.appointment_type, wish.doctor),
            wanted=rule.times,
            last_day=last_day,
            most=MOST_VISITS + (0 if rule.is_open_ended else 1),
            keeps_number=wish.keeps_number,
            # The visit that stands is not decided about: it stays where it is.
            decisions={day: each for day, each in (decisions or {}).items() if standing is None or day != first},
            moving={first: (standing.pk, standing.scheduled_at)} if standing is not None else {},
        ),
        look_around(
            by,
            doctor=wish.doctor,
            patient=wish.patient,
            room=wish.room,
            zone=zone,
            first=first,
            last=last_day,
            at=at,
            ignoring=[standing.pk] if standing is not None else (),
        ),
        at=at,
    )
    check_size(rule, plan)
    return plan


def _check_begins_with(visit: Appointment, wish: SeriesWish, start: datetime) -> None:
    """Raise Conflict unless a visit that stands can be the first one of a series."""
    if visit.series_id is not None or visit.status not in Appointment.OPEN:
        raise Conflict("This visit repeats already or is over. Book a new series.", code="cannot_repeat")
    as_wished = (wish.patient, wish.doctor, start, wish.duration_minutes)
    if (visit.patient, visit.doctor, visit.scheduled_at, visit.duration_minutes) != as_wished:
        raise Conflict(
            "The first visit stands already. Move it first, then let it repeat: day, time, length and doctor stay here.",
            code="first_visit_stands",
        )


def create_series(
    wish: SeriesWish,
    *,
    decisions: Mapping[date, Decision] | None = None,
    overbooking_reason: str = "",
    by: User,
    at: datetime,
) -> AppointmentSeries:
    """Book all visits of a series, or none.

    Raises SeriesUndecided while a day is in the way of something, ReasonMissing when days are booked that are not
    offered, and what `preview_series` raises.
    """
    with audit.unit_of_work():
        if wish.first_visit is not None:
            wish.first_visit.refresh_from_db()
        plan = preview_series(wish, decisions=decisions, by=by, at=at)
        check_decided(plan, reason=overbooking_reason)
        series = AppointmentSeries(
            patient=wish.patient,
            doctor=wish.doctor,
            room=wish.room,
            rule=str(wish.rule.ending(times=len(plan.days)) if wish.rule.times else wish.rule),
            first_day=plan.days[0].day,
            clock=wish.clock,
            timezone=queries.timezone_name_of(wish.doctor),
            duration_minutes=wish.duration_minutes,
            exceptions=plan.exceptions,
            holiday_rule=wish.holiday_rule,
            booked_until=booked_until(wish.rule, plan),
            appointment_type=wish.appointment_type,
            booked_by=by,
            **wish.details,
        )
        series.save(force_insert=True)
        to_book = plan.booked
        if wish.first_visit is not None and to_book and to_book[0].visit == wish.first_visit.pk:
            _take_in(wish.first_visit, series, day=to_book[0].day, by=by, at=at)
            to_book = to_book[1:]
        book_days(series, to_book, reason=overbooking_reason, by=by, at=at)
        record_series(series, "create", by=by, action=Action.CREATE, visits=len(plan.booked))
    return series


def _take_in(visit: Appointment, series: AppointmentSeries, *, day: date, by: User, at: datetime) -> None:
    """Make a visit that stands one of a series; what was agreed for it alone stays."""
    visit.series, visit.series_day = series, day
    visit.series_changed = (visit.room, visit.appointment_type) != (series.room, series.appointment_type)
    visit.save(update_fields=["series", "series_day", "series_changed", "updated_at"])
    record_change(visit, "edit", by=by, at=at, fields="series")


def lock(series: AppointmentSeries) -> AppointmentSeries:
    """Read a series again for a change; call it inside `unit_of_work()`, which keeps other writers out."""
    rows = AppointmentSeries.objects.select_for_update(of=("self",)).select_related(
        "patient", "doctor", "room", "booked_by"
    )
    return rows.get(pk=series.pk)


def look_around(
    by: User | None,
    *,
    doctor: User,
    patient: Patient,
    room: Room | None,
    zone: ZoneInfo,
    first: date,
    last: date,
    at: datetime,
    ignoring: Collection[UUID] = (),
) -> Surroundings:
    """Return what stands around visits from one day to another, with room for days that are moved."""
    window = Span(day_bounds(first, zone)[0], day_bounds(last + MOVED_AT_MOST, zone)[1])
    return series_queries.surroundings_of(
        by, doctor=doctor, patient=patient, room=room, zone=zone, window=window, at=at, ignoring=ignoring
    )


def check_decided(plan: Plan, *, reason: str) -> None:
    """Raise SeriesUndecided, ReasonMissing, or DomainError when no day is left, unless the plan can be booked."""
    if plan.undecided:
        raise SeriesUndecided(plan)
    if plan.needs_reason and not reason.strip():
        raise ReasonMissing("Say why visits are booked at times that are not offered.")
    if not any(day.starts_at or day.state == State.KEPT for day in plan.days):
        raise DomainError("No day of this series can be booked. Choose another time.", code="series_empty")


def check_end(rule: Rule, *, first: date) -> None:
    """Raise BadTime for a series that is too long."""
    if rule.times is not None and rule.times > MOST_VISITS:
        raise BadTime(f"A series has at most {MOST_VISITS} visits. Book it without an end instead.")
    if rule.until is not None and not first <= rule.until <= first + LONGEST_SERIES:
        raise BadTime("The last day lies between the first visit and two years later.")


def check_size(rule: Rule, plan: Plan) -> None:
    """Raise BadTime when the days of a plan are too many, or too few for the number wanted."""
    if rule.times is None and not rule.is_open_ended and plan.counted > MOST_VISITS:
        raise BadTime(f"A series has at most {MOST_VISITS} visits. Choose an earlier last day.")
    if rule.times is not None and plan.counted < rule.times:
        raise BadTime("A series lasts two years at most. Choose fewer visits or book it without an end.")


def booked_until(rule: Rule, plan: Plan) -> date:
    """Return up to which day a plan books the rule."""
    last = plan.days[-1].day
    if rule.is_open_ended and plan.counted < MOST_VISITS:
        return max(last, plan.days[0].day + BOOKED_AHEAD)
    return last


def buffer_of(appointment_type: str, doctor: User) -> timedelta:
    return timedelta(minutes=slots.default_length(appointment_type, doctor=doctor).buffer_minutes)


def book_days(
    series: AppointmentSeries, days: Iterable[PlannedDay], *, reason: str, by: User | None, at: datetime
) -> None:
    """Book the visits of planned days as the series has them, and tell its doctor once; without `by` the sweep does."""
    details = {name: getattr(series, name) for name in DETAILS}
    buffer = buffer_of(series.appointment_type, series.doctor) // timedelta(minutes=1)
    for number, day in enumerate(days):
        assert day.starts_at is not None
        appointments.schedule_appointment(
            series.patient,
            doctor=series.doctor,
            scheduled_at=day.starts_at,
            duration_minutes=series.duration_minutes,
            appointment_type=series.appointment_type,
            room=series.room,
            overbooking_reason=(day.reason or reason) if day.is_overridden else "",
            buffer_minutes=buffer,
            series=series,
            series_day=day.day,
            series_changed=day.is_alone,
            tell_doctor=by is not None and number == 0,
            is_offered=True,
            booked_by=series.booked_by,
            by=by,
            at=at,
            **details,
        )


def record_series(
    series: AppointmentSeries, verb: str, *, by: User | None, action: Action = Action.UPDATE, **detail: Any
) -> None:
    """Write what was done with a series to the trail; its visits have rows of their own."""
    audit.record(action, by=by, target=series, patient_id=series.patient_id, detail={"verb": verb, **detail})
