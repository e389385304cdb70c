"""What every change of a bill does the same way: lock the row, check what was typed, follow the ledger, tell the trail."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing.errors import BadAmount, KeyReused, TooMuch
from billing.ledger import entries as ledger
from billing.models import Bill, LedgerEntry
from billing.money import LARGEST_TOTAL, ZERO, round_money
from billing.reminders import collection
from billing.services.payment_link_review import ask_for_review
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import DomainError
from synapse.common.transitions import advance
from synapse.webhooks.events import emit
from synapse.webhooks.kinds import Kind


def lock(bill: Bill) -> None:
    """Lock the row and read it again, so that sums follow from what is stored and not from a stale copy.

    Lock the patient's account first where both are needed, and several bills in the order of their ids.
    """
    bill.refresh_from_db(from_queryset=Bill.objects.select_for_update())


def settle(bill: Bill, *, at: datetime) -> None:
    """Let the status follow from the ledger and the clinic's date; what is settled is dunned no more.

    A bill is called written off when nothing of it is open because the rest was given up. While a part is open, it is
    followed up like any other.
    """
    balance = ledger.add_up_entries(ledger.entries_of(bill))
    status = ledger.status_of(bill, balance, today=ClinicSettings.load().date_of(at))
    if bill.status != status:
        advance(bill, status, at=at)
        if status == Bill.Status.PAID:
            emit(Kind.BILL_PAID, bill.pk, at=at)
    state = ledger.collection_of(bill, balance)
    if bill.collection_status != state:
        collection.move(bill, state, at=at)


def check_amount(amount: Decimal, limit: Decimal, currency: str, *, limited_by: str = "is open") -> Decimal:
    """Return an amount that may be booked. Raises BadAmount (not above zero, too many places) and TooMuch."""
    rounded = round_money(amount, currency)
    if rounded <= ZERO:
        raise BadAmount("Enter an amount above zero.")
    if rounded != amount:
        raise BadAmount("The amount has more decimal places than the currency.")
    if rounded > LARGEST_TOTAL:
        raise BadAmount("The amount is larger than a bill can hold.")
    if rounded > limit:
        raise TooMuch(f"The amount is more than {limited_by}.")
    return rounded


def find_repeated(
    key: UUID | None,
    *,
    kind: str,
    amount: Decimal,
    currency: str,
    bill: Bill | None = None,
    patient_id: UUID | None = None,
) -> LedgerEntry | None:
    """Return the entry that the same request made before under this key, or None; call it with the row locks held.

    `patient_id` is the kept record of the person, where no bill is named. Raises KeyReused when the key stands for
    something else. Credit of several records may have taken several entries, of which the first one has the key.
    """
    first = LedgerEntry.objects.filter(pk=key).select_related("patient").first() if key else None
    if first is None:
        return None
    person = first.patient.kept_id
    together = LedgerEntry.objects.filter(kind=first.kind, bill=first.bill_id, by=first.by_id, at=first.at)
    made = sum((entry.amount for entry in together.filter(patient__in=first.patient.records())), ZERO)
    asked = (kind, amount, currency, bill.pk if bill else None)
    if asked != (first.kind, made, first.currency, first.bill_id) or (bill is None and patient_id != person):
        raise KeyReused("This request was used for something else. Open the page again.")
    return first


def check_reason(reason: str) -> str:
    """Return the reason without spaces around it. Raises DomainError when there is none."""
    if not reason.strip():
        raise DomainError("Say why.", code="reason_missing")
    return reason.strip()


def note_last_payment(bill: Bill, *, by: User | None) -> None:
    """Let the bill say how and when it was last paid, by the payments that stand."""
    last = next(
        (entry for entry in reversed(ledger.standing_entries(bill)) if entry.kind == LedgerEntry.Kind.PAYMENT), None
    )
    bill.payment_method = last.method if last else ""
    bill.last_payment_date = last.booked_on if last else None
    bill.processed_by = by
    bill.save(update_fields=["payment_method", "last_payment_date", "processed_by"])


def record(bill: Bill, verb: str, *, by: User | None, action: Action = Action.UPDATE, **detail: str) -> None:
    """Write a bill's change to the audit trail, and have its payment link looked at."""
    audit.record(action, by=by, target=bill, patient_id=bill.patient_id, detail={"verb": verb, **detail})
    ask_for_review(bill)
