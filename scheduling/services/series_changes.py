"""Change a visit of a series and those after it, or all that are to come.

Past visits never change. A change of days, time or doctor ends the old rule the day before and begins a series that
continues it; where nothing lies before, the series itself changes. Old visits become the new ones one by one, all in one
unit of work, so that nobody ends with nothing. A visit changed alone stays as it is unless asked for; a cancelled day
stays cancelled, wherever its week's visit goes.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice, takewhile
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from scheduling import permissions, queries
from scheduling.changes import record_change
from scheduling.models import Appointment, AppointmentSeries, Room
from scheduling.series import queries as series_queries
from scheduling.series.plan import CANCELLED, Decision, Plan, PlannedDay, State, Wish, exceptions_of, plan_days
from scheduling.series.recurrence import BadRule, Rule, days_from, moment_of, move_days, pair_days
from scheduling.services import appointments, edits
from scheduling.services import series as services
from scheduling.services.series_cancelling import Scope, day_of, end_before, may_go_along
from scheduling.services.slot_checks import check_length
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.common.errors import Conflict, DomainError
from synapse.common.transitions import advance

NOT_NEEDED = "The series has no visit on this day any more"


class Same:
    """Stands for a field that is not changed."""


SAME: Final = Same()


@dataclass(frozen=True)
class SeriesChange:
    """What a change gives the visits; what is not named stays as it is.

    `day` is where the visit it starts from goes; the others go along. `rule` is another way to repeat altogether.
    `details` are fields of the visits: priority, chief_complaint and so on.
    """

    day: date | None = None
    clock: time | None = None
    rule: Rule | None = None
    doctor: User | None = None
    room: Room | Same | None = SAME
    duration_minutes: int | None = None
    appointment_type: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ChangePlan:
    """What a change does.

    `rule` is the one its days follow, `along` are the visits that go along, `standing` all there are, by the day they
    stand for now, `day_of` the day they stand for then.
    """

    plan: Plan
    rule: Rule
    start: date
    old_days: list[date]
    day_of: dict[date, date]
    along: dict[UUID, Appointment]
    standing: list[Appointment]
    keeps_rule: bool

    @property
    def dropped(self) -> list[Appointment]:
        """Return the visits that go along but find no day any more, or whose day is left out."""
        going = {day.visit for day in self.plan.days if not day.is_left_out}
        return [visit for key, visit in self.along.items() if key not in going]


def preview_change(
    visit: Appointment,
    change: SeriesChange,
    *,
    scope: Scope,
    includes_changed: bool = False,
    decisions: Mapping[date, Decision] | None = None,
    by: User,
    at: datetime,
) -> ChangePlan:
    """Return what a change of this visit and the following, or of all to come, would do.

    Raises NotAllowed, Conflict, BadTime, and DomainError when no rule says the new days.
    """
    permissions.check_can_change(by, visit)
    series, visit_day = visit.series, visit.series_day
    if series is None or visit_day is None or visit.status not in Appointment.OPEN:
        raise Conflict("This visit no longer stands. Change the series from another one.", code="visit_over")
    wanted = _apply(series, change)
    permissions.check_can_give_to(by, wanted.doctor, visit)
    check_length(wanted.duration_minutes)
    old_rule = Rule.parse(series.rule)
    start = visit_day if scope == Scope.FOLLOWING else _next_day(series, old_rule, at=at)
    old_days = list(_booked_days(series, old_rule, start))
    rule, first, pairs = _new_days(old_rule, old_days, visit_day, change)
    standing = list(series_queries.list_visits(series).filter(series_day__gte=start).select_related("session"))
    along = {
        found.pk: found
        for found in standing
        if may_go_along(found, at=at) and (includes_changed or not found.series_changed or found.pk == visit.pk)
    }
    stood_for = {found.series_day for found in standing}
    carried = {
        pairs[day]: why
        for day, why in exceptions_of(series.exceptions).items()
        if day in pairs and day not in stood_for
    }
    last_day = max([first, *pairs.values()])
    if change.rule is not None:
        last_day = first + (services.BOOKED_AHEAD if change.rule.is_open_ended else services.LONGEST_SERIES)
    elif old_rule.times is not None:
        last_day += services.LONGEST_SERIES  # room for days that are left out and made up for
    plan = plan_days(
        rule.ending(until=rule.until).days(first),
        Wish(
            clock=wanted.clock,
            minutes=wanted.duration_minutes,
            holiday_rule=series.holiday_rule,
            buffer=services.buffer_of(wanted.appointment_type, wanted.doctor),
            wanted=_number_wanted(old_rule, old_days, carried, change),
            last_day=last_day,
            most=max(services.MOST_VISITS, len(old_days)),
            decisions=decisions or {},
            carried=carried,
            kept={pairs[v.series_day]: v.pk for v in standing if v.series_day in pairs and v.pk not in along},
            moving={pairs[v.series_day]: (v.pk, v.scheduled_at) for v in along.values() if v.series_day in pairs},
        ),
        services.look_around(
            by,
            doctor=wanted.doctor,
            patient=series.patient,
            room=wanted.room,
            zone=ZoneInfo(wanted.timezone),
            first=first,
            last=last_day,
            at=at,
            ignoring=list(along),
        ),
        at=at,
    )
    return ChangePlan(
        plan=plan,
        rule=rule,
        start=start,
        old_days=old_days,
        day_of=pairs,
        along=along,
        standing=standing,
        keeps_rule=scope == Scope.ALL
        and str(rule.ending()) == str(old_rule.ending())
        and wanted.clock == series.clock
        and first == old_days[0]
        and wanted.doctor == series.doctor,
    )


def change_series(
    visit: Appointment,
    change: SeriesChange,
    *,
    scope: Scope,
    includes_changed: bool = False,
    decisions: Mapping[date, Decision] | None = None,
    reason: str = "",
    overbooking_reason: str = "",
    by: User,
    at: datetime,
) -> AppointmentSeries:
    """Change this visit and the following, or all to come, and return the series they belong to then; all or nothing.

    Raises SeriesUndecided and ReasonMissing while days need a decision, SlotTaken when two visits of the series would
    have to change places, and what `preview_change` raises.
    """
    with audit.unit_of_work():
        visit.refresh_from_db()
        if visit.series is None:
            raise Conflict("This visit does not repeat.", code="no_series")
        old = services.lock(visit.series)
        visit.series = old
        found = preview_change(
            visit, change, scope=scope, includes_changed=includes_changed, decisions=decisions, by=by, at=at
        )
        services.check_decided(found.plan, reason=overbooking_reason)
        for dropped in found.dropped:
            appointments.cancel_appointment(dropped, reason=reason.strip() or NOT_NEEDED, by=by, at=at)
        series = _settle_rule(old, found, change, by=by, at=at)
        # Two visits never stand for one day, not even while the others go past them.
        staying = [v for v in found.standing if v.pk not in found.along]
        series.appointments.model.objects.filter(pk__in=[v.pk for v in staying]).update(series_day=None)
        days = found.plan.booked
        going = [(day, found.along[day.visit]) for day in days if day.visit is not None]
        forward = any(day.starts_at > v.scheduled_at for day, v in going if day.starts_at is not None)
        for day, moved in reversed(going) if forward else going:
            _take_along(moved, day, series, change, reason=reason, overbooking_reason=overbooking_reason, by=by, at=at)
        for stays in staying:
            _keep(stays, series, found.day_of.get(day_of(stays), day_of(stays)), at=at)
        for day in found.plan.days:
            if day.state == State.KEPT and day.visit in found.along:
                _keep(found.along[day.visit], series, day.day, at=at, series_changed=True)
        fresh = [day for day in days if day.visit is None]
        services.book_days(series, fresh, reason=overbooking_reason, by=by, at=at)
        services.record_series(
            series, "change", by=by, scope=scope.value, continues=str(old.pk) if old != series else ""
        )
    return series


def _apply(series: AppointmentSeries, change: SeriesChange) -> AppointmentSeries:
    """Return the series as the change wants it, in memory, under a new key."""
    wanted = copy(series)
    wanted.pk = uuid4()
    wanted.clock = change.clock or series.clock
    wanted.duration_minutes = change.duration_minutes or series.duration_minutes
    wanted.appointment_type = change.appointment_type or series.appointment_type
    if not isinstance(change.room, Same):
        wanted.room = change.room
    if change.doctor is not None and change.doctor != series.doctor:
        wanted.doctor = change.doctor
        wanted.timezone = queries.timezone_name_of(change.doctor)
    for name, value in change.details.items():
        setattr(wanted, name, value)
    return wanted


def _next_day(series: AppointmentSeries, rule: Rule, *, at: datetime) -> date:
    zone = ZoneInfo(series.timezone)
    coming = (day for day in rule.days(series.first_day) if moment_of(day, series.clock, zone) > at)
    found = next(coming, None)
    if found is None:
        raise Conflict("No visit of this series is still to come.", code="series_over")
    return found


def _booked_days(series: AppointmentSeries, rule: Rule, start: date) -> Iterator[date]:
    return takewhile(lambda day: day <= series.booked_until, days_from(rule, series.first_day, start))


def _new_days(
    old_rule: Rule, old_days: list[date], visit_day: date, change: SeriesChange
) -> tuple[Rule, date, dict[date, date]]:
    """Return the rule of a change with its end, its first day, and which new day stands for which old one."""
    if not old_days:
        raise Conflict("No visit of this series is still to come.", code="series_over")
    try:
        if change.rule is None:
            rule, pairs = move_days(old_rule, old_days, old=visit_day, new=change.day or visit_day)
            return rule, min(pairs.values()), pairs
    except BadRule as error:
        raise DomainError(str(error), code="bad_rule") from None
    rule = change.rule
    first = rule.first_from(change.day or old_days[0])
    services.check_end(rule, first=first)
    return rule, first, pair_days(old_days, list(islice(rule.days(first), services.MOST_VISITS)))


def _number_wanted(
    old_rule: Rule, old_days: list[date], carried: Mapping[date, str], change: SeriesChange
) -> int | None:
    """Return how many visits are to stand, given up ones among them; None when the days say it."""
    if change.rule is not None:
        return change.rule.times
    if old_rule.times is None:
        return None
    return len(old_days) - sum(why != CANCELLED for why in carried.values())


def _settle_rule(
    old: AppointmentSeries, found: ChangePlan, change: SeriesChange, *, by: User, at: datetime
) -> AppointmentSeries:
    """Store the rule, end and exceptions that a change leaves; return the series its visits belong to."""
    wanted, plan = _apply(old, change), found.plan
    old_rule = Rule.parse(old.rule)
    ends_like = change.rule or old_rule
    before = [row for row in old.exceptions if date.fromisoformat(row["day"]) < found.start]
    if found.keeps_rule:
        wanted.pk = old.pk
        if old_rule.times is not None:
            wanted.rule = str(old_rule.ending(times=old_rule.times + len(plan.days) - len(found.old_days)))
        wanted.exceptions = before + plan.exceptions
        wanted.booked_until = max(old.booked_until, plan.days[-1].day)
        wanted.save(force_update=True)
        return wanted
    wanted.rule = str(_ended(found.rule, like=ends_like, plan=plan))
    wanted.first_day = plan.days[0].day
    wanted.exceptions = plan.exceptions
    wanted.booked_until = plan.days[-1].day
    wanted.end_noticed_at = None
    if not old.appointments.filter(series_day__lt=found.start).exists():
        wanted.pk = old.pk
        wanted.save(force_update=True)
        return wanted
    later = AppointmentSeries.objects.filter(continues=old).first()
    wanted.continues, wanted.booked_by, wanted.created_at = None, by, at
    wanted.save(force_insert=True)
    if later is not None:
        later.continues = wanted
        later.save(update_fields=["continues", "updated_at"])
    wanted.continues = old
    wanted.save(update_fields=["continues", "updated_at"])
    end_before(old, found.start)
    old.exceptions = before
    old.save(update_fields=["rule", "booked_until", "exceptions", "updated_at"])
    return wanted


def _ended(rule: Rule, *, like: Rule, plan: Plan) -> Rule:
    if like.times is not None:
        return rule.ending(times=len(plan.days))
    return rule.ending(until=plan.days[-1].day if like.until is not None else None)


def _take_along(
    visit: Appointment,
    day: PlannedDay,
    series: AppointmentSeries,
    change: SeriesChange,
    *,
    reason: str,
    overbooking_reason: str,
    by: User,
    at: datetime,
) -> None:
    """Make an old visit the one of a planned day: in place while its time and doctor stay, else as a new visit."""
    assert day.starts_at is not None
    fields = dict(change.details)
    if change.appointment_type is not None or visit.series_changed:
        fields["appointment_type"] = series.appointment_type
    if not isinstance(change.room, Same) or visit.series_changed:
        fields["room"] = series.room
    minutes = visit.duration_minutes
    if change.duration_minutes is not None or visit.series_changed:
        minutes = series.duration_minutes
    why = (day.reason or overbooking_reason) if day.is_overridden else ""
    if day.starts_at == visit.scheduled_at and visit.doctor_id == series.doctor_id:
        if fields:
            edits.edit_appointment(visit, by=by, at=at, overbooking_reason=why, **fields)
        edits.resize_appointment(visit, duration_minutes=minutes, by=by, at=at, overbooking_reason=why)
        _keep(visit, series, day.day, at=at, series_changed=day.is_alone)
        return
    moved = appointments.reschedule_appointment(
        visit,
        scheduled_at=day.starts_at,
        duration_minutes=minutes,
        doctor=series.doctor,
        series=series,
        series_day=day.day,
        series_changed=day.is_alone,
        reason=reason,
        overbooking_reason=why,
        by=by,
        at=at,
        **fields,
    )
    if moved.scheduled_at == visit.scheduled_at and visit.confirmed_at is not None:
        # Only the doctor changed: what the patient said about the time still holds.
        advance(
            moved,
            Appointment.Status.CONFIRMED,
            at=at,
            confirmed_at=visit.confirmed_at,
            confirmed_by=visit.confirmed_by,
            confirmed_by_patient=visit.confirmed_by_patient,
        )
        record_change(moved, "confirm", by=by, at=at)


def _keep(visit: Appointment, series: AppointmentSeries, day: date, *, at: datetime, **fields: Any) -> None:
    """Note which series and day a visit stands for; nothing of the visit itself changes."""
    values = {"series": series, "series_day": day, "updated_at": at, **fields}
    Appointment.objects.filter(pk=visit.pk).update(**values)
