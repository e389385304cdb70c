"""The front desk's day: who is expected, who waits, what is missing before they come. A fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from billing import queries as bills
from billing.ledger import owing
from billing.models import Bill
from billing.paying.pages import credit_of_all
from patients import queries as patients
from patients.models import Consent
from scheduling.calendar.layout import day_bounds
from scheduling.calendar.looks import TONES, tones_of
from scheduling.changes import calendar_revision
from scheduling.models import Appointment, AppointmentMessage, WalkIn
from scheduling.services import stages
from synapse.accounts.models import ClinicSettings, User
from synapse.dashboard.desk_rows import Facts, Row, row_of
from synapse.dashboard.desk_todo import Todo, todo_of

Kind = Consent.Kind
Status = Appointment.Status

TOLD = (AppointmentMessage.Status.SENT, AppointmentMessage.Status.FAILED)
MOST_TODO = 5
# What a sheet, a list before they come and a waiting room say of people; the rest stays encrypted.
SHOWN = [
    "scheduled_at",
    "ends_at",
    "duration_minutes",
    "appointment_type",
    "status",
    "priority",
    "is_walk_in",
    "insurance_verified",
    "confirmation_required",
    "patient_asked_at",
    "called_at",
    "arrived_at",
    "in_room_at",
    "seen_at",
    "checked_out_at",
    "location",
    "patient__merged_into",
    "patient__first_name",
    "patient__last_name",
    "patient__allergies",
    "patient__insurance_provider",
    "patient__insurance_policy_number",
    "doctor__first_name",
    "doctor__last_name",
    "doctor__username",
    "doctor__role",
    "session__status",
    "room__name",
]


@dataclass(frozen=True)
class Waiting:
    """Somebody in the waiting room: a visit's patient, or a walk-in without a name."""

    since: datetime
    minutes: int
    row: Row | None = None
    walk_in: WalkIn | None = None


@dataclass(frozen=True)
class Desk:
    """Everything the page of the front desk shows. `revision` is the calendar's when it was read."""

    revision: int
    now: datetime
    day: date
    doctors: list[tuple[User, str]]
    doctor: User | None
    rows: list[Row]
    shown: list[Row]
    waiting: list[Waiting]
    todo: list[Todo]
    todo_left: int
    taken: Decimal
    payments: int
    currency: str

    @property
    def past(self) -> list[Row]:
        """Return the rows above the line of now."""
        return [row for row in self.shown if row.visit.scheduled_at <= self.now]

    @property
    def coming(self) -> list[Row]:
        return [row for row in self.shown if row.visit.scheduled_at > self.now]

    @property
    def expected(self) -> int:
        return sum(row.visit.status != Status.NO_SHOW for row in self.rows)

    @property
    def gone(self) -> int:
        return sum(row.is_gone for row in self.rows)

    @property
    def here(self) -> int:
        return sum(row.is_here for row in self.rows) + sum(entry.walk_in is not None for entry in self.waiting)

    @property
    def unconfirmed(self) -> list[Row]:
        return [row for row in self.rows if row.is_unconfirmed and row.visit.scheduled_at > self.now]

    @property
    def patient_ids(self) -> set[UUID]:
        """Return whose data the page shows."""
        return {row.visit.patient_id for row in self.rows} | {entry.visit.patient_id for entry in self.todo}


