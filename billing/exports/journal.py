"""The ledger as double entry: each entry as lines of an account, with debits that equal credits. Pure.

A charge is split into revenue and the tax payable of each rate as the bill's lines say. An adjustment carries tax in
the proportion of the bill; a write-off carries none, since most tax offices give it back only on their own terms.
A reversal is the reversed entry's lines the other way round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.models import BillType, LedgerEntry, Method
from billing.money import ZERO, round_money

Kind = LedgerEntry.Kind

RECEIVABLE, CREDIT, TAX, ADJUSTMENTS, BAD_DEBT = "receivable", "credit", "tax", "adjustments", "bad_debt"
REVENUE = "revenue_"
# Key to number and name; a clinic's accountant may have others.
ACCOUNTS: dict[str, tuple[str, str]] = {
    Method.CASH: ("1000", "Cash"),
    Method.CARD: ("1010", "Card clearing"),
    Method.UPI: ("1020", "UPI clearing"),
    Method.BANK_TRANSFER: ("1030", "Bank"),
    Method.INSURANCE: ("1040", "Insurer clearing"),
    Method.OTHER: ("1090", "Other money"),
    RECEIVABLE: ("1200", "Accounts receivable"),
    CREDIT: ("2100", "Patient credit"),
    TAX: ("2200", "Tax payable"),
    **{
        f"{REVENUE}{kind.value}": (str(4000 + 10 * place), f"Revenue, {kind.label.lower()}")
        for place, kind in enumerate(BillType)
    },
    ADJUSTMENTS: ("4900", "Discounts and adjustments"),
    BAD_DEBT: ("6100", "Bad debt"),
}


@dataclass(frozen=True)
class Line:
    """One line of the journal; `rate` is the percentage of a tax line. Exactly one of debit and credit is above zero."""

    account: str
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    rate: Decimal | None = None


@dataclass(frozen=True)
class Charged:
    """What the journal needs of a bill: its kind, its total, the tax of each rate in it."""

    bill_type: str
    currency: str
    total: Decimal
    taxes: Sequence[tuple[Decimal, Decimal]]


def lines_of(entry: LedgerEntry, charged: Charged | None) -> list[Line]:
    """Return the lines of a ledger entry; `charged` is its bill's, None for an entry that is on no bill."""
    if entry.reverses is not None:
        way = entry.reverses.method or entry.method
        return [
            Line(line.account, line.credit, line.debit, line.rate)
            for line in _lines(entry.reverses.kind, entry.amount, way, charged)
        ]
    return _lines(entry.kind, entry.amount, entry.method, charged)


def _lines(kind: str, amount: Decimal, method: str, charged: Charged | None) -> list[Line]:
    money = method or Method.OTHER
    pairs: dict[str, tuple[str, str]] = {
        Kind.WRITE_OFF: (BAD_DEBT, RECEIVABLE),
        Kind.PAYMENT: (money, RECEIVABLE),
        Kind.REFUND: (RECEIVABLE, money),
        Kind.OVERPAYMENT: (money, CREDIT),
        Kind.CREDIT_APPLIED: (CREDIT, RECEIVABLE),
        Kind.CREDIT_REFUND: (CREDIT, money),
    }
    if kind in pairs:
        debit, credit = pairs[kind]
        return [Line(debit, debit=amount), Line(credit, credit=amount)]
    if charged is None:
        raise ValueError(f"An entry {kind} is on a bill.")
    if kind == Kind.CREDIT_ADJUSTMENT:
        return [
            *(Line(line.account, line.credit, line.debit, line.rate) for line in _earned(ADJUSTMENTS, amount, charged)),
            Line(RECEIVABLE, credit=amount),
        ]
    account = ADJUSTMENTS if kind == Kind.DEBIT_ADJUSTMENT else f"{REVENUE}{charged.bill_type}"
    return [Line(RECEIVABLE, debit=amount), *_earned(account, amount, charged)]


def _earned(account: str, amount: Decimal, charged: Charged) -> list[Line]:
    """Return an amount as earned and as tax of each rate: of the whole charge the bill's own, of a part in proportion."""
    is_whole = amount == charged.total
    taxes = [
        (rate, tax if is_whole else round_money(tax * amount / charged.total, charged.currency))
        for rate, tax in charged.taxes
        if tax
    ]
    earned = amount - sum((tax for _, tax in taxes), ZERO)
    lines = [Line(account, credit=earned)] if earned else []
    return lines + [Line(TAX, credit=tax, rate=rate) for rate, tax in taxes if tax]


def account_of(line: Line, chosen: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """Return number and name of a line's account: the clinic's own, else ours; each tax rate has its own."""
    number, name = chosen.get(line.account) or ACCOUNTS[line.account]
    if line.rate is None:
        return number, name
    rate = f"{line.rate.normalize():f}"
    return f"{number}-{rate}", f"{name} {rate}%"
