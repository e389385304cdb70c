"""Compare what bills say with what their ledger entries add up to, and payments, credit, months and numbers with both.

Rows are read in batches and let go of: what is kept for the whole walk is a sum for each month, doctor and account.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Min, Prefetch, QuerySet
from django.db.models.functions import Substr

from billing.ledger import entries as ledger
from billing.models import Bill, LedgerEntry, LedgerMonth, PatientAccount, Payment
from billing.money import ZERO
from synapse.accounts.models import ClinicSettings
from synapse.common.models import Counter
from synapse.encryption.errors import DecryptionError

Status = Bill.Status
Kind = LedgerEntry.Kind
BATCH = 500
# The hourly sweep moves a bill past its date to overdue; a day later it must have. A clinic that moved its time zone back
# has bills that are overdue since a day it has not reached again.
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Fault:
    """Something that does not add up, by number, id or month; no amount and no name."""

    what: str
    where: str


@dataclass
class _Sums:
    """What the entries add up to beyond one bill."""

    months: dict[ledger.MonthKey, dict[str, Decimal]] = field(
        default_factory=lambda: defaultdict(lambda: dict.fromkeys(ledger.MONTH_COLUMNS, ZERO))
    )
    credit: dict[tuple[UUID, str], Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))

    def count(self, entry: LedgerEntry, bill: Bill | None) -> None:
        if ledger.kind_and_sign(entry)[0] not in ledger.IN_MONTH:
            return
        column, amount = ledger.in_month(entry)
        self.months[ledger.month_key(entry, bill)][column] += amount
        moved = ledger.on_credit(entry)
        if moved:
            self.credit[entry.patient_id, entry.currency] += moved


def find_faults(at: datetime) -> Iterator[Fault]:
    """Yield everything that does not add up, as of one moment; a row that cannot be decrypted ends the walk."""
    sums, today = _Sums(), ClinicSettings.load().date_of(at)
    try:
        with _one_moment():
            yield from _faults_of_bills(sums, today=today)
            yield from _faults_of_credit_entries(sums)
            yield from _faults_of_payments()
            yield from _faults_of_accounts(sums)
            yield from _faults_of_months(sums)
            yield from _faults_of_numbers()
    except DecryptionError as error:
        yield Fault("a row cannot be decrypted; what follows it was not checked", str(error))


@contextmanager
def _one_moment() -> Iterator[None]:
    """Let all queries of the block see the database as it was at its start, and keep no writer waiting."""
    if connection.in_atomic_block:
        yield
        return
    # `atomic()` would take the write lock on SQLite, and would see later rows on PostgreSQL.
    snapshot = " ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.vendor == "postgresql" else " DEFERRED"
    with connection.cursor() as cursor:
        cursor.execute(f"BEGIN{snapshot}")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _entries() -> QuerySet[LedgerEntry]:
    shown = ("patient", "currency", "bill", "position", "kind", "amount", "method", "at", "booked_on")
    reversed_ = ("reverses__kind", "reverses__amount", "reverses__bill", "reverses__patient", "reverses__reverses")
    rows = LedgerEntry.objects.select_related("reverses", "payment").order_by("position")
    return rows.only(*shown, *reversed_, "payment__paid_by", "payment__currency")


def _faults_of_bills(sums: _Sums, *, today: date) -> Iterator[Fault]:
    shown = ("total_amount", "paid_amount", "outstanding_amount", "insurance_covered_amount", "patient_responsibility")
    plain = ("bill_number", "status", "currency", "bill_date", "due_date", "collection_status", "doctor", "bill_type")
    bills = Bill.objects.only(*plain, *shown).order_by("pk")
    for bill in bills.prefetch_related(Prefetch("ledger_entries", queryset=_entries())).iterator(chunk_size=BATCH):
        entries = list(bill.ledger_entries.all())
        where = bill.bill_number or str(bill.pk)
        for what in (*_faults_in_entries(entries, currency=bill.currency), *_faults_in_bill(bill, entries, today)):
            yield Fault(what, where)
        for entry in entries:
            sums.count(entry, bill)


def _faults_in_entries(entries: list[LedgerEntry], *, currency: str) -> Iterator[str]:
    """Yield what is wrong with the entries of one bill, or of one account."""
    if [entry.position for entry in entries] != list(range(1, len(entries) + 1)):
        yield "an entry is missing"
    for entry in entries:
        if entry.kind not in Kind.values:
            yield "an entry is of no known kind"
        if entry.amount <= ZERO:
            yield "an entry has no amount above zero"
        if entry.currency != currency:
            yield "an entry is in another currency"
        if abs(entry.booked_on - entry.at.date()) > A_DAY:  # whatever zone the clinic had
            yield "an entry's day is not that of its time"
        if entry.kind in (Kind.PAYMENT, Kind.OVERPAYMENT) and entry.payment is None:
            yield "a payment has no receipt"
        if entry.reverses is not None:
            yield from _faults_in_reversal(entry, entry.reverses)


def _faults_in_reversal(entry: LedgerEntry, reversed_: LedgerEntry) -> Iterator[str]:
    if (entry.amount, entry.bill_id, entry.patient_id) != (reversed_.amount, reversed_.bill_id, reversed_.patient_id):
        yield "a reversal is not what it reverses"
    if reversed_.reverses_id is not None:
        yield "a reversal is reversed"


def _faults_in_bill(bill: Bill, entries: list[LedgerEntry], today: date) -> Iterator[str]:
    if not bill.bill_number:
        if entries:
            yield "a draft has ledger entries"
        return
    balance = ledger.add_up_entries(entries)
    if bill.is_closed and balance != ledger.Balance(ZERO, ZERO, ZERO):
        yield "a closed bill is still charged or paid"
    if [entry.amount for entry in entries if entry.kind == Kind.CHARGE] != [bill.total_amount]:
        yield "the charge is not the total"
    by_insurer, by_patient = bill.insurance_covered_amount, bill.patient_responsibility
    if by_insurer is not None and by_patient is not None and by_insurer + by_patient != bill.total_amount:
        yield "what the insurer and the patient bear is not the total"
    if balance.paid != bill.paid_amount:
        yield "the paid amount is not what the entries add up to"
    if balance.outstanding != bill.outstanding_amount:
        yield "the open amount is not what the entries leave"
    if min(balance.paid, balance.outstanding, balance.written_off) < ZERO:
        yield "more was paid or written off than charged, or less than nothing"
    if not _state_fits(bill, balance, today):
        yield f"the state {bill.status} does not fit what was paid and the calendar"
    if bill.collection_status != ledger.collection_of(bill, balance):
        yield "the bill is not called written off as its entries say"
    if bill.bill_date is not None and bill.bill_number[4:10] != f"{bill.bill_date:%Y%m}":
        yield "the number is not of the month of the bill's date"


def _state_fits(bill: Bill, balance: ledger.Balance, today: date) -> bool:
    """Tell whether the state is the one of ledger and calendar, today or by the day before or after."""
    if bill.status == Status.PENDING:
        return False
    return bill.status in {ledger.status_of(bill, balance, today=day) for day in (today - A_DAY, today, today + A_DAY)}


def _faults_of_credit_entries(sums: _Sums) -> Iterator[Fault]:
    """Follow the entries that are on no bill, one account after the other."""
    own = _entries().filter(bill__isnull=True).order_by("patient_id", "currency", "position")
    account: list[LedgerEntry] = []
    for entry in own.iterator(chunk_size=BATCH):
        if account and (entry.patient_id, entry.currency) != (account[0].patient_id, account[0].currency):
            yield from _faults_in_account(account)
            account = []
        account.append(entry)
        sums.count(entry, None)
    yield from _faults_in_account(account)


def _faults_in_account(entries: list[LedgerEntry]) -> Iterator[Fault]:
    if entries:
        for what in _faults_in_entries(entries, currency=entries[0].currency):
            yield Fault(what, f"the account {entries[0].patient_id}")


def _faults_of_payments() -> Iterator[Fault]:
    entries = LedgerEntry.objects.only("payment", "kind", "amount", "currency", "reverses")
    payments = Payment.objects.only("receipt_number", "amount", "currency").order_by("pk")
    for payment in payments.prefetch_related(Prefetch("entries", queryset=entries)).iterator(chunk_size=BATCH):
        for what in _faults_in_payment(payment, payment.entries.all()):
            yield Fault(what, payment.receipt_number)


def _faults_in_payment(payment: Payment, entries: Iterable[LedgerEntry]) -> Iterator[str]:
    taken = {entry.pk: entry for entry in entries if entry.kind in (Kind.PAYMENT, Kind.OVERPAYMENT)}
    taken_back = [entry for entry in entries if entry.kind == Kind.REVERSAL]
    if sum((entry.amount for entry in taken.values()), ZERO) != payment.amount:
        yield "the payment is not what its entries add up to"
    if any(entry.currency != payment.currency for entry in taken.values()):
        yield "the payment is in another currency than its entries"
    if taken_back and {entry.reverses_id for entry in taken_back} != taken.keys():
        yield "the payment was taken back in part"


def _faults_of_accounts(sums: _Sums) -> Iterator[Fault]:
    seen = set()
    for account in PatientAccount.objects.order_by("pk").iterator(chunk_size=BATCH):
        key = (account.patient_id, account.currency)
        seen.add(key)
        credit = sums.credit.get(key, ZERO)
        if account.credit != credit:
            yield Fault("the credit is not what the entries add up to", f"the account {account.patient_id}")
        if credit < ZERO:
            yield Fault("the credit is less than nothing", f"the account {account.patient_id}")
    for patient_id, _ in sorted(key for key, credit in sums.credit.items() if credit and key not in seen):
        yield Fault("there is credit without an account", f"the account {patient_id}")


def _faults_of_months(sums: _Sums) -> Iterator[Fault]:
    nothing = dict.fromkeys(ledger.MONTH_COLUMNS, ZERO)
    stored = {
        ledger.MonthKey(row.period, row.currency, row.doctor_id, row.bill_type, row.paid_by): {
            column: getattr(row, column) for column in ledger.MONTH_COLUMNS
        }
        for row in LedgerMonth.objects.all()
    }
    wrong = {
        (key.period, key.currency)
        for key in sums.months.keys() | stored.keys()
        if stored.get(key, nothing) != sums.months.get(key, nothing)
    }
    for period, currency in sorted(wrong):
        yield Fault("the month's totals are not what the entries add up to", f"{period} {currency}")


def _faults_of_numbers() -> Iterator[Fault]:
    """Compare the numbers with their counters: each is unique, so the count and the ends tell of a gap."""
    for series, taken, what in (
        ("INV", _numbers(Bill.objects.filter(bill_number__isnull=False), "bill_number"), "the invoice numbers"),
        ("RCP", _numbers(Payment.objects.all(), "receipt_number"), "the receipt numbers"),
    ):
        last = dict(Counter.objects.filter(series=series).values_list("period", "last"))
        for period in sorted(taken.keys() | {period for period, count in last.items() if count}):
            count, lowest, highest = taken.get(period, (0, "", ""))
            expected = (last.get(period, 0), f"{1:06d}", f"{last.get(period, 0):06d}")
            if (count, lowest, highest) != expected:
                yield Fault(f"{what} have a gap", period)


def _numbers(rows: QuerySet[Bill] | QuerySet[Payment], name: str) -> dict[str, tuple[int, str, str]]:
    """Return month to how many numbers there are, the lowest and the highest, of numbers like INV-202509-000001."""
    found = (
        rows.annotate(period=Substr(name, 5, 6))
        .values("period")
        .annotate(count=Count("pk"), lowest=Min(Substr(name, 12)), highest=Max(Substr(name, 12)))
        .order_by()
    )
    return {row["period"]: (row["count"], row["lowest"], row["highest"]) for row in found}
