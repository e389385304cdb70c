"""A doctor's day: what is next, what waits for a signature, what went wrong. A fixed number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef

from billing.models import Bill
from patients.queries import ConsentState, recording_states
from reports.content import all_sentences
from reports.models import Report
from reports.queries import PLAN_TOPICS, reports_to_sign, sections_about
from scheduling.calendar import day_bounds, week_of
from scheduling.models import Appointment
from scheduling.queries import list_appointments
from sessions_app.models import ConsultationSession, Transcription
from synapse.accounts.models import User

SHOWN_TO_SIGN = 6
SHOWN_PROBLEMS = 6
SIGNED_SINCE = timedelta(days=30)
CHART_HEIGHT, CHART_STEP = 76, 52
LONGEST_PLAN = 3  # sentences of the last plan on the card of the next visit

Status = Appointment.Status


@dataclass(frozen=True)
class AgendaItem:
    """One visit of today. `report` is the newest one of its session."""

    visit: Appointment
    report: Report | None
    is_next: bool
    can_start: bool

    @property
    def is_over(self) -> bool:
        return self.visit.status in (Status.COMPLETED, Status.NO_SHOW)


@dataclass(frozen=True)
class NextVisit:
    """Who comes next, and what was left open last time."""

    visit: Appointment
    consent: ConsentState
    last_session: ConsultationSession | None
    session_count: int
    plan: list[str]


@dataclass(frozen=True)
class ToSign:
    """A draft and how many of its lines nothing supports."""

    report: Report
    unsupported: int


@dataclass(frozen=True)
class Problem:
    """Something that failed and what to press. `session` leads to its page."""

    title: str
    text: str
    session: ConsultationSession


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
    next_visit: NextVisit | None
    to_sign: list[ToSign]
    to_sign_count: int
    oldest_days: int | None
    minutes_to_sign: int | None
    unbilled: Decimal
    unbilled_count: int
    problems: list[Problem]
    without_consent: list[Appointment]
    overdue_count: int
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
            | {problem.session.patient_id for problem in self.problems}
        )


def read_day(doctor: User, *, zone: ZoneInfo, now: datetime) -> Day:
    """Gather a doctor's day."""
    today = now.astimezone(zone).date()
    days = week_of(today)
    start, end = day_bounds(days[0], zone)[0], day_bounds(days[-1], zone)[1]
    # An administrator's or colleague's calendar never shows here, even to somebody who may see it.
    week = list(list_appointments(doctor, start, end, doctors=[doctor.pk]))
    visits = [visit for visit in week if visit.scheduled_at.astimezone(zone).date() == today]
    coming = [visit for visit in visits if visit.status in Appointment.OPEN and visit.ends_at > now]
    upcoming = next((visit for visit in coming if visit.session is None or not visit.session.is_live), None)
    consents = recording_states([visit.patient for visit in coming], at=now)
    drafts = list(reports_to_sign(doctor).select_related("session__patient").order_by("session__started_at"))
    unbilled = list(Bill.objects.filter(session__doctor=doctor, status=Bill.Status.PENDING))
    return Day(
        agenda=_agenda(visits, upcoming),
        next_visit=_next_visit(doctor, upcoming, consents) if upcoming else None,
        to_sign=[ToSign(report, _count_unsupported(report)) for report in drafts[:SHOWN_TO_SIGN]],
        to_sign_count=len(drafts),
        oldest_days=(now - (drafts[0].session.ended_at or now)).days if drafts else None,
        minutes_to_sign=_minutes_to_sign(doctor, now),
        unbilled=sum((bill.total_amount for bill in unbilled), Decimal(0)),
        unbilled_count=len(unbilled),
        problems=_problems(doctor),
        without_consent=[visit for visit in coming if not consents[visit.patient_id].is_live],
        overdue_count=Bill.objects.filter(session__doctor=doctor, status=Bill.Status.OVERDUE).count(),
        week=_count_days(week, days, zone),
    )


