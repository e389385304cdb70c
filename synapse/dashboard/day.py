"""A doctor's day: what is next, what waits for a signature, what wants attention. A fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.models import Bill
from billing.money import ZERO
from reports.models import Report
from reports.queries import reports_to_sign
from scheduling.availability.rules import Span, work_of
from scheduling.availability.slots import load_diaries
from scheduling.calendar.layout import day_bounds, week_of
from scheduling.models import Appointment
from scheduling.queries import list_appointments
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User
from synapse.dashboard.brief import Brief, read_brief
from synapse.dashboard.gaps import Gap, find_gaps
from synapse.dashboard.worklist.core import Reader, Worklist
from synapse.dashboard.worklist.registry import read_worklist
from synapse.dashboard.worklist.reports import count_unsupported

SHOWN_TO_SIGN = 6
SHOWN_OF_EACH = 3  # rows of one source under "Needs attention"
SIGNED_SINCE = timedelta(days=30)
CHART_HEIGHT, CHART_STEP = 76, 52

Status = Appointment.Status


@dataclass(frozen=True)
class AgendaItem:
    """One visit of today. `report` is the newest one of its session, `gap` the free time before it."""

    visit: Appointment
    report: Report | None
    is_next: bool
    can_start: bool
    gap: Gap | None

    @property
    def is_over(self) -> bool:
        return self.visit.status in (Status.COMPLETED, Status.NO_SHOW)


@dataclass(frozen=True)
class ToSign:
    """A draft and how many of its lines nothing supports."""

    report: Report
    unsupported: int


@dataclass(frozen=True)
class DayCount:
    """Visits of one day of the week; heights and place are for the drawing, in its own units."""

    day: date
    booked: int
    done: int
    x: int
    booked_height: int
    done_height: int

    @property
    def booked_top(self) -> int:
        return CHART_HEIGHT - self.booked_height

    @property
    def done_top(self) -> int:
        return CHART_HEIGHT - self.done_height


@dataclass(frozen=True)
class Day:
    """Everything the home page of a doctor shows."""

    agenda: list[AgendaItem]
    brief: Brief | None
    to_sign: list[ToSign]
    to_sign_count: int
    oldest_days: int | None
    minutes_to_sign: int | None
    unbilled: Mapping[str, Decimal]  # by currency
    unbilled_count: int
    attention: Worklist
    week: list[DayCount]

    @property
    def done_count(self) -> int:
        return sum(item.visit.status == Status.COMPLETED for item in self.agenda)

    @property
    def wait_to_sign(self) -> str:
        """Return the median wait in words: minutes up to two hours, then hours, then days."""
        minutes = self.minutes_to_sign or 0
        if minutes < 120:
            return f"{minutes} min"
        return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"

    @property
    def week_booked(self) -> int:
        return sum(day.booked for day in self.week)

    @property
    def week_done(self) -> int:
        return sum(day.done for day in self.week)

    @property
    def patient_ids(self) -> set[UUID]:
        """Return whose data the page shows."""
        return (
            {item.visit.patient_id for item in self.agenda}
            | {entry.report.session.patient_id for entry in self.to_sign}
            | self.attention.patient_ids
        )


def read_day(doctor: User, *, zone: ZoneInfo, now: datetime) -> Day:
    """Gather a doctor's day."""
    today = now.astimezone(zone).date()
    days = week_of(today)
    start, end = day_bounds(days[0], zone)[0], day_bounds(days[-1], zone)[1]
    # An administrator's or colleague's calendar never shows here, even to somebody who may see it.
    week = list(list_appointments(doctor, start, end, doctors=[doctor.pk]).select_related("room"))
    visits = [visit for visit in week if visit.scheduled_at.astimezone(zone).date() == today]
    upcoming = next_visit(visits, now=now)
    drafts = list(reports_to_sign(doctor).select_related("session__patient").order_by("session__started_at"))
    unbilled: dict[str, Decimal] = defaultdict(lambda: ZERO)
    to_send = Bill.objects.filter(session__doctor=doctor, status=Bill.Status.PENDING)
    amounts = list(to_send.values_list("currency", "total_amount").order_by("currency"))
    for currency, amount in amounts:
        unbilled[currency] += amount
    return Day(
        agenda=_agenda(visits, upcoming, _gaps(doctor, visits, today, zone=zone, now=now)),
        brief=read_brief(upcoming, by=doctor, at=now) if upcoming else None,
        to_sign=[ToSign(report, count_unsupported(report)) for report in drafts[:SHOWN_TO_SIGN]],
        to_sign_count=len(drafts),
        oldest_days=(now - (drafts[0].session.ended_at or now)).days if drafts else None,
        minutes_to_sign=_minutes_to_sign(doctor, now),
        unbilled=dict(unbilled),
        unbilled_count=len(amounts),
        attention=read_worklist(
            Reader(doctor, now, zone), most=SHOWN_OF_EACH, only=lambda source: source.needs_attention
        ),
        week=_count_days(week, days, zone),
    )


