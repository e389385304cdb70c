"""What a calendar page draws: its columns, its blocks with their looks, the line of now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduling import queries
from scheduling.calendar import Grid, Span, day_bounds, lay_out, week_of
from scheduling.models import Appointment
from synapse.accounts.models import ClinicSettings, User

TONES = ("b", "n", "v")  # one colour per clinician, always beside the name
MOST_COLUMNS = 12
SATURDAY, SUNDAY = 5, 6

Status = Appointment.Status
LOOKS = {
    Status.SCHEDULED: ("circle-dashed", "not confirmed", "tent"),
    Status.CONFIRMED: ("check", "confirmed", ""),
    Status.COMPLETED: ("circle-check", "completed", "done"),
    Status.NO_SHOW: ("x", "did not come", "done noshow"),
}


@dataclass(frozen=True)
class Visit:
    """An appointment as a block shows it. `tone` is its clinician's colour, `look` the class of its state."""

    appointment: Appointment
    tone: str
    icon: str
    word: str
    look: str
    short_name: str


@dataclass(frozen=True)
class Busy:
    """A time somebody is taken, without saying by whom."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Column:
    """One day of the week view, or one clinician of the day view."""

    number: int
    day: date
    doctor: User | None
    is_today: bool
    is_off: bool
    tone: str = ""


@dataclass(frozen=True)
class Board:
    """A whole calendar page."""

    columns: list[Column]
    grid: Grid[Visit | Busy]
    agenda: list[Visit] = field(default_factory=list)
    now_row: int | None = None
    now_column: int | None = None

    @property
    def patient_ids(self) -> set[UUID]:
        """Return whose data the page shows."""
        shown = (block.item for block in self.grid.blocks)
        return {item.appointment.patient_id for item in [*shown, *self.agenda] if isinstance(item, Visit)}


def week_board(user: User, day: date, doctors: Sequence[User], *, zone: ZoneInfo, now: datetime) -> Board:
    """Draw Monday to Saturday of a day's week, with Sunday when something stands there; the agenda is the day's."""
    days = week_of(day)
    start, end = day_bounds(days[0], zone)[0], day_bounds(days[-1], zone)[1]
    tones = _tones(doctors)
    visits = [
        _visit(appointment, tones)
        for appointment in queries.list_appointments(user, start, end, doctors=[doctor.pk for doctor in doctors])
    ]
    by_day: dict[date, list[Visit]] = {each: [] for each in days}
    for visit in visits:
        by_day[_local_day(visit, zone)].append(visit)
    shown = days if by_day[days[SUNDAY]] else days[:SUNDAY]
    today = now.astimezone(zone).date()
    columns = [
        Column(number, each, None, is_today=each == today, is_off=each.weekday() >= SATURDAY)
        for number, each in enumerate(shown, start=1)
    ]
    spans: list[Span[Visit | Busy]] = [
        _span(visit, column.number) for column in columns for visit in by_day[column.day]
    ]
    return _board(columns, spans, by_day[day], zone=zone, now=now)


def day_board(user: User, day: date, doctors: Sequence[User], *, zone: ZoneInfo, now: datetime) -> Board:
    """Draw one day with a column for each clinician; visits the person may not open are busy times."""
    start, end = day_bounds(day, zone)
    shown = list(doctors)[:MOST_COLUMNS]
    tones = _tones(doctors)
    today = now.astimezone(zone).date()
    columns = [
        Column(number, day, doctor, is_today=day == today, is_off=False, tone=tones[doctor.pk])
        for number, doctor in enumerate(shown, start=1)
    ]
    numbers = {doctor.pk: number for number, doctor in enumerate(shown, start=1)}
    visits = [
        _visit(appointment, tones) for appointment in queries.list_appointments(user, start, end, doctors=list(numbers))
    ]
    # A visit of the night before that runs into this day belongs to that day.
    visits = [visit for visit in visits if _local_day(visit, zone) == day]
    spans: list[Span[Visit | Busy]] = [_span(visit, numbers[visit.appointment.doctor_id]) for visit in visits]
    spans += [
        Span(Busy(begun, ended), numbers[doctor_id], max(begun, start), ended)
        for doctor_id, begun, ended in queries.list_busy_times(user, start, end)
        if doctor_id in numbers
    ]
    return _board(columns, spans, visits, zone=zone, now=now)


def _board(
    columns: list[Column], spans: list[Span[Visit | Busy]], agenda: list[Visit], *, zone: ZoneInfo, now: datetime
) -> Board:
    clinic = ClinicSettings.load()
    grid = lay_out(spans, zone=zone, opening_hour=clinic.opening_hour, closing_hour=clinic.closing_hour)
    today = [column for column in columns if column.is_today]
    row = grid.row_of(now, zone)
    return Board(
        columns=columns,
        grid=grid,
        agenda=agenda,
        now_row=row if today else None,
        now_column=today[0].number if today and row is not None else None,
    )


def _visit(appointment: Appointment, tones: dict[UUID, str]) -> Visit:
    icon, word, look = LOOKS[Status(appointment.status)]
    if appointment.session is not None and appointment.session.is_live:
        icon, word, look = "microphone", "in session", ""
    elif appointment.appointment_type == Appointment.Type.TELEMEDICINE and appointment.status in Appointment.OPEN:
        icon, word = "video", f"telemedicine, {word}"
    patient = appointment.patient
    return Visit(
        appointment=appointment,
        tone=tones.get(appointment.doctor_id, "b"),
        icon=icon,
        word=word,
        look=look,
        short_name=f"{patient.first_name[:1]}. {patient.last_name}" if patient.last_name else patient.first_name,
    )


def _tones(doctors: Sequence[User]) -> dict[UUID, str]:
    return {doctor.pk: TONES[index % len(TONES)] for index, doctor in enumerate(doctors)}


def _span(visit: Visit, column: int) -> Span[Visit | Busy]:
    return Span(visit, column, visit.appointment.scheduled_at, visit.appointment.ends_at)


def _local_day(visit: Visit, zone: ZoneInfo) -> date:
    return visit.appointment.scheduled_at.astimezone(zone).date()
