"""What pages show of reminders: the next letter of a bill, what its patient got, the words of a letter to come."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing import permissions
from billing.models import Bill, BillMessage, ReminderStage
from billing.money import format_money
from billing.reminders import collection
from billing.reminders.chases import Chase, chases_of
from billing.reminders.texts import fill, paragraphs_of
from billing.services import messages, reminders
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.notifications import sms

Channel = BillMessage.Channel
State = Bill.Collection
Status = BillMessage.Status

MOST_SHOWN = 60
LOOKS = {
    Status.SENT: ("ok", "circle-check"),
    Status.FAILED: ("rec", "alert-triangle"),
    Status.UNKNOWN: ("warn", "alert-triangle"),
    Status.SKIPPED: ("warn", "ban"),
}


@dataclass(frozen=True)
class Letter:
    """A letter as a preview shows it."""

    title: str
    paragraphs: list[str]
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Sent:
    """One message of the log, with the look of its state."""

    message: BillMessage
    kind: str
    icon: str


def reminder_context(bill: Bill, user: User) -> dict[str, Any]:
    """Return the card of reminders and messages, and what this person may do about an unpaid bill."""
    may_work = user.may(Permission.RECORD_PAYMENTS)
    may_decide = permissions.can_give_back(user, bill)
    is_owing = bill.status in Bill.OWING
    state = bill.collection_status
    today = ClinicSettings.load().date_of(timezone.now())
    [chase] = chases_of([bill])
    is_late = is_owing and bill.due_date is not None and bill.due_date < today
    return {
        "sent_messages": log_of(bill),
        "reminder_state": bill.get_collection_status_display() if state != State.NONE else "",
        "next_letter": chase.planned if chase.owes > 0 and not chase.history.is_waiting else None,
        "reminder_is_stuck": chase.history.is_stuck,
        "can_remind": may_work and is_late and state in collection.CHASED and chase.owes > 0,
        "can_dispute": may_work and is_owing and state != State.DISPUTED and state != State.WRITTEN_OFF,
        "can_settle_dispute": may_work and state == State.DISPUTED,
        "can_hand_to_collection": may_decide and bill.status == Bill.Status.OVERDUE and state in collection.CHASED,
        "can_take_back": may_decide and state == State.IN_COLLECTION,
    }


def log_of(bill: Bill) -> list[Sent]:
    """Return what the patient was sent about a bill, the latest first."""
    return _looked_at(bill.messages.select_related("requested_by").order_by("-created_at"))


def log_of_patient(patient: Patient, user: User) -> list[Sent]:
    """Return what a patient was sent about money, on all records of the person, the latest first."""
    rows = BillMessage.objects.visible_to(user).filter(patient__in=patient.records())
    return _looked_at(rows.select_related("requested_by", "bill").order_by("-created_at")[:MOST_SHOWN])


def _looked_at(rows: Iterable[BillMessage]) -> list[Sent]:
    return [Sent(row, *LOOKS.get(Status(row.status), ("", "clock"))) for row in rows]


def channels_to(bill: Bill) -> list[tuple[str, str]]:
    """Return the ways a reminder can reach a patient now, the way they want first; a letter can always be printed."""
    patient = bill.patient
    wanted = reminders.channel_for(patient, ClinicSettings.load())
    ways = []
    if patient.kept_record.messages_stopped_at is None:
        offered = [Channel.EMAIL, *([Channel.SMS] if sms.is_offered() else [])]
        ways = [(way.value, way.label) for way in offered if messages.address_of(patient, way)]
    ways.sort(key=lambda way: way[0] != wanted)
    return [*ways, (Channel.PRINT.value, Channel.PRINT.label)]


def stages_to(chase: Chase) -> list[tuple[int, str]]:
    """Return the letters that can be sent by hand: the next one, and those before it again."""
    rows = [row for row in ReminderStage.load_all() if row.is_active]
    later = [row.stage for row in rows if row.stage > chase.history.reached]
    furthest = min(later, default=max((row.stage for row in rows), default=0))
    return [(row.stage, f"{row.stage}: {row.title}") for row in reversed(rows) if row.stage <= furthest]


def letter_about(bill: Bill, stage: ReminderStage, *, owes: Decimal) -> Letter:
    """Return the words a bill's letter would have today."""
    facts = {
        "number": bill.bill_number or "",
        "amount": format_money(owes, bill.currency),
        "due": f"{bill.due_date:%-d %B %Y}" if bill.due_date else "",
        "clinic": ClinicSettings.load().name,
    }
    return letter_with(stage.title, stage.text, facts)


def sample_letter(title: str, text: str, *, days_late: int, today: date) -> Letter:
    """Return a letter about an invented bill that is so many days late today."""
    clinic = ClinicSettings.load()
    due = date.fromordinal(today.toordinal() - days_late)
    facts = {
        "number": f"INV-{due:%Y%m}-000214",
        "amount": format_money(Decimal(250), clinic.currency),
        "due": f"{due:%-d %B %Y}",
        "clinic": clinic.name,
    }
    return letter_with(title, text, facts)


def letter_with(title: str, text: str, facts: Mapping[str, str]) -> Letter:
    return Letter(fill(title, facts), paragraphs_of(fill(text, facts)), facts)
