"""Carry series on: visits added to one that ends, those without an end kept booked a year ahead, and one let end."""

import logging
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from patients.models import PatientAccess
from scheduling import permissions
from scheduling.models import AppointmentSeries
from scheduling.models.series import BOUNDED
from scheduling.series import queries as series_queries
from scheduling.series.plan import Plan, Wish, exceptions_of, plan_days
from scheduling.series.recurrence import Rule, days_from
from scheduling.services.series import (
    BOOKED_AHEAD,
    LONGEST_SERIES,
    MOST_VISITS,
    book_days,
    buffer_of,
    lock,
    look_around,
    record_series,
)
from scheduling.services.slot_checks import BadTime
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.common.errors import Conflict, DomainError

logger = logging.getLogger(__name__)


def extend_series(series: AppointmentSeries, *, count: int, by: User, at: datetime) -> Plan:
    """Book so many visits more after the series' last day, leaving out what is taken, and return those days.

    Raises NotAllowed, BadTime, and Conflict when the series has no end, was cancelled or goes on in another one.
    """
    permissions.check_can_book(by, series.doctor)
    if not 1 <= count <= MOST_VISITS:
        raise BadTime(f"Add 1 to {MOST_VISITS} visits.")
    with audit.unit_of_work():
        series = lock(series)
        rule = Rule.parse(series.rule)
        if rule.is_open_ended or series.ended_at is not None or hasattr(series, "continued_by"):
            raise Conflict("This series cannot be extended. Book a new one.", code="series_over")
        last = max(rule.days(series.first_day))
        plan = _carry_on(series, after=last, wanted=count, last_day=max(last, at.date()) + LONGEST_SERIES, by=by, at=at)
        if len(plan.booked) < count:
            raise BadTime("So many visits do not fit into two years. Add fewer.")
        until = plan.days[-1].day
        if rule.times is not None:
            series.rule = str(rule.ending(times=rule.times + len(plan.days)))
        else:
            series.rule = str(rule.ending(until=until))
        series.booked_until = until
        series.end_noticed_at = None
        series.save(update_fields=["rule", "booked_until", "exceptions", "end_noticed_at", "updated_at"])
        record_series(series, "extend", by=by, visits=len(plan.booked))
    return plan


def let_series_end(series: AppointmentSeries, *, by: User, at: datetime) -> AppointmentSeries:
    """Note that a series about to end may end, so that nobody is reminded of it again."""
    permissions.check_can_book(by, series.doctor)
    with audit.unit_of_work():
        series = lock(series)
        series.end_noticed_at = at
        series.save(update_fields=["end_noticed_at", "updated_at"])
        record_series(series, "let_end", by=by)
    return series


def roll_series_forward(at: datetime) -> int:
    """Book the open-ended series a year ahead again and return how many visits that made; may run twice."""
    horizon = (at + BOOKED_AHEAD).astimezone(UTC).date()
    due = AppointmentSeries.objects.of_patients_in_use().filter(
        ended_at=None, booked_until__lt=horizon, doctor__is_active=True
    )
    made = 0
    for series in due.exclude(BOUNDED).order_by("created_at"):
        try:
            made += _roll(series, horizon, at=at)
        except DomainError as error:
            logger.warning("series %s was not rolled forward: %s", series.pk, error.code)
    return made


def _roll(series: AppointmentSeries, horizon: date, *, at: datetime) -> int:
    with audit.unit_of_work():
        series = lock(series)
        most = MOST_VISITS - series_queries.remaining_visits(series, at=at).count()
        if series.booked_until >= horizon or most <= 0 or not _is_in_care(series):
            return 0
        plan = _carry_on(series, after=series.booked_until, most=most, last_day=horizon, by=None, at=at)
        series.booked_until = plan.days[-1].day if plan.counted >= most else horizon
        series.save(update_fields=["booked_until", "exceptions", "updated_at"])
        if plan.days:
            record_series(series, "roll", by=None, visits=len(plan.booked))
    return len(plan.booked)


def _is_in_care(series: AppointmentSeries) -> bool:
    """Tell whether the doctor may still open the record: whoever gave a patient away is not booked with them again."""
    accesses = PatientAccess.objects.treating().filter(patient__in=series.patient.records(), doctor=series.doctor)
    return accesses.exists()


def _carry_on(
    series: AppointmentSeries,
    *,
    after: date,
    last_day: date,
    wanted: int | None = None,
    most: int = MOST_VISITS,
    by: User | None,
    at: datetime,
) -> Plan:
    """Book the days of the series' rule after a day; what cannot be booked is left out and noted."""
    zone, first = ZoneInfo(series.timezone), after + timedelta(days=1)
    plan = plan_days(
        days_from(Rule.parse(series.rule).ending(), series.first_day, first),
        Wish(
            clock=series.clock,
            minutes=series.duration_minutes,
            holiday_rule=series.holiday_rule,
            buffer=buffer_of(series.appointment_type, series.doctor),
            wanted=wanted,
            last_day=last_day,
            most=most,
            carried=exceptions_of(series.exceptions),
            settles=True,
        ),
        look_around(
            by,
            doctor=series.doctor,
            patient=series.patient,
            room=series.room,
            zone=zone,
            first=first,
            last=last_day,
            at=at,
        ),
        at=at,
    )
    known = exceptions_of(series.exceptions)
    series.exceptions = [
        *series.exceptions,
        *(row for row in plan.exceptions if date.fromisoformat(row["day"]) not in known),
    ]
    book_days(series, plan.booked, reason="", by=by, at=at)
    return plan
