"""What is known of the reminders of bills: what was written, when its patient was heard from, what comes next."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Max, Q, QuerySet

from billing.ledger import owing
from billing.models import Bill, BillingSettings, BillMessage, ReminderStage
from billing.reminders import collection
from billing.reminders.plan import Chased, Planned, Stage, free_from, plan

Status = BillMessage.Status

WAITING = (Status.DUE, Status.SENDING)
# What the patient has, may have, or is about to get.
WRITTEN = (*WAITING, Status.SENT, Status.UNKNOWN)


@dataclass(frozen=True)
class History:
    """What was written about a bill so far. `is_stuck`: the last letter did not arrive, so somebody has to look."""

    reached: int = 0
    last_number: int = 0
    is_waiting: bool = False
    is_stuck: bool = False


@dataclass(frozen=True)
class Chase:
    """One bill as its reminders see it.

    `owes` is the patient's part, `planned` the next letter, if there is one, `free_on` the first day after the gap.
    """

    bill: Bill
    history: History
    heard_on: date | None
    reminded_on: date | None
    free_on: date | None
    owes: Decimal
    planned: Planned | None


def active_stages() -> list[Stage]:
    """Return the stages that are sent."""
    return [Stage(row.stage, row.days_late) for row in ReminderStage.load_all() if row.is_active]


def chases_of(bills: Sequence[Bill]) -> list[Chase]:
    """Return bills with what was written about them and what comes next, in a fixed number of queries."""
    if not bills:
        return []
    histories = _histories(bills)
    reminded = _reminded_on(bills)
    owed = owing.owed_by_patients(bills)
    stages, gap = active_stages(), BillingSettings.load().reminder_gap_days
    chases = []
    for bill in bills:
        history = histories.get(bill.pk, History())
        reminded_on = reminded.get(person_of(bill))
        heard_on = max((day for day in (reminded_on, bill.last_payment_date) if day), default=None)
        planned = None
        if bill.due_date is not None and bill.status in Bill.OWING and bill.collection_status in collection.CHASED:
            planned = plan(Chased(bill.due_date, history.reached, heard_on), stages, gap_days=gap)
        free_on = free_from(heard_on, gap_days=gap) if heard_on else None
        chases.append(Chase(bill, history, heard_on, reminded_on, free_on, owed[bill.pk], planned))
    return chases


def person_of(bill: Bill) -> UUID:
    """Return the id of the record whose person a bill is about: the kept one of two merged ones."""
    return bill.patient.merged_into_id or bill.patient_id


def reminders_written() -> QuerySet[BillMessage]:
    """Return every row of a reminder, whatever became of it."""
    return BillMessage.objects.filter(document=BillMessage.Document.REMINDER)


def _histories(bills: Collection[Bill]) -> dict[UUID, History]:
    rows = reminders_written().filter(bill__in=bills, number__isnull=False).order_by("number")
    found: dict[UUID, History] = {}
    for bill_id, number, stage, status in rows.values_list("bill_id", "number", "stage", "status"):
        before = found.get(bill_id, History())
        found[bill_id] = History(
            reached=max(before.reached, stage or 0) if status in WRITTEN else before.reached,
            last_number=number or 0,
            is_waiting=before.is_waiting or status in WAITING,
            is_stuck=status == Status.FAILED,
        )
    return found


def _reminded_on(bills: Collection[Bill]) -> dict[UUID, date]:
    """Return when the people of these bills were last reminded of any bill, by the id of their kept record."""
    people = {person_of(bill) for bill in bills}
    of_people = Q(patient__in=people) | Q(patient__merged_into__in=people)
    rows = reminders_written().filter(of_people, status__in=WRITTEN, number__isnull=False)
    last: dict[UUID, date] = {}
    for patient_id, kept_id, on in rows.values_list("patient_id", "patient__merged_into_id").annotate(
        on=Max("letter_date")
    ):
        person = kept_id or patient_id
        last[person] = max(on, last.get(person, on))
    return last
