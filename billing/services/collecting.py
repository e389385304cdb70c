"""Follow up what is not paid in time: mark it overdue, hold it while it is disputed, hand it to collection."""

from datetime import datetime

from django.db.models import Q

from billing import permissions
from billing.models import Bill
from billing.reminders import collection
from billing.services.rows import check_reason, lock, record, settle
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.services import unit_of_work
from synapse.common.errors import Conflict

Status = Bill.Status
State = Bill.Collection


def mark_overdue(at: datetime) -> int:
    """Move issued bills past their due date, by the clinic's date, to overdue; return how many. Safe to run twice.

    Where the clinic's clock was set to another zone and the date went back with it, a bill is not overdue yet again.
    """
    today = ClinicSettings.load().date_of(at)
    late = Q(status__in=[Status.SENT, Status.PARTIALLY_PAID], due_date__lt=today)
    early = Q(status=Status.OVERDUE, due_date__gte=today)
    wrong = Bill.objects.filter(late | early)
    count = 0
    for bill_id in list(wrong.values_list("pk", flat=True)):
        with unit_of_work():
            bill = wrong.filter(pk=bill_id).first()
            if bill is None:
                continue
            lock(bill)
            before = bill.status
            settle(bill, at=at)
            if bill.status == Status.OVERDUE != before:
                record(bill, "overdue", by=None)
                count += 1
    return count


def dispute(bill: Bill, *, reason: str, by: User, at: datetime) -> Bill:
    """Note that the patient contests a bill; it is not reminded of until that is settled. Raises Conflict."""
    permissions.check_can_work_with_bills(by)
    reason = check_reason(reason)
    with unit_of_work():
        _lock_open(bill)
        collection.move(bill, State.DISPUTED, at=at, collection_note=reason)
        record(bill, "dispute", by=by)
    return bill


def settle_dispute(bill: Bill, *, by: User, at: datetime) -> Bill:
    """Note that a dispute is over and the bill is to be paid as it stands; corrections are made with the ledger."""
    permissions.check_can_work_with_bills(by)
    return _back(bill, State.DISPUTED, "settle_dispute", by=by, at=at)


def hand_to_collection(bill: Bill, *, reason: str, by: User, at: datetime) -> Bill:
    """Give an overdue bill to somebody who collects it, as the reason says; the clinic reminds no more.

    Raises NotAllowed, and Conflict while the bill is not overdue.
    """
    permissions.check_can_give_back(by, bill)
    reason = check_reason(reason)
    with unit_of_work():
        _lock_open(bill)
        if bill.status != Status.OVERDUE:
            raise Conflict("Only an overdue bill is handed to collection.")
        collection.move(bill, State.IN_COLLECTION, at=at, collection_note=reason)
        record(bill, "hand_to_collection", by=by)
    return bill


def take_back(bill: Bill, *, by: User, at: datetime) -> Bill:
    """Take a bill back from collection; it is reminded of again. Raises NotAllowed and Conflict."""
    permissions.check_can_give_back(by, bill)
    return _back(bill, State.IN_COLLECTION, "take_back", by=by, at=at)


def _back(bill: Bill, state: str, verb: str, *, by: User, at: datetime) -> Bill:
    with unit_of_work():
        lock(bill)
        if bill.collection_status != state:
            raise Conflict(f"This bill is not {State(state).label.lower()}.")
        collection.move(bill, collection.resting_state(bill), at=at, collection_note="")
        record(bill, verb, by=by)
    return bill


def _lock_open(bill: Bill) -> None:
    lock(bill)
    if bill.status not in Bill.OWING:
        raise Conflict(f"This bill is {bill.get_status_display().lower()}: nothing of it is open.")
