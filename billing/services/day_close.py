"""Close the clinic's day: what was counted beside what the ledger expects, by the way money moved.

Expected is what came in on that day of the clinic less what went back, by the day each entry was booked on; each
currency is counted by itself. What was taken back the same day counts for nothing. A correction of an earlier day moved
no money today: it stands beside the sheet and changes no expected sum, or the drawer would be short of money nobody
took out.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from billing import permissions
from billing.errors import BadAmount
from billing.models import DayClose, LedgerEntry, Method
from billing.money import ZERO, round_money
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.errors import Conflict, DomainError

Kind = LedgerEntry.Kind
# What an entry does to the money the clinic holds.
MONEY = {Kind.PAYMENT: 1, Kind.OVERPAYMENT: 1, Kind.REFUND: -1, Kind.CREDIT_REFUND: -1}
LOOKED_BACK = timedelta(days=14)
DENOMINATIONS = {
    "INR": ("500", "200", "100", "50", "20", "10", "5", "2", "1"),
    "USD": ("100", "50", "20", "10", "5", "1", "0.25", "0.10", "0.05", "0.01"),
    "EUR": ("200", "100", "50", "20", "10", "5", "2", "1", "0.50", "0.20", "0.10", "0.05", "0.02", "0.01"),
    "GBP": ("50", "20", "10", "5", "2", "1", "0.50", "0.20", "0.10", "0.05", "0.02", "0.01"),
}


class ReasonMissing(DomainError):
    """A difference is not explained."""

    code = "difference_unexplained"
    status = 422


class Moved(Conflict):
    """Money moved since the sheet was opened."""

    code = "day_moved"


@dataclass(frozen=True)
class Movement:
    """Money that came (above zero) or went, on one entry; `receipt` is the number of its payment, when it has one."""

    at: datetime
    method: str
    amount: Decimal
    kind: str
    receipt: str
    is_correction: bool = False

    @property
    def method_label(self) -> str:
        return Method(self.method).label if self.method else "Not said how"

    @property
    def word(self) -> str:
        if self.is_correction:
            return "Taken back"
        return "Money back" if self.kind in (Kind.REFUND, Kind.CREDIT_REFUND) else "Payment"


@dataclass(frozen=True)
class Day:
    """What the ledger says about one day of the clinic in one currency."""

    date: date
    currency: str
    movements: list[Movement]
    corrections: list[Movement]

    @property
    def expected(self) -> dict[str, Decimal]:
        """Return what came in less what went back, by method."""
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for movement in self.movements:
            sums[movement.method or Method.OTHER] += movement.amount
        return {method: sums[method] for method in Method.values if method in sums}

    @property
    def fingerprint(self) -> str:
        """Return what tells whether the expected sums are still those that were shown."""
        text = ";".join(f"{method}={amount:.2f}" for method, amount in sorted(self.expected.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class UncountedDay(NamedTuple):
    """A day on which money moved that nobody counted."""

    date: date
    currency: str


def read_day(day: date, currency: str) -> Day:
    """Return the money that moved on a day, and the corrections of earlier days written on it."""
    entries = (
        LedgerEntry.objects.filter(booked_on=day, currency=currency, kind__in=[*MONEY, Kind.REVERSAL])
        .select_related("payment", "reverses")
        .only(
            *("at", "kind", "method", "amount", "currency", "bill_id", "reverses_id", "payment_id"),
            *("payment__receipt_number", "reverses__kind", "reverses__method", "reverses__booked_on"),
        )
        .order_by("at")
    )
    movements, corrections = [], []
    for entry in entries:
        if entry.reverses is None:
            movements.append(_movement(entry, entry.kind, 1))
        elif entry.reverses.kind in MONEY:
            if entry.reverses.booked_on == day:
                movements.append(_movement(entry, entry.reverses.kind, -1))
            else:
                corrections.append(_movement(entry, entry.reverses.kind, -1))
    return Day(day, currency, movements, corrections)


def _movement(entry: LedgerEntry, kind: str, sign: int) -> Movement:
    method = (entry.reverses.method if entry.reverses else "") or entry.method
    receipt = entry.payment.receipt_number if entry.payment else ""
    return Movement(entry.at, method, entry.amount * MONEY[Kind(kind)] * sign, kind, receipt, sign < 0)


def currencies_of(day: date) -> list[str]:
    """Return the currencies a day is counted in: the clinic's own first, then others in which money moved."""
    own = ClinicSettings.load().currency
    moved = LedgerEntry.objects.filter(booked_on=day, kind__in=MONEY).values_list("currency", flat=True)
    return [own, *sorted(set(moved.distinct()) - {own})]


def latest_close(day: date, currency: str) -> DayClose | None:
    """Return the last count of a day."""
    return DayClose.objects.filter(date=day, currency=currency).select_related("closed_by").order_by("-version").first()