def _agenda(visits: list[Appointment], upcoming: Appointment | None) -> list[AgendaItem]:
    sessions = [visit.session_id for visit in visits if visit.session_id]
    reports = {report.session_id: report for report in Report.objects.filter(session__in=sessions).order_by("version")}
    return [
        AgendaItem(
            visit=visit,
            report=reports.get(visit.session_id) if visit.session_id else None,
            is_next=visit == upcoming,
            can_start=visit.status in Appointment.OPEN
            and (visit.session is None or visit.session.status == ConsultationSession.Status.CANCELLED),
        )
        for visit in visits
    ]


def _next_visit(doctor: User, visit: Appointment, consents: dict[UUID, ConsentState]) -> NextVisit:
    sessions = ConsultationSession.objects.filter(
        doctor=doctor, patient=visit.patient_id, status=ConsultationSession.Status.COMPLETED
    ).order_by("-started_at")
    held = list(sessions)
    signed = (
        Report.objects.filter(
            session__doctor=doctor, session__patient=visit.patient_id, status=Report.Status.SIGNED, erased_at=None
        )
        .order_by("-session__started_at", "-version")
        .first()
    )
    plan = [
        sentence["text"]
        for section in (sections_about(signed, PLAN_TOPICS) if signed else [])
        for sentence in section["sentences"]
    ]
    return NextVisit(
        visit=visit,
        consent=consents[visit.patient_id],
        last_session=held[0] if held else None,
        session_count=len(held),
        plan=plan[:LONGEST_PLAN],
    )


def _count_unsupported(report: Report) -> int:
    return sum(sentence["support"] == "unsupported" for sentence in all_sentences(report.structured_data))


def _minutes_to_sign(doctor: User, now: datetime) -> int | None:
    """Return the median minutes from a session's end to its signature, over the last 30 days."""
    times = Report.objects.filter(
        signed_by=doctor, signed_at__gte=now - SIGNED_SINCE, session__ended_at__isnull=False
    ).values_list("session__ended_at", "signed_at")
    waits = [(signed - ended).total_seconds() / 60 for ended, signed in times if ended and signed]
    return round(median(waits)) if waits else None


def _problems(doctor: User) -> list[Problem]:
    """Return the doctor's sessions whose last transcript or report went wrong, the newest first."""
    retried = Transcription.objects.filter(session=OuterRef("session"), retry_count__gt=OuterRef("retry_count"))
    transcripts = (
        Transcription.objects.filter(
            ~Exists(retried),
            session__doctor=doctor,
            status__in=[Transcription.Status.FAILED, Transcription.Status.NO_SPEECH],
        )
        .select_related("session__patient")
        .defer("segments", "live_segments", "transcript_text", "original_transcript")
        .order_by("-created_at")[:SHOWN_PROBLEMS]
    )
    rewritten = Report.objects.filter(session=OuterRef("session"), created_at__gt=OuterRef("created_at"))
    reports = (
        Report.objects.filter(~Exists(rewritten), session__doctor=doctor, status=Report.Status.FAILED)
        .select_related("session__patient")
        .defer("structured_data", "generated_content")
        .order_by("-created_at")[:SHOWN_PROBLEMS]
    )
    return [*map(_transcript_problem, transcripts), *map(_report_problem, reports)][:SHOWN_PROBLEMS]


def _transcript_problem(transcription: Transcription) -> Problem:
    name = transcription.session.patient.full_name
    if transcription.status == Transcription.Status.NO_SPEECH:
        text = "The recording is kept. Listen to it, or write the note yourself."
        return Problem(f"No speech was heard for {name}", text, transcription.session)
    text = transcription.error_message or "The audio is safe. Have it written again."
    return Problem(f"Transcript failed for {name}", text, transcription.session)


def _report_problem(report: Report) -> Problem:
    text = "The transcript and the recording are safe. Have it written again."
    return Problem(f"Report failed for {report.session.patient.full_name}", text, report.session)


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
