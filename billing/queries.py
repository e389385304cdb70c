"""What the bill pages show. Amounts are ciphertext: sums are made over loaded rows of the open bills only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing.models import Bill, BillQuerySet, FeeScheduleItem, LedgerEntry, LedgerMonth
from billing.money import ZERO
from patients.models import Patient
from synapse.accounts.models import User

# Days past the due date: the first bucket is what is not due yet.
AGE_LIMITS = ((0, "Not due"), (30, "1 to 30 days"), (60, "31 to 60"), (90, "61 to 90"))
OLDEST_LABEL = "Over 90"


@dataclass
class AgeBucket:
    """Open money of one age. `share` is in thousandths of all open money, `offset` where its bar begins."""

    key: str
    label: str
    amount: Decimal = ZERO
    count: int = 0
    share: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Aging:
    """Open money by age."""

    buckets: list[AgeBucket]
    total: Decimal
    count: int


def list_bills(user: User) -> BillQuerySet:
    """Return the bills this person may see with what a list shows, the newest first."""
    return (
        Bill.objects.visible_to(user)
        .select_related("patient", "session__doctor", "appointment__doctor", "generated_by")
        .order_by("-created_at")
    )


def list_patient_bills(user: User, patient: Patient) -> BillQuerySet:
    return list_bills(user).filter(patient=patient)


def list_ledger(bill: Bill) -> list[LedgerEntry]:
    """Return the entries of a bill, the first one first."""
    return list(bill.ledger_entries.select_related("by").order_by("position"))


def fee_schedule(currency: str) -> list[FeeScheduleItem]:
    return list(FeeScheduleItem.objects.filter(is_active=True, currency=currency))


def age_key(bill: Bill, today: date) -> str:
    """Return the key of the bucket a bill falls into."""
    late = (today - bill.due_date).days if bill.due_date else 0
    for limit, _ in AGE_LIMITS:
        if late <= limit:
            return str(limit)
    return "older"


def sum_by_age(bills: Iterable[Bill], *, today: date) -> Aging:
    """Add up what is open on issued bills, by days past the due date."""
    buckets = {str(limit): AgeBucket(str(limit), label) for limit, label in AGE_LIMITS}
    buckets["older"] = AgeBucket("older", OLDEST_LABEL)
    for bill in bills:
        bucket = buckets[age_key(bill, today)]
        bucket.amount += bill.outstanding_amount
        bucket.count += 1
    total = sum((bucket.amount for bucket in buckets.values()), ZERO)
    offset = 0
    for bucket in buckets.values():
        bucket.share = int(bucket.amount / total * 1000) if total else 0
        bucket.offset = offset
        offset += bucket.share
    return Aging(list(buckets.values()), total, sum(bucket.count for bucket in buckets.values()))


def paid_in_month(period: str, currency: str) -> Decimal:
    """Return what came in less what went back in a month such as "202509"."""
    month = LedgerMonth.objects.filter(period=period, currency=currency).first()
    return month.paid - month.refunded if month else ZERO
