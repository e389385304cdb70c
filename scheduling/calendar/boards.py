"""What a calendar page draws: its columns, its blocks with their looks, what is shaded, the line of now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse

from scheduling import queries
from scheduling.calendar import opening
from scheduling.calendar.layout import Grid, Span, closed_rows, day_bounds, lay_out, week_of
from scheduling.calendar.looks import Look, flags_of, look_of, tones_of
from scheduling.models import Appointment, Room, TimeOff
from scheduling.permissions import may_read_words
from sessions_app.models import ConsultationSession
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission

MOST_COLUMNS = 12
SUNDAY = 6


@dataclass(frozen=True)
class Asked:
    """Whose calendar a page shows and to whom: `everybody` has the colours, `chosen` the visits, `now` the clock."""

    user: User
    everybody: Sequence[User]
    chosen: Sequence[User]
    rooms: Sequence[Room]  # those of the clinic, by name
    chosen_rooms: frozenset[UUID]
    zone: ZoneInfo
    now: datetime
    clinic: ClinicSettings

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def doctor_ids(self) -> list[UUID]:
        return [doctor.pk for doctor in self.chosen]


@dataclass(frozen=True)
class Visit:
    """An appointment as a block or a line shows it: words, so that a page of hundreds only has to place them.

    `tone` is the colour of its clinician, `clock` and `until` are of the reader's wall clock.
    """

    appointment: Appointment
    address: str
    tone: str
    look: Look
    flags: list[tuple[str, str]]
    name: str
    short_name: str
    clock: str
    until: str
    day_words: str
    minutes: str
    type_word: str
    doctor_name: str
    place: str
    is_movable: bool

    @property
    def spoken(self) -> str:
        """Return what a screen reader hears after what is seen."""
        marks = [self.look.word, *(word for _, word in self.flags)]
        return ", ".join([*marks, self.day_words, self.doctor_name])


@dataclass(frozen=True)
class Taken:
    """A time nobody books: a meeting, an absence, a time that is held, or a colleague's visit without its name."""

    title: str
    text: str = ""
    is_held: bool = False


Item = Visit | Taken


@dataclass(frozen=True)
class Column:
    """One day, or one clinician of a day. `notes` says what takes the whole of it; `closed` is shaded: row, height."""

    number: int
    day: date
    doctor: User | None
    is_today: bool
    tone: str = ""
    notes: list[str] = field(default_factory=list)
    closed: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Board:
    """A grid of the calendar and, for a phone, the list of its day."""

    columns: list[Column]
    grid: Grid[Item]
    agenda: list[Visit] = field(default_factory=list)
    now_row: int | None = None
    now_column: int | None = None
    left_out: int = 0  # clinicians who found no column

    @property
    def patient_ids(self) -> set[UUID]:
        """Return whose data the page shows."""
        shown = (block.item for block in self.grid.blocks)
        return {item.appointment.patient_id for item in [*shown, *self.agenda] if isinstance(item, Visit)}


def week_board(asked: Asked, day: date) -> Board:
    """Draw Monday to Saturday of a day's week, with Sunday when a visit stands there or somebody has hours on it."""
    days = week_of(day)
    by_day = visits_by_day(asked, days[0], days[-1])
    sunday = days[SUNDAY]
    shown = days if by_day.get(sunday) or opening.has_hours(sunday, asked.doctor_ids) else days[:SUNDAY]
    columns = [Column(number, each, None, each == asked.today) for number, each in enumerate(shown, start=1)]
    return _draw(asked, columns, by_day, agenda_of=day)


def day_board(asked: Asked, day: date) -> Board:
    """Draw one day in one column, visits at one time side by side."""
    return _draw(asked, [Column(1, day, None, day == asked.today)], visits_by_day(asked, day, day), agenda_of=day)


def doctors_board(asked: Asked, day: date) -> Board:
    """Draw one day with a column for each clinician; visits the person may not open are busy times."""
    tones = tones_of(asked.everybody)
    columns = [
        Column(number, day, doctor, day == asked.today, tones[doctor.pk])
        for number, doctor in enumerate(asked.chosen[:MOST_COLUMNS], start=1)
    ]
    board = _draw(asked, columns, visits_by_day(asked, day, day), agenda_of=day)
    return replace(board, left_out=len(asked.chosen) - len(columns))


def visits_by_day(asked: Asked, first: date, last: date) -> dict[date, list[Visit]]:
    """Return the visits from first to last under the day they begin on in the reader's zone."""
    start, end = day_bounds(first, asked.zone)[0], day_bounds(last, asked.zone)[1]
    found = queries.list_calendar_visits(asked.user, start, end, doctors=asked.doctor_ids, rooms=asked.chosen_rooms)
    by_day: dict[date, list[Visit]] = {}
    for visit in see(asked, found):
        # A visit of the night before that runs into this day belongs to that day.
        if (day := visit.appointment.scheduled_at.astimezone(asked.zone).date()) >= first:
            by_day.setdefault(day, []).append(visit)
    return by_day


