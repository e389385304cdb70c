"""Work on many bills at once: each patient's bills in a transaction of their own, with what became of each bill.

A rule that one bill breaks leaves that bill out and says why; the others go on. The outcome is written in the
transaction of the work, so a run that is repeated or was cut short does nothing twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import BytesIO
from itertools import groupby
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Coalesce
from pypdf import PdfWriter

from billing import permissions
from billing.documents import sheets as documents
from billing.models import Bill, BillBatch, BillMessage
from billing.services import messages, reminders
from patients.models import Patient
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common import jobs
from synapse.common.errors import DomainError
from synapse.common.models import Job

RUN = "billing.batch_tasks.run"
MOST_BILLS = 1_000
AT_ONCE = 20
PRINTED_AT_ONCE = 25


@dataclass(frozen=True)
class Outcome:
    """What became of one bill: done, or left out, and in which words."""

    bill_id: UUID
    is_done: bool
    words: str


Work = Callable[[Sequence[Bill], User, datetime], Iterator[Outcome]]


def start_batch(action: str, bill_ids: Sequence[UUID], *, by: User, at: datetime, key: UUID) -> BillBatch:
    """Do something with many bills: few at once, more as a job. The same key again returns the first batch.

    Bills this person may not see are none of the batch. Raises NotAllowed, and DomainError for none or too many.
    """
    permissions.check_can_work_with_bills(by)
    visible = set(Bill.objects.visible_to(by).filter(pk__in=bill_ids[: MOST_BILLS + 1]).values_list("pk", flat=True))
    chosen = [pk for pk in dict.fromkeys(bill_ids) if pk in visible]
    if not chosen:
        raise DomainError("Choose at least one bill.", code="nothing_chosen")
    if len(bill_ids) > MOST_BILLS:
        raise DomainError(f"Choose {MOST_BILLS} bills at most.", code="too_many_bills")
    with audit.unit_of_work():
        repeated = BillBatch.objects.filter(pk=key).first()
        if repeated is not None:
            return repeated
        batch = BillBatch(id=key, action=BillBatch.Action(action), requested_by=by, bill_ids=[str(pk) for pk in chosen])
        try:
            with transaction.atomic():
                batch.save(force_insert=True)
        except IntegrityError:
            return BillBatch.objects.get(pk=key)
        audit.record(Action.UPDATE, by=by, target=batch, detail={"verb": action, "bills": len(chosen)})
        if len(chosen) > AT_ONCE:
            jobs.enqueue(RUN, batch.pk, by_id=by.pk, key=f"bill-batch:{batch.pk}")
    if len(chosen) <= AT_ONCE:
        run_batch(batch, at=at)
    return batch


def continue_batch(batch: BillBatch, *, by: User, at: datetime) -> None:
    """Go on with a batch that was cut short. Raises NotAllowed."""
    permissions.check_can_work_with_bills(by)
    run_batch(batch, at=at)


def run_batch(batch: BillBatch, *, at: datetime, tell: Callable[[int, int], None] | None = None) -> None:
    """Do what is left of a batch; `tell` hears how many bills of how many have an outcome."""
    batch.refresh_from_db()
    left = [UUID(key) for key in batch.bill_ids if key not in batch.outcomes]
    by = batch.requested_by
    bills = Bill.objects.visible_to(by).filter(pk__in=left).select_related("patient__merged_into", "doctor")
    of_person = sorted(bills, key=lambda bill: (bill.patient.kept_id, bill.pk))
    for _, group in groupby(of_person, key=lambda bill: bill.patient.kept_id):
        _work_on(batch, list(group), by=by, at=at)
        if tell:
            tell(len(batch.outcomes), len(batch.bill_ids))
    gone = [key for key in batch.bill_ids if key not in batch.outcomes]
    if gone:
        with audit.unit_of_work():
            _note(batch, [Outcome(UUID(key), False, "You may not open this bill any more.") for key in gone])


def job_of(batch: BillBatch) -> Job | None:
    """Return the job that works on a batch; None when it was small."""
    return Job.objects.filter(kind=RUN, object_id=batch.pk).first()


def outcomes_of(batch: BillBatch) -> list[Outcome]:
    """Return what became of each bill so far, in the order of the list."""
    return [Outcome(UUID(key), *batch.outcomes[key]) for key in batch.bill_ids if key in batch.outcomes]


def print_statements(batch: BillBatch, part: int) -> bytes:
    """Return the statements of one part of a batch as one file; parts count from 1. Raises DocumentError."""
    writer = PdfWriter()
    for message in parts_of(batch)[part - 1]:
        sheet = documents.render("statement", patient=message.patient, message=message)
        writer.append(BytesIO(sheet))
    merged = BytesIO()
    writer.write(merged)
    return merged.getvalue()


def parts_of(batch: BillBatch) -> list[list[BillMessage]]:
    """Return the printed statements of a batch in the order of the list, as many at once as a page can wait for."""
    done = [one.bill_id for one in outcomes_of(batch) if one.is_done]
    of_bill = dict(Bill.objects.filter(pk__in=done).values_list("pk", "patient_id"))
    kept = dict(Patient.objects.filter(pk__in=of_bill.values()).values_list("pk", Coalesce("merged_into_id", "pk")))
    people = list(dict.fromkeys(kept[of_bill[pk]] for pk in done if pk in of_bill))
    printed = BillMessage.objects.filter(
        patient__in=people,
        document=BillMessage.Document.STATEMENT,
        channel=BillMessage.Channel.PRINT,
        requested_by=batch.requested_by,
        created_at__gte=batch.created_at,
    ).select_related("patient__merged_into", "requested_by")
    letters = {message.patient_id: message for message in printed.order_by("-created_at")}
    found = [letters[person] for person in people if person in letters]
    return [found[start : start + PRINTED_AT_ONCE] for start in range(0, len(found), PRINTED_AT_ONCE)]


def _work_on(batch: BillBatch, bills: Sequence[Bill], *, by: User, at: datetime) -> None:
    work = WORKS[BillBatch.Action(batch.action)]
    with audit.unit_of_work():
        # Whoever else runs this batch waits here and then finds these bills done.
        batch.refresh_from_db(from_queryset=BillBatch.objects.select_for_update())
        left = [bill for bill in bills if str(bill.pk) not in batch.outcomes]
        if left:
            _note(batch, list(work(left, by, at)))


def _note(batch: BillBatch, outcomes: Sequence[Outcome]) -> None:
    batch.outcomes = batch.outcomes | {str(one.bill_id): [one.is_done, one.words] for one in outcomes}
    batch.save(update_fields=["outcomes", "updated_at"])


def _send(bills: Sequence[Bill], by: User, at: datetime) -> Iterator[Outcome]:
    for bill in bills:
        if bill.bill_number:
            yield Outcome(bill.pk, False, "It was issued before. Its page sends it again.")
            continue
        try:
            with transaction.atomic():
                messages.send_invoice(bill, how="mail", by=by, at=at)
        except DomainError as error:
            yield Outcome(bill.pk, False, error.message)
        else:
            yield Outcome(bill.pk, True, "On its way by e-mail.")


def _state(bills: Sequence[Bill], by: User, at: datetime, *, channel: str, words: str) -> Iterator[Outcome]:
    """Write one statement of all a patient owes, whichever of their bills were chosen."""
    try:
        with transaction.atomic():
            messages.send_statement(bills[0].patient.kept_record, by=by, at=at, channel=channel)
    except DomainError as error:
        yield from (Outcome(bill.pk, False, error.message) for bill in bills)
    else:
        yield from (Outcome(bill.pk, True, words) for bill in bills)


def _remind(bills: Sequence[Bill], by: User, at: datetime) -> Iterator[Outcome]:
    """Write one letter about those of a patient's bills that may be reminded of now."""
    try:
        with transaction.atomic():
            report = reminders.remind_many(bills, by=by, at=at)
    except DomainError as error:
        yield from (Outcome(bill.pk, False, error.message) for bill in bills)
        return
    queued = {row.bill_id: row for row in report.queued}
    for left in report.left_out:
        yield Outcome(left.bill.pk, False, left.why)
    for bill in bills:
        if bill.pk in queued:
            yield Outcome(bill.pk, True, f"Reminder {queued[bill.pk].number} is on its way.")


WORKS: dict[BillBatch.Action, Work] = {
    BillBatch.Action.SEND: _send,
    BillBatch.Action.REMIND: _remind,
    BillBatch.Action.MAIL_STATEMENTS: partial(
        _state, channel=BillMessage.Channel.EMAIL, words="The statement is on its way by e-mail."
    ),
    BillBatch.Action.PRINT_STATEMENTS: partial(
        _state, channel=BillMessage.Channel.PRINT, words="The statement is in the file."
    ),
}
