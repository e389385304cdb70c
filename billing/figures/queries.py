"""Read what the figures are made of: the ledger's months, open money by age, insurers, days to payment."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from billing import queries
from billing.desk.filters import month_bounds
from billing.figures.sums import COLUMNS, Month, Period, Sums
from billing.ledger import entries as ledger
from billing.models import Bill, LedgerEntry, LedgerMonth, Payment
from billing.money import ZERO
from synapse.accounts.models import ClinicSettings, User

Kind = LedgerEntry.Kind
RECEIVED = (Kind.PAYMENT, Kind.OVERPAYMENT)


def read_months(currency: str, last: str, doctor_id: UUID | None) -> list[Month]:
    """Return the ledger's months up to one such as 202510, of one doctor or of the clinic."""
    rows = LedgerMonth.objects.filter(currency=currency, period__lte=last)
    if doctor_id is not None:
        rows = rows.filter(doctor=doctor_id)
    shown = rows.order_by("period").values_list("period", "doctor", "bill_type", "paid_by", *COLUMNS)
    return [
        Month(period, doctor, bill_type, paid_by, Sums(*sums)) for period, doctor, bill_type, paid_by, *sums in shown
    ]


def read_aging(currency: str, doctor_id: UUID | None, *, at: datetime) -> queries.Aging:
    """Return what is open now by age. Sums of all bills of a doctor's visits: whose they are is not among them."""
    bills = Bill.objects.filter(status__in=Bill.OWING, currency=currency)
    if doctor_id is not None:
        bills = bills.filter(doctor=doctor_id)
    rows = [Owed(*values) for values in bills.values_list("due_date", "outstanding_amount")]
    return queries.sum_by_age(rows, today=ClinicSettings.load().date_of(at))


class Owed:
    """The two columns of a bill that its age needs."""

    __slots__ = ("due_date", "outstanding_amount")

    def __init__(self, due_date: Any, outstanding_amount: Decimal) -> None:
        self.due_date = due_date
        self.outstanding_amount = outstanding_amount


def days_to_payment(period: Period, currency: str, doctor_id: UUID | None) -> Decimal | None:
    """Return the median of days from a bill's date to the payment that settled it; None without such bills."""
    first, _ = month_bounds(period.first)
    _, following = month_bounds(period.last)
    settled = Bill.objects.filter(
        status=Bill.Status.PAID,
        currency=currency,
        last_payment_date__gte=first,
        last_payment_date__lt=following,
        bill_date__isnull=False,
    )
    if doctor_id is not None:
        settled = settled.filter(doctor=doctor_id)
    days = [
        max((paid - billed).days, 0)
        for billed, paid in settled.values_list("bill_date", "last_payment_date")
        if billed and paid
    ]
    return Decimal(str(median(days))) if days else None


def insurers_of(period: Period, currency: str, doctor_id: UUID | None) -> list[tuple[str, Decimal]]:
    """Return what each insurer paid in a period, the most first; reversals count against it."""
    first, _ = month_bounds(period.first)
    _, following = month_bounds(period.last)
    entries: QuerySet[LedgerEntry] = LedgerEntry.objects.filter(
        booked_on__gte=first, booked_on__lt=following, currency=currency, payment__paid_by=Payment.PaidBy.INSURER
    )
    if doctor_id is not None:
        entries = entries.filter(bill__doctor=doctor_id)
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for entry in entries.select_related("payment__insurer", "reverses").only(
        "kind", "amount", "payment__insurer__name", "reverses__kind"
    ):
        kind, sign = ledger.kind_and_sign(entry)
        if kind in RECEIVED:
            insurer = entry.payment.insurer if entry.payment else None
            sums[insurer.name if insurer else "Insurer not named"] += entry.amount * sign
    return sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))


def names_of_doctors() -> dict[object, str]:
    """Return the names of everybody whose visits were billed, by id."""
    keys = LedgerMonth.objects.filter(doctor__isnull=False).values("doctor")
    return {user.pk: user.display_name for user in User.objects.filter(pk__in=keys)}
