"""Cancel a visit of a series, it and those after it, or all that are to come; and keep the series' exceptions in step."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum

from scheduling import permissions
from scheduling.changes import Change
from scheduling.models import Appointment, AppointmentSeries
from scheduling.series import queries as series_queries
from scheduling.series.plan import CANCELLED
from scheduling.series.recurrence import Rule
from scheduling.services import appointments
from scheduling.services import series as services
from synapse.accounts.models import User
from synapse.audit import services as audit


class Scope(StrEnum):
    THIS = "this"
    FOLLOWING = "following"
    ALL = "all"


def cancel_visits(
    visit: Appointment, *, scope: Scope, reason: str, by: User, at: datetime, by_patient: bool = False
) -> list[Appointment]:
    """Cancel this visit, it and the following, or all to come, also those of series that continue this one.

    Visits changed alone are among them. Raises what `cancel_appointment` raises; then nothing is cancelled.
    """
    permissions.check_can_change(by, visit)
    with audit.unit_of_work():
        if scope == Scope.THIS or visit.series is None:
            return [appointments.cancel_appointment(visit, reason=reason, by=by, at=at, by_patient=by_patient)]
        series = services.lock(visit.series)
        start = visit.series_day if scope == Scope.FOLLOWING else None
        cancelled = []
        for part in _parts_from(series):
            standing = list(series_queries.list_visits(part).select_related("session", "patient", "doctor"))
            for found in standing:
                is_meant = start is None or part != series or day_of(found) >= start
                if is_meant and (found.pk == visit.pk or may_go_along(found, at=at)):
                    cancelled.append(
                        appointments.cancel_appointment(found, reason=reason, by=by, at=at, by_patient=by_patient)
                    )
            part.refresh_from_db(fields=["exceptions"])
            if part == series and start is not None and any(day_of(v) < start for v in standing):
                end_before(part, start)
                part.end_noticed_at = at
            else:
                part.ended_at = at
            part.save(update_fields=["rule", "booked_until", "ended_at", "end_noticed_at", "updated_at"])
        services.record_series(series, "cancel", by=by, scope=scope.value, visits=len(cancelled))
    return cancelled


def note_change(change: Change) -> None:
    """Keep a series in step with what is done to one visit of it, by whoever: a cancelled day is an exception.

    A visit booked again for that day takes the exception back.
    """
    visit = change.appointment
    if visit.series_id is None or visit.series_day is None or change.verb not in ("cancel", "schedule"):
        return
    series = AppointmentSeries.objects.only("exceptions").get(pk=visit.series_id)
    day = visit.series_day.isoformat()
    others = [row for row in series.exceptions if row["day"] != day]
    rows = [*others, {"day": day, "why": CANCELLED}] if change.verb == "cancel" else others
    if rows != series.exceptions:
        series.exceptions = sorted(rows, key=lambda row: row["day"])
        series.save(update_fields=["exceptions", "updated_at"])


def may_go_along(visit: Appointment, *, at: datetime) -> bool:
    """Tell whether a visit is still to come, so that a change of its series may take it along."""
    has_begun = visit.session is not None and not appointments.can_start(visit)
    return visit.status in Appointment.OPEN and visit.scheduled_at > at and not has_begun


def end_before(series: AppointmentSeries, day: date) -> None:
    """Let a series' rule end the day before; the caller saves it."""
    last = day - timedelta(days=1)
    series.rule = str(Rule.parse(series.rule).ending(until=last))
    series.booked_until = last


def _parts_from(series: AppointmentSeries) -> Iterator[AppointmentSeries]:
    """Yield a series and those that continue it."""
    part: AppointmentSeries | None = series
    while part is not None:
        yield part
        part = AppointmentSeries.objects.filter(continues=part).first()


def day_of(visit: Appointment) -> date:
    """Return the day a visit of a series stands for."""
    assert visit.series_day is not None
    return visit.series_day
