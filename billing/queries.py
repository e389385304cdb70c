"""What the bill pages show. Amounts are ciphertext: sums are made over loaded rows of the open bills only."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.ledger.entries import PAYING
from billing.models import Bill, BillMessage, BillQuerySet, FeeScheduleItem, LedgerEntry, LedgerMonth
from billing.money import ZERO
from patients.models import Patient
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User
from synapse.accounts.roles import Permission

# Days past the due date: the first bucket is what is not due yet.
AGE_LIMITS = ((0, "Not due"), (30, "1 to 30 days"), (60, "31 to 60"), (90, "61 to 90"))
OLDEST_LABEL = "Over 90"
ISSUED_OPEN = Bill.OWING
NOT_DUE = (Bill.Status.SENT, Bill.Status.PARTIALLY_PAID)
# What is paid in person; a transfer or an insurer's payment arrives by itself.
PAID_IN_PERSON = (LedgerEntry.Method.CASH, LedgerEntry.Method.CARD, LedgerEntry.Method.UPI)


@dataclass
class AgeBucket:
    """Open money of one age. `share` is in thousandths of all open money, `offset` where its bar begins."""

    key: str
    label: str
    amount: Decimal = ZERO
    count: int = 0
    share: int = 0
    offset: int = 0

    @property
    def width(self) -> int:
        """Return how wide its bar is drawn: a little less than its share, so that neighbours stay apart."""
        return max(self.share - 4, 1)


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
        .select_related("patient", "session", "doctor", "generated_by")
        .order_by("-created_at")
    )


def has_other_open_bills(user: User, bill: Bill) -> bool:
    """Tell whether one payment could pay other bills of the patient as well."""
    records = bill.patient.kept_record.records()
    others = Bill.objects.visible_to(user).filter(patient__in=records, status__in=ISSUED_OPEN, currency=bill.currency)
    return others.exclude(pk=bill.pk).exists()


def list_patient_bills(user: User, patient: Patient) -> BillQuerySet:
    return list_bills(user).filter(patient__in=patient.records())


def status_on(bill: Bill, today: date) -> str:
    """Return the status of a bill on a date of the clinic: what is past its due date is overdue, swept up or not."""
    is_late = bill.status in NOT_DUE and bill.due_date is not None and bill.due_date < today
    return Bill.Status.OVERDUE if is_late else bill.status


def in_status(statuses: Collection[str], today: date) -> Q:
    """Return the condition that `status_on` is one of these."""
    late = Q(status__in=NOT_DUE, due_date__lt=today)
    wanted = Q(status__in=statuses) & ~late
    return wanted | late if Bill.Status.OVERDUE in statuses else wanted


def paying_entries() -> QuerySet[LedgerEntry]:
    """Return the entries that make up what was paid on bills, the first one first; `is_reversed` tells the undone ones."""
    later = LedgerEntry.objects.filter(reverses=OuterRef("pk"))
    return (
        LedgerEntry.objects.filter(kind__in=PAYING)
        .annotate(is_reversed=Exists(later))
        .select_related("payment")
        .only(
            *("bill", "position", "kind", "amount", "method", "reference", "at", "by"),
            *("payment", "payment__receipt_number"),
        )
        .order_by("position")
    )


def list_ledger(bill: Bill) -> list[LedgerEntry]:
    """Return the entries of a bill, the first one first."""
    return list(bill.ledger_entries.select_related("by", "reverses", "payment").order_by("position"))


def list_bills_at_desk(user: User, *, visits: Collection[UUID], patients: Collection[UUID]) -> list[Bill]:
    """Return the bills of these visits and what is open on issued ones of these patients, the oldest first.

    Of the amounts only the total, what is open and what an insurer covers are decrypted.
    """
    of_visit = Q(appointment__in=visits) | Q(session__appointment__in=visits)
    records = Patient.objects.records_of_all(patients).values("pk")
    bills = Bill.objects.visible_to(user).filter(of_visit | Q(patient__in=records, status__in=ISSUED_OPEN))
    shown = (
        "patient__merged_into",
        "session",
        "appointment",
        "status",
        "currency",
        "total_amount",
        "outstanding_amount",
        "insurance_covered_amount",
    )
    return list(bills.select_related("patient").only(*shown).order_by("created_at"))


def letter_rows(message: BillMessage) -> list[BillMessage]:
    """Return the rows of the letter a message stands in, the leading one first; what fell away is not among them."""
    leading = message.leader or message
    followers = leading.followers.select_related("bill__patient", "bill__doctor", "patient__merged_into")
    return [leading, *followers.order_by("bill__due_date", "pk")]


def taken_in_person(day: date, currency: str) -> tuple[Decimal, int]:
    """Return the sum and the number of payments taken in person on a day of the clinic that were not taken back."""
    entries = LedgerEntry.objects.filter(
        booked_on=day,
        currency=currency,
        kind__in=(LedgerEntry.Kind.PAYMENT, LedgerEntry.Kind.OVERPAYMENT),
        method__in=PAID_IN_PERSON,
        reversed_by__isnull=True,
    )
    parts = list(entries.values_list("payment_id", "amount"))
    return sum((amount for _, amount in parts), ZERO), len({payment for payment, _ in parts})


def fee_schedule(currency: str) -> list[FeeScheduleItem]:
    return list(FeeScheduleItem.objects.filter(is_active=True, currency=currency))


class Owed(Protocol):
    """What the age of open money needs: a bill, or the few columns of one."""

    @property
    def due_date(self) -> date | None: ...
    @property
    def outstanding_amount(self) -> Decimal: ...


def age_key(bill: Owed, today: date) -> str:
    """Return the key of the bucket a bill falls into."""
    return age_of(bill.due_date, today)


def age_of(due_date: date | None, today: date) -> str:
    """Return the key of the bucket a due date falls into."""
    late = (today - due_date).days if due_date else 0
    for limit, _ in AGE_LIMITS:
        if late <= limit:
            return str(limit)
    return "older"


def sum_by_age(bills: Iterable[Owed], *, today: date) -> Aging:
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
    months = LedgerMonth.objects.filter(period=period, currency=currency).only("received", "refunded")
    return sum((month.received - month.refunded for month in months), ZERO)


def unbilled_sessions(user: User, *, doctor_id: UUID | None = None) -> QuerySet[ConsultationSession]:
    """Return completed sessions this person may see without a bill that stands, the oldest first.

    A session whose issued bill was called off was called off on purpose and is none of them.
    """
    standing = Bill.objects.filter(session=OuterRef("pk")).exclude(status=Bill.Status.CANCELLED)
    called_off = Bill.objects.filter(session=OuterRef("pk"), bill_number__isnull=False)
    sessions = ConsultationSession.objects.filter(
        ~Exists(standing),
        ~Exists(called_off),
        status=ConsultationSession.Status.COMPLETED,
        patient__in=Patient.objects.in_care_of(user),
    )
    if not user.may(Permission.VIEW_ALL_PATIENTS):
        sessions = sessions.filter(doctor=user)
    if doctor_id is not None:
        sessions = sessions.filter(doctor=doctor_id)
    return sessions.order_by("started_at")
