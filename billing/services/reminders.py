"""Remind patients of overdue bills: by the clinic's stages each day, or by hand; one letter for each patient and day.

Each bill has a row of its own for each letter, so that no reminder is ever made twice; the row that goes out leads, the
others end as it does. What a bill counts, it counts when its letter went out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, QuerySet

from billing import permissions
from billing.models import Bill, BillMessage
from billing.money import ZERO
from billing.queries import letter_rows
from billing.reminders import collection
from billing.reminders.chases import Chase, active_stages, chases_of, person_of, reminders_written
from billing.reminders.plan import next_stage
from billing.services import messages
from billing.services.rows import lock, record
from patients.contact.reaching import channels_of
from patients.models import Patient
from scheduling.messages.quiet import quiet_hours_of
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict
from synapse.common.transitions import advance

Channel = BillMessage.Channel
Document = BillMessage.Document
SkipReason = BillMessage.SkipReason
Status = BillMessage.Status


class CannotRemind(Conflict):
    """This bill is not to be reminded of now; the sentence says why."""

    code = "cannot_remind"


class TooSoon(CannotRemind):
    """The patient heard from the clinic a few days ago; with a reason it may go out all the same."""

    code = "reminded_lately"


@dataclass(frozen=True)
class LeftOut:
    """A bill that was not reminded of, and why, in words."""

    bill: Bill
    why: str


@dataclass(frozen=True)
class Report:
    """What became of a batch."""

    queued: list[BillMessage] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def queue_due(at: datetime) -> int:
    """Queue the reminders that are due and return how many bills they tell of; a sweep, safe to run twice at once.

    What comes up in quiet hours is queued for their end and carries that day's date.
    """
    clinic = ClinicSettings.load()
    quiet = quiet_hours_of(clinic)
    goes_at = quiet.end_after(at) if quiet.hold(at) else at
    today = clinic.date_of(goes_at)
    count = 0
    for person_id in _people_due(today):
        with unit_of_work():
            person = Patient.objects.get(pk=person_id)
            channel = channel_for(person, clinic)
            # Asked again under the lock that all writers of the trail share: another worker may have been here.
            due = [chase for chase in chases_of(_lock_late(person, today)) if _is_due(chase, today)] if channel else []
            if due:
                letter = [(chase, chase.planned.stage.number) for chase in due if chase.planned]
                count += len(_write(letter, channel=channel, by=None, at=at, due_at=goes_at, letter_date=today))
    return count


def unreachable(bills: Iterable[Bill], *, today: date) -> list[Bill]:
    """Return the bills whose reminder is due and cannot be sent, so that a letter has to be printed."""
    clinic = ClinicSettings.load()
    due = [chase for chase in chases_of(list(bills)) if _is_due(chase, today)]
    return [chase.bill for chase in due if not channel_for(chase.bill.patient, clinic)]


def _people_due(today: date) -> list[UUID]:
    stages = active_stages()
    if not stages:
        return []
    latest = today - timedelta(days=max(1, min(stage.days_late for stage in stages)))
    late = (
        _chased()
        .filter(due_date__lte=latest)
        .select_related("patient")
        .only(
            *("due_date", "last_payment_date", "status", "currency", "outstanding_amount", "insurance_covered_amount"),
            *("bill_number", "collection_status", "patient__merged_into"),
        )
    )
    people = {person_of(chase.bill): None for chase in chases_of(list(late)) if _is_due(chase, today)}
    return list(people)


def _is_due(chase: Chase, today: date) -> bool:
    if chase.history.is_waiting or chase.history.is_stuck or chase.owes <= ZERO:
        return False
    return chase.planned is not None and chase.planned.is_due(today)


def _chased() -> QuerySet[Bill]:
    return Bill.objects.filter(status__in=Bill.OWING, collection_status__in=collection.CHASED)


def _lock_late(person: Patient, today: date) -> list[Bill]:
    late = _chased().filter(patient__in=person.records(), due_date__lt=today)
    bills = list(late.select_related("patient").order_by("pk"))
    for bill in bills:
        lock(bill)
    return bills


def remind(
    bill: Bill, *, by: User, at: datetime, stage: int | None = None, channel: str = "", early_reason: str = ""
) -> BillMessage:
    """Remind of one bill now; without a stage with the next one, without a channel as the patient wants it.

    A printed letter counts as sent. `early_reason` lets one go out within the gap, never two on one day. Raises
    NotAllowed, CannotRemind (TooSoon within the gap) and CannotSend.
    """
    permissions.check_can_work_with_bills(by)
    clinic = ClinicSettings.load()
    today = clinic.date_of(at)
    with unit_of_work():
        lock(bill)
        [chase] = chases_of([bill])
        early_reason = early_reason.strip()
        check_can_remind(chase, today=today, is_early=bool(early_reason))
        number = _check_stage(chase, stage)
        channel = channel or channel_for(bill.patient, clinic) or Channel.EMAIL
        [message] = _write([(chase, number)], channel=channel, by=by, at=at, due_at=at, letter_date=today)
        if early_reason:
            message.early_reason = early_reason
            message.save(update_fields=["early_reason"])
        record(bill, "remind", by=by, message=str(message.pk), is_early="yes" if early_reason else "no")
    return message


def remind_many(bills: Iterable[Bill], *, by: User, at: datetime, channel: str = "") -> Report:
    """Remind of chosen bills, one letter for each patient, and tell what was left out and why. Raises NotAllowed."""
    permissions.check_can_work_with_bills(by)
    clinic = ClinicSettings.load()
    today = clinic.date_of(at)
    report = Report()
    of_person: dict[UUID, list[Bill]] = defaultdict(list)
    for bill in sorted({bill.pk: bill for bill in bills}.values(), key=lambda bill: str(bill.pk)):
        of_person[person_of(bill)].append(bill)
    for own in of_person.values():
        with unit_of_work():
            for bill in own:
                lock(bill)
            letter: list[tuple[Chase, int]] = []
            for chase in chases_of(own):
                try:
                    check_can_remind(chase, today=today)
                    letter.append((chase, _check_stage(chase, None)))
                except CannotRemind as error:
                    report.left_out.append(LeftOut(chase.bill, str(error)))
            if not letter:
                continue
            way = channel or channel_for(own[0].patient, clinic)
            if not way:
                report.left_out.extend(LeftOut(chase.bill, UNREACHED) for chase, _ in letter)
                continue
            rows = _write(letter, channel=way, by=by, at=at, due_at=at, letter_date=today)
            report.queued.extend(rows)
            for row in rows:
                assert row.bill is not None
                record(row.bill, "remind", by=by, message=str(row.pk))
    return report


UNREACHED = "The patient cannot be written to by e-mail or SMS. Print the letter instead."


def check_can_remind(chase: Chase, *, today: date, is_early: bool = False) -> None:
    """Raise CannotRemind, or TooSoon within the gap, unless a letter about this bill may be written today."""
    bill = chase.bill
    if bill.status not in Bill.OWING:
        raise CannotRemind(f"This bill is {bill.get_status_display().lower()}: there is nothing to remind of.")
    if bill.collection_status not in collection.CHASED:
        state = bill.get_collection_status_display().lower()
        raise CannotRemind(f"This bill is {state}, so its patient is not reminded.")
    if bill.due_date is None or bill.due_date >= today:
        raise CannotRemind(f"This bill is due on {bill.due_date:%-d %B}. Remind of it after that day.")
    if chase.owes <= ZERO:
        raise CannotRemind("What is open is expected from the insurer. The patient owes nothing of it.")
    if chase.history.is_waiting:
        raise CannotRemind("A reminder of this bill is on its way.")
    if chase.reminded_on is not None and chase.reminded_on >= today:
        raise CannotRemind("This patient was reminded today. Nobody is reminded twice on one day.")
    if chase.heard_on and chase.free_on and chase.free_on > today and not is_early:
        was = "reminded" if chase.heard_on == chase.reminded_on else "paying a part"
        raise TooSoon(
            f"This patient was {was} on {chase.heard_on:%-d %B}. The next letter may go out on {chase.free_on:%-d %B}; "
            "say why if it has to be sooner."
        )


def _check_stage(chase: Chase, stage: int | None) -> int:
    """Return the stage to send: the next one, or the last again after it. Raises CannotRemind for one too far ahead."""
    stages = active_stages()
    if not stages:
        raise CannotRemind("All reminders are switched off in the settings.")
    following = next_stage(chase.history.reached, stages) or max(stages, key=lambda each: each.number)
    if stage is None:
        return following.number
    if stage not in {each.number for each in stages} or stage > following.number:
        raise CannotRemind(f"The next reminder of this bill is number {following.number}.")
    return stage


def channel_for(patient: Patient, clinic: ClinicSettings) -> str:
    """Return how a patient is written to: by their wish, where there is an address for it; nothing when nothing is."""
    for channel in channels_of(patient, clinic):
        if messages.address_of(patient, channel):
            return channel
    return ""


def _write(
    letter: Sequence[tuple[Chase, int]],
    *,
    channel: str,
    by: User | None,
    at: datetime,
    due_at: datetime,
    letter_date: date,
) -> list[BillMessage]:
    """Queue one letter about these bills, in the words of the furthest stage, and return its rows, the leading one first."""
    ordered = sorted(letter, key=lambda each: (-each[1], each[0].bill.due_date, str(each[0].bill.pk)))
    rows: list[BillMessage] = []
    for chase, stage in ordered:
        row = messages.queue_message(
            Document.REMINDER,
            patient=chase.bill.patient,
            bill=chase.bill,
            by=by,
            at=at,
            channel=channel,
            number=chase.history.last_number + 1,
            stage=stage,
            letter_date=letter_date,
            due_at=due_at,
        )
        if rows:
            row.leader = rows[0]
            row.save(update_fields=["leader"])
        rows.append(row)
    if channel == Channel.PRINT:
        on_sent(rows[0], at=at)
    return rows


def lead_anew(rows: Sequence[BillMessage]) -> None:
    """Let the first of these rows lead, since the one that did falls away; their letter goes out with the next run."""
    for row in rows:
        row.leader = None if row is rows[0] else rows[0]
        row.save(update_fields=["leader"])


def end_followers(message: BillMessage, *, at: datetime) -> None:
    """Let the other rows of a letter end as the leading one did, and count it on their bills when it went out."""
    if message.document != Document.REMINDER:
        return
    for row in letter_rows(message)[1:]:
        if row.status == Status.SENDING:
            fields = {"sent_at": message.sent_at, "error_code": message.error_code, "due_at": message.due_at}
            advance(row, message.status, at=at, **fields)
    if message.status == Status.SENT:
        on_sent(message, at=at)


def on_sent(message: BillMessage, *, at: datetime) -> None:
    """Count a letter that went out on each bill it tells of; counting it again changes nothing."""
    for row in letter_rows(message):
        if row.number is None or row.bill is None:
            continue  # the same letter once more
        bill = row.bill
        lock(bill)
        sent = reminders_written().filter(bill=bill, number__isnull=False, status=Status.SENT)
        bill.reminder_sent_count = sent.aggregate(count=Count("pk"))["count"]
        bill.last_reminder_sent_at = at
        bill.save(update_fields=["reminder_sent_count", "last_reminder_sent_at"])
        if bill.collection_status == Bill.Collection.NONE and bill.status in Bill.OWING:
            collection.move(bill, Bill.Collection.REMINDED, at=at)