def moved_after(close: DayClose, day: Day) -> list[Movement]:
    """Return what the ledger shows of the day that was written after it was closed."""
    return [one for one in day.movements if one.at > close.closed_at]


def add_up_cash(counts: Mapping[str, int]) -> Decimal:
    """Return what counted notes and coins are worth."""
    return sum((Decimal(value) * number for value, number in counts.items()), ZERO)


def close_day(
    day: date,
    *,
    counted: Mapping[str, Decimal],
    by: User,
    at: datetime,
    fingerprint: str,
    currency: str = "",
    opening_float: Decimal | None = None,
    denominations: Mapping[str, int] | None = None,
    reasons: Mapping[str, str] | None = None,
    note: str = "",
    key: UUID | None = None,
) -> DayClose:
    """Keep what was counted beside what is expected, in the clinic's currency or another; a recount is a new version.

    `counted` is by method; of cash it is everything in the drawer, the opening float included. `fingerprint` is that of
    the day as it was shown. The same key again returns the first close. Raises NotAllowed, Conflict (a day to come, a
    past day that was closed), Moved (money moved since the sheet was opened), ReasonMissing and BadAmount.
    """
    permissions.check_can_close_day(by)
    clinic = ClinicSettings.load()
    currency, today = currency or clinic.currency, clinic.date_of(at)
    if day > today:
        raise Conflict("This day has not begun.", code="day_to_come")
    with audit.unit_of_work():
        repeated = DayClose.objects.filter(pk=key).first() if key else None
        if repeated is not None:
            return repeated
        before = latest_close(day, currency)
        if before is not None and day < today:
            raise Conflict("This day was closed. It stays as it was counted.", code="day_closed")
        sheet = read_day(day, currency)
        if sheet.fingerprint != fingerprint:
            raise Moved("Money moved since this sheet was opened. Compare the new sums and close again.")
        amounts = _check_counted(counted, opening_float or ZERO, currency)
        said = _check_explained(differences_of(sheet.expected, amounts, opening_float or ZERO), reasons or {})
        close = DayClose(
            id=key or uuid4(),
            date=day,
            currency=currency,
            version=before.version + 1 if before else 1,
            expected={method: str(amount) for method, amount in sheet.expected.items()},
            counted={method: str(amount) for method, amount in amounts.items()},
            opening_float=opening_float,
            denominations={value: number for value, number in (denominations or {}).items() if number},
            reasons=said,
            note=note.strip(),
            closed_at=at,
            closed_by=by,
        )
        try:
            with transaction.atomic():
                close.save(force_insert=True)
        except IntegrityError:
            raise Moved("A colleague closed this day a moment ago. Look at that count first.") from None
        audit.record(Action.CREATE, by=by, target=close, detail={"date": day.isoformat(), "version": close.version})
    return close


def differences_of(
    expected: Mapping[str, Decimal], counted: Mapping[str, Decimal], opening_float: Decimal
) -> dict[str, Decimal]:
    """Return counted less expected by method, the opening float taken off the cash."""
    methods = [method for method in Method.values if method in expected or method in counted]
    differences = {method: counted.get(method, ZERO) - expected.get(method, ZERO) for method in methods}
    if opening_float:
        differences[Method.CASH] = differences.get(Method.CASH, -expected.get(Method.CASH, ZERO)) - opening_float
    return differences


def missing_days(at: datetime) -> list[UncountedDay]:
    """Return the days before today, of the last two weeks, on which money moved and that nobody closed."""
    today = ClinicSettings.load().date_of(at)
    moved = LedgerEntry.objects.filter(booked_on__gte=today - LOOKED_BACK, booked_on__lt=today, kind__in=MONEY)
    closed = DayClose.objects.filter(date__gte=today - LOOKED_BACK)
    found = set(moved.values_list("booked_on", "currency").distinct()) - set(closed.values_list("date", "currency"))
    return [UncountedDay(*each) for each in sorted(found)]


def _check_explained(differences: Mapping[str, Decimal], reasons: Mapping[str, str]) -> dict[str, str]:
    """Return the reasons that were said. Raises ReasonMissing for a difference without one."""
    said = {method: text.strip() for method, text in reasons.items() if text.strip()}
    unexplained = [Method(method).label for method, amount in differences.items() if amount and method not in said]
    if unexplained:
        raise ReasonMissing(f"Say why it differs: {', '.join(unexplained)}.")
    return said


def _check_counted(counted: Mapping[str, Decimal], opening_float: Decimal, currency: str) -> dict[str, Decimal]:
    for amount in (*counted.values(), opening_float):
        if round_money(amount, currency) != amount:
            raise BadAmount("An amount has more decimal places than the currency.")
    if opening_float < ZERO or counted.get(Method.CASH, ZERO) < ZERO:
        raise BadAmount("There is no less than nothing in a drawer.")
    return {method: counted[method] for method in Method.values if method in counted}
