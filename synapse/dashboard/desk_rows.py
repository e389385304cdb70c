"""One row of the day sheet: what a visit looks like at the desk, its chips and the one thing to do next. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.utils import timezone

from billing.models import Bill
from billing.money import ZERO, format_money
from patients.models import Consent
from patients.queries import ConsentState
from scheduling.models import Appointment, AppointmentMessage
from scheduling.services import stages

LONG_WAIT_MINUTES = 15
LATE_AFTER = timedelta(minutes=10)
# Sooner than this a reminder is of no use any more.
REMIND_UNTIL = timedelta(hours=1)

Status = Appointment.Status
Type = Appointment.Type
TELEHEALTH = Consent.Kind.TELEHEALTH


class Next(StrEnum):
    """The one thing a row offers."""

    CHECK_IN = "check_in"
    SHOW_IN = "show_in"
    CHECK_OUT = "check_out"
    CALL = "call"
    REMIND = "remind"
    RESEND = "resend"


@dataclass(frozen=True)
class Chip:
    """One small label; `icon` is always there."""

    text: str
    kind: str
    icon: str


@dataclass(frozen=True)
class Facts:
    """What is known around a visit.

    `told` is the last message about it, gone out or not; `unpaid` are older bills; `owed` says what the patient owes
    of each bill, `credit` what they have to their credit by currency.
    """

    recording: ConsentState
    forms: list[ConsentState]
    told: AppointmentMessage | None
    bill: Bill | None
    unpaid: list[Bill]
    owed: Mapping[UUID, Decimal]
    credit: Mapping[str, Decimal]

    @property
    def missing(self) -> list[ConsentState]:
        """Return what the patient has not been asked, or whose time is over; a refusal is an answer."""
        return [state for state in (self.recording, *self.forms) if not state.is_live and not state.is_refused]


@dataclass(frozen=True)
class Row:
    """One visit as the desk sees it. `look` is the class of the row, `said` stands where nothing is to be done."""

    visit: Appointment
    facts: Facts
    tone: str
    look: str
    waiting: int | None
    chips: list[Chip]
    next: Next | None
    said: str

    @property
    def is_gone(self) -> bool:
        return self.visit.checked_out_at is not None or (
            self.visit.status == Status.COMPLETED and self.visit.arrived_at is None
        )

    @property
    def is_here(self) -> bool:
        return self.visit.arrived_at is not None and self.visit.checked_out_at is None

    @property
    def is_coming(self) -> bool:
        return self.visit.status in Appointment.OPEN and self.visit.arrived_at is None

    @property
    def is_unconfirmed(self) -> bool:
        return self.is_coming and self.visit.confirmation_required and self.visit.status == Status.SCHEDULED

    @property
    def is_insurance_open(self) -> bool:
        return bool(self.visit.patient.insurance_provider) and not self.visit.insurance_verified

    @property
    def doctor_name(self) -> str:
        """Return the clinician as colleagues say it: "Dr Rao"."""
        doctor = self.visit.doctor
        return f"Dr {doctor.last_name}" if doctor.is_doctor and doctor.last_name else doctor.display_name

    @property
    def place(self) -> str:
        """Return who sees the patient and where: "Dr Rao, Room 2"."""
        visit = self.visit
        where = "video" if visit.appointment_type == Type.TELEMEDICINE else visit.location
        return ", ".join(filter(None, [self.doctor_name, visit.room.name if visit.room else where]))


def row_of(visit: Appointment, facts: Facts, *, tone: str, now: datetime) -> Row:
    """Draw a visit."""
    waiting = stages.waiting_minutes(visit, now)
    is_live = visit.session is not None and visit.session.is_live
    is_late = visit.status in Appointment.OPEN and visit.arrived_at is None and now - visit.scheduled_at > LATE_AFTER
    draft = Row(visit, facts, tone, "", waiting, [], None, "")
    return Row(
        visit=visit,
        facts=facts,
        tone=tone,
        look=_look(draft, is_late=is_late),
        waiting=waiting,
        chips=list(_chips(draft, is_late=is_late, is_live=is_live)),
        next=_next(draft, is_late=is_late, is_live=is_live, now=now),
        said=_said(draft, is_live=is_live),
    )


def short_money(amount: Decimal, currency: str) -> str:
    """Write an amount for a chip or a tile: whole amounts without their zeros."""
    return format_money(amount, currency).removesuffix(".00")


def _look(row: Row, *, is_late: bool) -> str:
    if row.is_gone or row.visit.status == Status.NO_SHOW:
        return "past"
    if is_late or (row.waiting is not None and row.waiting >= LONG_WAIT_MINUTES):
        return "late"
    return "here" if row.waiting is not None else ""


def _next(row: Row, *, is_late: bool, is_live: bool, now: datetime) -> Next | None:
    visit = row.visit
    if row.is_gone or visit.status == Status.NO_SHOW or is_live:
        return None
    if visit.in_room_at is not None or visit.seen_at is not None:
        return Next.CHECK_OUT
    if visit.arrived_at is not None:
        return Next.SHOW_IN if visit.status in Appointment.OPEN else None
    if is_late and visit.called_at is None:
        return Next.CALL
    if visit.appointment_type == Type.TELEMEDICINE and not is_late:
        return Next.RESEND
    if visit.patient_asked_at is not None and not is_late:
        return Next.CALL
    if row.is_unconfirmed and visit.scheduled_at - now > REMIND_UNTIL:
        return Next.CALL if row.facts.told else Next.REMIND
    return Next.CHECK_IN


def _said(row: Row, *, is_live: bool) -> str:
    visit = row.visit
    if visit.checked_out_at is not None:
        return f"Left {_clock(visit.checked_out_at)}"
    if visit.status == Status.NO_SHOW:
        return "Did not come"
    if is_live:
        return "In session"
    return "Took place" if row.is_gone else ""


def _chips(row: Row, *, is_late: bool, is_live: bool) -> Iterator[Chip]:
    visit = row.visit
    if visit.is_walk_in:
        yield Chip("Walk-in", "line", "door-enter")
    if visit.priority == Appointment.Priority.URGENT and not row.is_gone:
        yield Chip("Urgent", "rec", "alert-triangle")
    yield from _whereabouts(row, is_late=is_late, is_live=is_live)
    if row.is_coming:
        yield from _agreed(row, is_late=is_late)
    if row.is_gone or visit.status == Status.NO_SHOW:
        return
    if visit.in_room_at is None:
        yield from _papers(row)
    if row.is_insurance_open:
        yield Chip("Insurance not checked", "warn", "shield-lock")
    yield from _unpaid(row)
    if visit.patient.has_allergies:
        yield Chip("Allergy: yes", "rec", "alert-triangle")


def _whereabouts(row: Row, *, is_late: bool, is_live: bool) -> Iterator[Chip]:
    """Say where the patient is, and once the visit is over, what its bill needs."""
    visit, bill = row.visit, row.facts.bill
    if row.waiting is not None:
        is_long = row.waiting >= LONG_WAIT_MINUTES
        yield Chip(f"Waiting {row.waiting} min", "warn" if is_long else "brand", "clock")
    elif visit.in_room_at is not None and visit.seen_at is None and visit.checked_out_at is None:
        yield Chip("In session" if is_live else "In the room", "brand", "stethoscope")
    elif is_late and visit.called_at is None:
        yield Chip("Did not come, not called", "rec", "phone")
    elif is_late and visit.called_at is not None:
        yield Chip(f"Did not come, called {_clock(visit.called_at)}", "warn", "phone")
    if bill is not None and (visit.seen_at is not None or visit.status == Status.COMPLETED):
        if bill.status == Bill.Status.PENDING:
            yield Chip("Bill to hand over", "info", "receipt-2")
        elif row.facts.owed[bill.pk] > ZERO:
            yield Chip(f"{short_money(row.facts.owed[bill.pk], bill.currency)} to pay", "warn", "receipt-2")
        elif bill.status == Bill.Status.PAID:
            yield Chip(f"Paid {short_money(bill.total_amount, bill.currency)}", "ok", "circle-check")


def _agreed(row: Row, *, is_late: bool) -> Iterator[Chip]:
    """Say what was agreed about coming."""
    visit, told = row.visit, row.facts.told
    is_video = visit.appointment_type == Type.TELEMEDICINE
    if visit.patient_asked_at is not None:
        yield Chip("Asked for another time", "warn", "message-2")
    elif visit.status == Status.CONFIRMED:
        yield Chip("Confirmed", "info", "video" if is_video else "check")
    elif row.is_unconfirmed and not is_late:
        if told is None:
            yield Chip("Not confirmed", "line", "circle-dashed")
        elif told.status == AppointmentMessage.Status.FAILED:
            yield Chip(f"{told.get_channel_display()} not delivered", "warn", "alert-triangle")
        else:
            yield Chip(f"{told.get_channel_display()} sent, no answer", "line", "send")
    if is_video and told is not None and visit.status == Status.CONFIRMED:
        yield Chip("Link sent", "line", "send")


def _papers(row: Row) -> Iterator[Chip]:
    """Say which consents and forms are missing, and that all is well once the patient is here."""
    recording, missing = row.facts.recording, row.facts.missing
    if recording.is_refused:
        yield Chip("No recording wanted", "", "ban")
    if any(state.kind == TELEHEALTH and state.is_refused for state in row.facts.forms):
        yield Chip("No video wanted", "warn", "video")
    if missing and all(state.is_asked for state in missing):
        count = f"{len(missing)} consents" if len(missing) > 1 else "Consent"
        yield Chip(f"{count} asked", "line", "clock")
    elif len(missing) > 1:
        yield Chip(f"{len(missing)} consents missing", "warn", "clipboard-text")
    elif missing == [recording]:
        yield Chip("Consent missing", "warn", "clipboard-text")
    elif missing:
        yield Chip(f"{missing[0].label} form missing", "warn", "forms")
    elif row.is_here and recording.is_live:
        yield Chip("Consent ok", "ok", "circle-check")


def _unpaid(row: Row) -> Iterator[Chip]:
    """Say what the patient owes on older bills, and what credit they have."""
    for status, word, kind in ((Bill.Status.OVERDUE, "overdue", "rec"), (None, "unpaid", "warn")):
        found = [bill for bill in row.facts.unpaid if (bill.status == Bill.Status.OVERDUE) == (status is not None)]
        for currency in sorted({bill.currency for bill in found}):
            total = sum((row.facts.owed[bill.pk] for bill in found if bill.currency == currency), ZERO)
            if total > ZERO:
                yield Chip(f"{short_money(total, currency)} {word}", kind, "receipt-2")
    for currency, credit in row.facts.credit.items():
        if credit > ZERO:
            yield Chip(f"{short_money(credit, currency)} credit", "info", "cash")


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%-H:%M}"
