"""What the clinic charged, took and is owed, by month: plain sums in, figures out. Pure.

All of it comes from the ledger's months, which count an entry on the day it was written: a correction counts when it
was made, not in the month it corrects.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

from billing.money import ZERO


@dataclass(frozen=True)
class Sums:
    """The columns of the ledger's months, added up."""

    charged: Decimal = ZERO
    adjusted: Decimal = ZERO
    written_off: Decimal = ZERO
    received: Decimal = ZERO
    refunded: Decimal = ZERO
    credit_applied: Decimal = ZERO

    @property
    def revenue(self) -> Decimal:
        return self.charged + self.adjusted

    @property
    def collected(self) -> Decimal:
        return self.received - self.refunded


COLUMNS = tuple(one.name for one in fields(Sums))


@dataclass(frozen=True)
class Month:
    """One row of the ledger's months; `doctor` is empty for what is on no bill."""

    period: str
    doctor: object
    bill_type: str
    paid_by: str
    sums: Sums


def add_up(months: Iterable[Month]) -> Sums:
    """Return several rows as one."""
    totals = dict.fromkeys(COLUMNS, ZERO)
    for month in months:
        for name in COLUMNS:
            totals[name] += getattr(month.sums, name)
    return Sums(**totals)


def outstanding_of(months: Iterable[Month]) -> Decimal:
    """Return what is open on bills after these months, all of them from the first on."""
    on_bills = add_up(month for month in months if month.doctor is not None)
    return on_bills.revenue - on_bills.written_off - on_bills.collected - on_bills.credit_applied


def credit_of(months: Iterable[Month]) -> Decimal:
    """Return what patients have to their credit after these months: kept, less paid out, less used on bills."""
    known = list(months)
    kept = add_up(month for month in known if month.doctor is None)
    return kept.collected - add_up(known).credit_applied


@dataclass(frozen=True)
class Period:
    """Whole months, such as 202510, the first and the last included."""

    first: str
    last: str

    @property
    def months(self) -> list[str]:
        return [month_of(number) for number in range(number_of(self.first), number_of(self.last) + 1)]

    @property
    def before(self) -> "Period":
        """Return as many months before."""
        first = number_of(self.first)
        return Period(month_of(first - len(self.months)), month_of(first - 1))

    @property
    def after(self) -> "Period":
        last = number_of(self.last)
        return Period(month_of(last + 1), month_of(last + len(self.months)))

    def __contains__(self, period: str) -> bool:
        return self.first <= period <= self.last


def number_of(month: str) -> int:
    """Return the number of a month such as 202510, counted from the year 0."""
    return int(month[:4]) * 12 + int(month[4:]) - 1


def month_of(number: int) -> str:
    return f"{number // 12:04d}{number % 12 + 1:02d}"


def first_day(month: str) -> date:
    return date(int(month[:4]), int(month[4:]), 1)


@dataclass(frozen=True)
class Definition:
    """One figure: its name, what it means in a sentence, and whether it is money."""

    name: str
    label: str
    meaning: str
    is_money: bool = True


DEFINITIONS = (
    Definition("revenue", "Charged", "Bills issued in the period, with what adjustments and called-off bills changed."),
    Definition("collected", "Collected", "Money that came in less what went back, what was kept as credit included."),
    Definition("written_off", "Written off", "What was given up on bills, less write-offs that were taken back."),
    Definition("outstanding", "Outstanding", "What was open on issued bills when the period ended."),
    Definition("credit", "Credit", "What patients had to their credit when the period ended."),
    Definition(
        "days_to_payment",
        "Days to payment",
        "Median of the days from a bill’s date to its last payment, of bills settled in the period.",
        is_money=False,
    ),
)


@dataclass(frozen=True)
class Figure:
    """One figure of a period beside that of the period before; None where there is none."""

    definition: Definition
    value: Decimal | None
    before: Decimal | None

    @property
    def change(self) -> Decimal | None:
        if self.value is None or self.before is None:
            return None
        return self.value - self.before

    @property
    def percent(self) -> Decimal | None:
        """Return the change in percent of the period before; None where that was nothing."""
        if self.change is None or not self.before:
            return None
        return (self.change / abs(self.before) * 100).quantize(Decimal("0.1"))


def figures_of(
    months: Sequence[Month], period: Period, days: Decimal | None, days_before: Decimal | None, *, has_credit: bool
) -> list[Figure]:
    """Return every figure in the order of DEFINITIONS; `months` are all from the first on, credit is the clinic's."""
    values: dict[str, Callable[[Period], Decimal | None]] = {
        "revenue": lambda span: add_up(_within(months, span)).revenue,
        "collected": lambda span: add_up(_within(months, span)).collected,
        "written_off": lambda span: add_up(_within(months, span)).written_off,
        "outstanding": lambda span: outstanding_of(_until(months, span)),
        "credit": lambda span: credit_of(_until(months, span)),
        "days_to_payment": lambda span: days if span == period else days_before,
    }
    return [
        Figure(one, values[one.name](period), values[one.name](period.before))
        for one in DEFINITIONS
        if has_credit or one.name != "credit"
    ]


def _within(months: Iterable[Month], span: Period) -> list[Month]:
    return [month for month in months if month.period in span]


def _until(months: Iterable[Month], span: Period) -> list[Month]:
    return [month for month in months if month.period <= span.last]


@dataclass(frozen=True)
class Share:
    """A row of a table: one clinician, kind of visit or payer with their sums of the period."""

    label: str
    sums: Sums
    before: Sums
    outstanding: Decimal = ZERO


def shares_by(
    months: Sequence[Month], period: Period, key: Callable[[Month], object], label: Callable[[object], str]
) -> list[Share]:
    """Return the sums of a period by something, the most charged or collected first."""
    keys = {key(month) for month in months if month.period <= period.last}
    shares = []
    for one in keys:
        own = [month for month in months if key(month) == one]
        shares.append(
            Share(
                label(one),
                add_up(_within(own, period)),
                add_up(_within(own, period.before)),
                outstanding_of(_until(own, period)),
            )
        )
    moved = [share for share in shares if share.sums != Sums() or share.before != Sums() or share.outstanding]
    return sorted(moved, key=lambda share: (-share.sums.revenue, -share.sums.collected, share.label))
