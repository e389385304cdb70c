"""Compare what bills say with what their ledger entries add up to, and the months with both."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.ledger import Balance, read_balance
from billing.models import Bill, LedgerEntry, LedgerMonth
from billing.money import ZERO
from synapse.accounts.models import ClinicSettings
from synapse.common.models import Counter

Status = Bill.Status
Kind = LedgerEntry.Kind
CLOSED = (Status.CANCELLED, Status.REFUNDED)


@dataclass(frozen=True)
class Fault:
    """Something that does not add up, by bill id, number or month; no amount."""

    what: str
    where: str


def find_faults() -> Iterator[Fault]:
    """Yield everything that does not add up: bills, their states, the months, the numbers."""
    months: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(Kind.values, ZERO))
    zone = ZoneInfo(ClinicSettings.load().timezone)
    for bill in Bill.objects.prefetch_related("ledger_entries").order_by("created_at").iterator(chunk_size=200):
        yield from _faults_of(bill)
        for entry in bill.ledger_entries.all():
            period = f"{entry.at.astimezone(zone):%Y%m}"
            months[period, bill.currency][entry.kind] += entry.amount
    yield from _faults_of_months(months)
    yield from _faults_of_numbers()


def _faults_of(bill: Bill) -> Iterator[Fault]:
    where = bill.bill_number or str(bill.pk)
    balance = read_balance(bill)
    if not bill.bill_number:
        if bill.ledger_entries.all():
            yield Fault("a draft has ledger entries", where)
        return
    charged = ZERO if bill.status == Status.CANCELLED else bill.total_amount
    if balance.charged != charged:
        yield Fault("the charge is not the total", where)
    if balance.paid != bill.paid_amount:
        yield Fault("the paid amount is not what the entries add up to", where)
    outstanding = ZERO if bill.status in CLOSED else balance.outstanding
    if outstanding != bill.outstanding_amount:
        yield Fault("the open amount is not what the entries leave", where)
    if not ZERO <= balance.paid <= bill.total_amount:
        yield Fault("more was paid than charged, or less than nothing", where)
    if not _state_fits(bill, balance):
        yield Fault(f"the state {bill.status} does not fit what was paid", where)


def _state_fits(bill: Bill, balance: Balance) -> bool:
    if bill.status == Status.PAID:
        return balance.outstanding == ZERO
    if bill.status == Status.PARTIALLY_PAID:
        return ZERO < balance.paid < balance.charged
    if bill.status == Status.OVERDUE:
        return balance.outstanding > ZERO
    return balance.paid == ZERO


def _faults_of_months(months: dict[tuple[str, str], dict[str, Decimal]]) -> Iterator[Fault]:
    stored = {(month.period, month.currency): month for month in LedgerMonth.objects.all()}
    for key in sorted(months.keys() | stored.keys()):
        sums = months[key]
        month = stored.get(key)
        expected = (sums[Kind.CHARGE] - sums[Kind.REVERSAL], sums[Kind.PAYMENT], sums[Kind.REFUND])
        if expected != ((month.charged, month.paid, month.refunded) if month else (ZERO, ZERO, ZERO)):
            yield Fault("the month's totals are not what the entries add up to", " ".join(key))


def _faults_of_numbers() -> Iterator[Fault]:
    for counter in Counter.objects.filter(series="INV"):
        prefix = f"INV-{counter.period}-"
        numbers = Bill.objects.filter(bill_number__startswith=prefix).values_list("bill_number", flat=True)
        taken = sorted(int(number.removeprefix(prefix)) for number in numbers if number)
        if taken != list(range(1, counter.last + 1)):
            yield Fault("the invoice numbers have a gap", counter.period)