def next_visit(visits: list[Appointment], *, now: datetime) -> Appointment | None:
    """Return who is to be called in next: the first coming visit, but somebody who is here before somebody late."""
    coming = [visit for visit in visits if _is_coming(visit, now)]
    here = next((visit for visit in coming if visit.arrived_at is not None), None)
    first = coming[0] if coming else None
    is_late = first is not None and first.arrived_at is None and first.scheduled_at < now
    return here if here is not None and is_late else first


def _is_coming(visit: Appointment, now: datetime) -> bool:
    if visit.status not in Appointment.OPEN or visit.seen_at is not None:
        return False
    is_waiting = visit.arrived_at is not None  # who came is seen, however late it got
    return (visit.ends_at > now or is_waiting) and (visit.session is None or not visit.session.is_live)


def _gaps(doctor: User, visits: list[Appointment], day: date, *, zone: ZoneInfo, now: datetime) -> dict[datetime, Gap]:
    start, end = day_bounds(day, zone)
    diary = load_diaries([doctor], Span(start, end), at=now, with_visits=False)[doctor.pk]
    if not diary.has_hours_on(day):
        return {}
    work = [(stretch.start, stretch.end) for stretch in work_of(diary, day)]
    times = [(visit.scheduled_at, visit.ends_at) for visit in visits if visit.status != Status.NO_SHOW]
    return find_gaps(times, work=work, off=list(diary.off), zone=zone)


def _agenda(visits: list[Appointment], upcoming: Appointment | None, gaps: dict[datetime, Gap]) -> list[AgendaItem]:
    sessions = [visit.session_id for visit in visits if visit.session_id]
    newest = Report.objects.filter(session__in=sessions).defer("structured_data", "generated_content")
    reports = {report.session_id: report for report in newest.order_by("version")}
    return [
        AgendaItem(
            visit=visit,
            report=reports.get(visit.session_id) if visit.session_id else None,
            is_next=visit == upcoming,
            can_start=visit.status in Appointment.OPEN
            and (visit.session is None or visit.session.status == ConsultationSession.Status.CANCELLED),
            gap=gaps.pop(visit.scheduled_at, None),
        )
        for visit in visits
    ]


def _minutes_to_sign(doctor: User, now: datetime) -> int | None:
    """Return the median minutes from a session's end to its signature, over the last 30 days."""
    times = Report.objects.filter(
        signed_by=doctor, signed_at__gte=now - SIGNED_SINCE, session__ended_at__isnull=False
    ).values_list("session__ended_at", "signed_at")
    waits = [(signed - ended).total_seconds() / 60 for ended, signed in times if ended and signed]
    return round(median(waits)) if waits else None


def _count_days(week: Iterable[Appointment], days: list[date], zone: ZoneInfo) -> list[DayCount]:
    """Count visits by day, Monday to Saturday, and place the bars."""
    booked = dict.fromkeys(days, 0)
    done = dict.fromkeys(days, 0)
    for visit in week:
        day = visit.scheduled_at.astimezone(zone).date()
        booked[day] += visit.status != Status.NO_SHOW
        done[day] += visit.status == Status.COMPLETED
    highest = max(*booked.values(), 1)
    return [
        DayCount(
            day=day,
            booked=booked[day],
            done=done[day],
            x=index * CHART_STEP,
            booked_height=booked[day] * CHART_HEIGHT // highest,
            done_height=done[day] * CHART_HEIGHT // highest,
        )
        for index, day in enumerate(days[:6])
    ]