def see(asked: Asked, appointments: Iterable[Appointment]) -> list[Visit]:
    """Return appointments as this page shows them, with the doctor and the room the page already has."""
    tones = tones_of(asked.everybody)
    doctors = {doctor.pk: doctor for doctor in asked.everybody}
    doctor_names = {doctor.pk: doctor.display_name for doctor in asked.everybody}
    rooms = {room.pk: room.name for room in asked.rooms}
    types = {str(value): str(label) for value, label in Appointment.Type.choices}
    stem = reverse("scheduling:calendar")
    visits = []
    for appointment in appointments:
        appointment.doctor = doctors[appointment.doctor_id]
        patient, session = appointment.patient, appointment.session
        has_begun = session is not None and session.status != ConsultationSession.Status.CANCELLED
        start, end = appointment.scheduled_at.astimezone(asked.zone), appointment.ends_at.astimezone(asked.zone)
        visits.append(
            Visit(
                appointment=appointment,
                address=f"{stem}{appointment.pk}/",
                tone=tones[appointment.doctor_id],
                look=look_of(appointment),
                flags=flags_of(appointment),
                name=patient.full_name,
                short_name=f"{patient.first_name[:1]}. {patient.last_name}"
                if patient.last_name
                else patient.first_name,
                clock=f"{start:%-H:%M}",
                until=f"{end:%-H:%M}",
                day_words=f"{start:%A %-d %B}",
                minutes=str(appointment.duration_minutes),
                type_word=types[appointment.appointment_type],
                doctor_name=doctor_names[appointment.doctor_id],
                place=rooms.get(appointment.room_id, appointment.location),  # type: ignore[arg-type]
                is_movable=appointment.status in Appointment.OPEN and not has_begun,
            )
        )
    return visits


def _draw(asked: Asked, columns: list[Column], by_day: dict[date, list[Visit]], *, agenda_of: date) -> Board:
    first, last = columns[0].day, columns[-1].day
    start, end = day_bounds(first, asked.zone)[0], day_bounds(last, asked.zone)[1]
    spans: list[Span[Item]] = [
        Span(visit, column.number, visit.appointment.scheduled_at, visit.appointment.ends_at)
        for column in columns
        for visit in by_day.get(column.day, [])
        if column.doctor is None or column.doctor.pk == visit.appointment.doctor_id
    ]
    notes: dict[int, list[str]] = {column.number: [] for column in columns}
    for holiday in opening.closed_days(first, last):
        for column in columns:
            if column.day == holiday.day:
                notes[column.number].append(holiday.name)
    for entry in opening.time_off(start, end, asked.doctor_ids):
        _place_time_off(asked, entry, columns, spans, notes)
    spans += _busy_spans(asked, columns, start, end)
    clinic = asked.clinic
    grid = lay_out(spans, zone=asked.zone, opening_hour=clinic.opening_hour, closing_hour=clinic.closing_hour)
    working = opening.working_times(asked.chosen, start, end)
    drawn = [
        Column(
            column.number,
            column.day,
            column.doctor,
            column.is_today,
            column.tone,
            notes[column.number],
            closed_rows(
                [
                    (begun, ended)
                    for doctor, begun, ended in working
                    if column.doctor is None or column.doctor.pk == doctor
                ],
                day=column.day,
                grid=grid,
                zone=asked.zone,
            ),
        )
        for column in columns
    ]
    today = [column for column in drawn if column.is_today]
    row = grid.row_of(asked.now, asked.zone) if today else None
    return Board(
        columns=drawn,
        grid=grid,
        agenda=by_day.get(agenda_of, []),
        now_row=row,
        now_column=today[0].number if row is not None else None,
    )


def _place_time_off(
    asked: Asked, entry: TimeOff, columns: list[Column], spans: list[Span[Item]], notes: dict[int, list[str]]
) -> None:
    """Draw a time off in the columns it concerns, cut to the clinic's hours; what fills them is a note on top."""
    taken = describe(asked, entry)
    for column in columns:
        if column.doctor is not None and entry.doctor_id not in (None, column.doctor.pk):
            continue
        opens, closes = _clinic_hours(asked, column.day)
        start, end = max(entry.starts_at, opens), min(entry.ends_at, closes)
        if start >= end:
            continue
        if (start, end) == (opens, closes):
            notes[column.number].append(taken.title)
        else:
            spans.append(Span(taken, column.number, start, end))


def describe(asked: Asked, entry: TimeOff) -> Taken:
    """Say what a time off is; its own words are for the one it belongs to and for the desk."""
    doctor = next((each for each in asked.everybody if each.pk == entry.doctor_id), None)
    whose = doctor.display_name if doctor else "All clinicians"
    title = entry.title if may_read_words(asked.user, entry) else ""
    if entry.kind == TimeOff.Kind.LEAVE:
        return Taken(f"{whose} away", title) if doctor else Taken(title or "Away", whose)
    return Taken(title or entry.get_kind_display(), whose)


def _busy_spans(asked: Asked, columns: list[Column], start: datetime, end: datetime) -> list[Span[Item]]:
    """Return colleagues' visits as busy times, and the times held for the waiting list."""
    spans: list[Span[Item]] = []
    for offer in opening.held_offers(start, end, asked.doctor_ids, at=asked.now):
        day = offer.starts_at.astimezone(asked.zone).date()
        spans += [
            Span(Taken("Held", "for the waiting list", is_held=True), column.number, offer.starts_at, offer.ends_at)
            for column in columns
            if column.day == day and (column.doctor is None or column.doctor.pk == offer.doctor_id)
        ]
    numbers = {column.doctor.pk: column.number for column in columns if column.doctor is not None}
    if numbers and not asked.user.may(Permission.MANAGE_ALL_APPOINTMENTS):
        spans += [
            Span(Taken("Busy"), numbers[doctor_id], max(begun, start), ended)
            for doctor_id, begun, ended in queries.list_busy_times(asked.user, start, end)
            if doctor_id in numbers
        ]
    return spans


def _clinic_hours(asked: Asked, day: date) -> tuple[datetime, datetime]:
    start, end = day_bounds(day, asked.zone)
    closing = asked.clinic.closing_hour
    opens = datetime.combine(day, time(asked.clinic.opening_hour), tzinfo=asked.zone)
    return max(opens, start), end if closing >= 24 else datetime.combine(day, time(closing), tzinfo=asked.zone)