def read_desk(user: User, *, zone: ZoneInfo, now: datetime, doctor_id: UUID | None = None) -> Desk:
    """Gather the day; `doctor_id` narrows the sheet to one clinician, not the numbers above it."""
    revision = calendar_revision()
    clinic = ClinicSettings.load()
    today = now.astimezone(zone).date()
    start, end = day_bounds(today, zone)
    after = day_bounds(today + timedelta(days=1), zone)[1]
    visits = list(
        Appointment.objects.visible_to(user)
        .filter(scheduled_at__gte=start, scheduled_at__lt=after)
        .exclude(status__in=[Status.CANCELLED, Status.RESCHEDULED])
        .select_related("patient", "doctor", "session", "room")
        .only(*SHOWN)
        .order_by("scheduled_at", "created_at")
    )
    everybody = list(patients.doctors())
    tones = tones_of(everybody)
    doctors = [(doctor, tones[doctor.pk]) for doctor in everybody]
    facts = _read_facts(user, visits, now=now, clinic=clinic)
    rows = [row_of(visit, facts[visit.pk], tone=tones.get(visit.doctor_id, TONES[0]), now=now) for visit in visits]
    of_today = [row for row in rows if row.visit.scheduled_at < end]
    todo = [entry for row in rows for entry in todo_of(row, now=now, is_today=row.visit.scheduled_at < end)]
    taken, payments = bills.taken_in_person(clinic.date_of(now), clinic.currency)
    chosen = next((doctor for doctor, _ in doctors if doctor.pk == doctor_id), None)
    return Desk(
        revision=revision,
        now=now,
        day=today,
        doctors=doctors,
        doctor=chosen,
        rows=of_today,
        shown=[row for row in of_today if chosen is None or row.visit.doctor_id == chosen.pk],
        waiting=_waiting_room(of_today, WalkIn.objects.visible_to(user).waiting(start), now),
        todo=todo[:MOST_TODO],
        todo_left=max(0, len(todo) - MOST_TODO),
        taken=taken,
        payments=payments,
        currency=clinic.currency,
    )


def _read_facts(
    user: User, visits: Sequence[Appointment], *, now: datetime, clinic: ClinicSettings
) -> dict[UUID, Facts]:
    """Return what is known around each visit: answers, messages and bills."""
    people = {visit.patient for visit in visits}
    forms = [Kind.TREATMENT, *([Kind.HIPAA_NOTICE] if clinic.region == "US" else [])]
    answers = patients.answer_states(people, [Kind.RECORDING, Kind.TELEHEALTH, *forms], at=now)
    keys = [visit.pk for visit in visits]
    told = {
        message.appointment_id: message
        for message in AppointmentMessage.objects.filter(appointment__in=keys, status__in=TOLD).order_by("due_at")
    }
    of_visit: dict[UUID, list[Bill]] = defaultdict(list)
    open_of: dict[UUID, list[Bill]] = defaultdict(list)
    sessions = {visit.session_id: visit.pk for visit in visits if visit.session_id}
    found = bills.list_bills_at_desk(user, visits=keys, patients={person.pk for person in people})
    owed = owing.owed_by_patients(found)
    credit = credit_of_all(people)
    for bill in found:
        visit_id = bill.appointment_id or (sessions.get(bill.session_id) if bill.session_id else None)
        if visit_id is not None:
            of_visit[visit_id].append(bill)
        if bill.status in bills.ISSUED_OPEN:
            open_of[bill.patient.kept_id].append(bill)
    return {
        visit.pk: Facts(
            recording=answers[visit.patient_id, Kind.RECORDING],
            forms=[
                answers[visit.patient_id, kind]
                for kind in (
                    [*forms, Kind.TELEHEALTH] if visit.appointment_type == Appointment.Type.TELEMEDICINE else forms
                )
            ],
            told=told.get(visit.pk),
            bill=_latest(of_visit[visit.pk]),
            unpaid=[bill for bill in open_of[visit.patient.kept_id] if bill not in of_visit[visit.pk]],
            owed=owed,
            credit=credit.get(visit.patient.kept_id, {}),
        )
        for visit in visits
    }


def _latest(found: Iterable[Bill]) -> Bill | None:
    """Return the bill that counts: the newest one that was not cancelled."""
    return next((bill for bill in reversed(list(found)) if bill.status != Bill.Status.CANCELLED), None)


def _waiting_room(rows: Iterable[Row], walk_ins: Iterable[WalkIn], now: datetime) -> list[Waiting]:
    """Return who waits, the longest first."""
    waiting = [
        Waiting(since=row.visit.arrived_at, minutes=row.waiting, row=row)
        for row in rows
        if row.waiting is not None and row.visit.arrived_at is not None
    ]
    waiting += [
        Waiting(since=came.arrived_at, minutes=stages.minutes_since(came.arrived_at, now), walk_in=came)
        for came in walk_ins
    ]
    return sorted(waiting, key=lambda entry: entry.since)
