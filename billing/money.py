"""Arithmetic of bills: lines, discount, tax, totals. Pure; amounts are Decimals of the bill's currency."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

ZERO = Decimal(0)
# ISO 4217 minor units: two, except these. Columns hold two places, so currencies with three are refused.
WITHOUT_MINOR_UNITS = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"})
WITH_THREE_PLACES = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})

SYMBOLS = {"INR": "₹", "USD": "$", "EUR": "€", "GBP": "£"}


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half up to what the currency can pay. Raises ValueError for a currency this software cannot hold."""
    if currency in WITH_THREE_PLACES:
        raise ValueError(f"{currency} has three decimal places; amounts are kept with two.")
    places = Decimal(1) if currency in WITHOUT_MINOR_UNITS else Decimal("0.01")
    return amount.quantize(places, rounding=ROUND_HALF_UP)


def format_money(amount: Decimal, currency: str) -> str:
    """Write an amount for people: ₹2,62,500.00 in rupees (lakh grouping), $1,234.50 elsewhere."""
    rounded = round_money(amount, currency)
    whole, _, cents = f"{abs(rounded):f}".partition(".")
    grouped = _group_lakhs(whole) if currency == "INR" else f"{int(whole):,}"
    text = f"{grouped}.{cents}" if cents else grouped
    symbol = SYMBOLS.get(currency, f"{currency}\N{NO-BREAK SPACE}")
    sign = "\N{MINUS SIGN}" if rounded < 0 else ""
    return f"{sign}{symbol}{text}"


def _group_lakhs(digits: str) -> str:
    """Group the Indian way: the last three digits, then pairs."""
    head, tail = digits[:-3], digits[-3:]
    groups: list[str] = []
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*groups, tail])


@dataclass(frozen=True)
class Line:
    """One service on a bill. `note` says why this price, for the people who work with the bill."""

    description: str
    unit_price: Decimal
    quantity: int = 1
    cpt_code: str = ""
    price_missing: bool = False
    note: str = ""

    def amount(self, currency: str) -> Decimal:
        return round_money(self.unit_price * self.quantity, currency)

    def dump(self, currency: str) -> dict[str, Any]:
        """Return the line as the bill stores it: money as strings."""
        return {
            "description": self.description,
            "quantity": self.quantity,
            "unit_price": str(round_money(self.unit_price, currency)),
            "amount": str(self.amount(currency)),
            "cpt_code": self.cpt_code,
            "price_missing": self.price_missing,
            "note": self.note,
        }


def load_line(stored: Mapping[str, Any]) -> Line:
    """Return the line a bill stores."""
    return Line(
        description=stored["description"],
        unit_price=Decimal(stored["unit_price"]),
        quantity=int(stored["quantity"]),
        cpt_code=stored.get("cpt_code", ""),
        price_missing=bool(stored.get("price_missing", False)),
        note=stored.get("note", ""),
    )


@dataclass(frozen=True)
class Totals:
    """What a bill adds up to."""

    subtotal: Decimal
    discount: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal


def add_up(lines: Iterable[Line], *, discount: Decimal, tax_rate: Decimal, currency: str) -> Totals:
    """Add the lines, take the discount off and put the tax (percent of the rest) on.

    Raises ValueError when the discount is negative or more than the lines, or the rate is not a percentage.
    """
    subtotal = sum((line.amount(currency) for line in lines), ZERO)
    discount = round_money(discount, currency)
    if not ZERO <= discount <= subtotal:
        raise ValueError("The discount is between nothing and the sum of the lines.")
    if not ZERO <= tax_rate <= Decimal(100):
        raise ValueError("The tax rate is between 0 and 100 percent.")
    tax = round_money((subtotal - discount) * tax_rate / 100, currency)
    return Totals(subtotal, discount, tax_rate, tax, subtotal - discount + tax)
