"""Arithmetic of bills: lines, discount, tax, totals, who pays which part. Pure; amounts are Decimals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from billing.currencies import places_of

ZERO = Decimal(0)
HUNDRED = Decimal(100)
LARGEST_TOTAL = Decimal("9999999999.99")  # what the columns of a bill hold
MAXIMUM_MODIFIERS = 4  # of a line, as a claim carries them
MAXIMUM_POINTERS = 4  # from a line to diagnoses, as a claim carries them
COVERED, RESPONSIBILITY, COPAY = "insurance_covered_amount", "patient_responsibility", "copay_amount"


class BadFigure(ValueError):
    """A figure of a bill cannot be, in words; `field` is the column it stands in."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


SYMBOLS = {"INR": "₹", "USD": "$", "EUR": "€", "GBP": "£"}


def unit_of(currency: str) -> Decimal:
    """Return the smallest amount that can be paid. Raises ValueError for a currency this software cannot hold."""
    return Decimal(1).scaleb(-places_of(currency))


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half up to what the currency can pay. Raises ValueError for a currency this software cannot hold."""
    return amount.quantize(unit_of(currency), rounding=ROUND_HALF_UP)


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


def format_plain(amount: Decimal) -> str:
    """Write a figure as one types it, without zeros behind the point that say nothing: 18, 12.5, 2000."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class Line:
    """One service on a bill.

    `quantity` counts its units, `tax_rate` is percent (None: the bill's), `diagnosis_pointers` count the bill's
    diagnoses from 1. `note` says why this price or code, for the people who work with the bill.
    """

    description: str
    unit_price: Decimal
    quantity: int = 1
    cpt_code: str = ""
    price_missing: bool = False
    note: str = ""
    modifiers: tuple[str, ...] = ()
    tax_rate: Decimal | None = None
    diagnosis_pointers: tuple[int, ...] = ()

    def amount(self, currency: str) -> Decimal:
        return round_money(self.unit_price, currency) * self.quantity

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
            "modifiers": list(self.modifiers),
            "tax_rate": None if self.tax_rate is None else str(self.tax_rate),
            "diagnosis_pointers": list(self.diagnosis_pointers),
        }


def load_line(stored: Mapping[str, Any]) -> Line:
    """Return the line a bill stores; those of earlier releases have no modifiers, rate or pointers."""
    rate = stored.get("tax_rate")
    return Line(
        description=stored["description"],
        unit_price=Decimal(stored["unit_price"]),
        quantity=int(stored["quantity"]),
        cpt_code=stored.get("cpt_code", ""),
        price_missing=bool(stored.get("price_missing", False)),
        note=stored.get("note", ""),
        modifiers=tuple(stored.get("modifiers", ())),
        tax_rate=None if rate is None else Decimal(rate),
        diagnosis_pointers=tuple(int(pointer) for pointer in stored.get("diagnosis_pointers", ())),
    )


@dataclass(frozen=True)
class TaxPart:
    """What one rate of a bill comes to: `base` is taxed and without the tax."""

    rate: Decimal
    base: Decimal
    tax: Decimal


@dataclass(frozen=True)
class Totals:
    """What a bill adds up to.

    The total is subtotal less discount, plus the tax where the prices are without it. `taxes` has one part a rate, the
    lowest first; `discounts` is what each line bears of the discount.
    """

    subtotal: Decimal
    discount: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal
    taxes: list[TaxPart] = field(default_factory=list)
    discounts: list[Decimal] = field(default_factory=list)


def add_up(
    lines: Iterable[Line],
    *,
    discount: Decimal = ZERO,
    discount_percent: Decimal | None = None,
    tax_rate: Decimal,
    currency: str,
    prices_include_tax: bool = False,
) -> Totals:
    """Add the lines, spread the discount over them and reckon the tax of each rate once, on its sum.

    With `discount_percent` the discount is that share of the lines. `tax_rate` is that of lines without one of their
    own. Raises BadFigure for figures that cannot be, ValueError for a currency that cannot be held.
    """
    lines = list(lines)
    amounts = [line.amount(currency) for line in lines]
    if any(line.unit_price < ZERO or line.quantity < 1 for line in lines):
        raise BadFigure("A line has at least one unit and no price below zero.", "line_items")
    subtotal = sum(amounts, ZERO)
    if subtotal > LARGEST_TOTAL:
        raise BadFigure("The lines come to more than a bill can hold.", "line_items")
    discount = _discount(subtotal, discount, discount_percent, currency)
    discounts = spread(discount, amounts, currency)
    sums: dict[Decimal, Decimal] = {}
    for line, amount, less in zip(lines, amounts, discounts, strict=True):
        rate = tax_rate if line.tax_rate is None else line.tax_rate
        _check_rate(rate)
        sums[rate] = sums.get(rate, ZERO) + amount - less
    _check_rate(tax_rate)
    taxes = [_tax_part(rate, sums[rate], currency, prices_include_tax) for rate in sorted(sums)]
    tax = sum((part.tax for part in taxes), ZERO)
    total = subtotal - discount if prices_include_tax else subtotal - discount + tax
    if total > LARGEST_TOTAL:
        raise BadFigure("The lines come to more than a bill can hold.", "line_items")
    return Totals(subtotal, discount, tax_rate, tax, total, taxes, discounts)


def _discount(subtotal: Decimal, amount: Decimal, percent: Decimal | None, currency: str) -> Decimal:
    if percent is not None:
        if not ZERO <= percent <= HUNDRED:
            raise BadFigure("The discount is between 0 and 100 percent.", "discount_percent")
        return round_money(subtotal * percent / HUNDRED, currency)
    amount = round_money(amount, currency)
    if not ZERO <= amount <= subtotal:
        raise BadFigure("The discount is between nothing and the sum of the lines.", "discount_amount")
    return amount


def _check_rate(rate: Decimal) -> None:
    if not ZERO <= rate <= HUNDRED:
        raise BadFigure("The tax rate is between 0 and 100 percent.", "tax_rate")


def _tax_part(rate: Decimal, amount: Decimal, currency: str, is_included: bool) -> TaxPart:
    if is_included:
        tax = round_money(amount * rate / (HUNDRED + rate), currency)
        return TaxPart(rate, amount - tax, tax)
    return TaxPart(rate, amount, round_money(amount * rate / HUNDRED, currency))


def spread(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Share an amount out by weight so that the shares sum to it and none is more than its weight.

    Each share is rounded down to what can be paid; the units left over go to the largest remainders, the first line
    first. The amount is at most the sum of the weights.
    """
    whole = sum(weights, ZERO)
    if not whole:
        return [ZERO for _ in weights]
    unit = unit_of(currency)
    exact = [amount * weight / whole for weight in weights]
    shares = [share.quantize(unit, rounding=ROUND_FLOOR) for share in exact]
    left = int((amount - sum(shares, ZERO)) / unit)
    by_remainder = sorted(range(len(weights)), key=lambda place: (shares[place] - exact[place], place))
    for place in by_remainder[:left]:
        shares[place] += unit
    return shares


@dataclass(frozen=True)
class Split:
    """Who pays which part of a bill: covered + responsibility = total, responsibility = copay + deductible + rest."""

    covered: Decimal
    responsibility: Decimal
    copay: Decimal
    deductible: Decimal

    @property
    def rest(self) -> Decimal:
        """Return what the patient pays beyond copay and deductible: the coinsurance."""
        return self.responsibility - self.copay - self.deductible


def split_total(
    total: Decimal,
    *,
    currency: str,
    covered: Decimal | None = None,
    responsibility: Decimal | None = None,
    copay: Decimal | None = None,
    deductible: Decimal | None = None,
) -> Split:
    """Split a total between the insurer and the patient; what is not given follows from what is.

    Nothing covered is nothing covered. Raises BadFigure when the parts cannot make up the total.
    """
    given = {COVERED: covered, RESPONSIBILITY: responsibility, COPAY: copay, "deductible_amount": deductible}
    for field_name, part in given.items():
        if part is not None and (part < ZERO or round_money(part, currency) != part):
            raise BadFigure("No part of a bill is below zero or finer than the currency can pay.", field_name)
    if covered is None:
        covered = ZERO if responsibility is None else total - responsibility
    if responsibility is None:
        responsibility = total - covered
    if not ZERO <= covered <= total:
        raise BadFigure("The insurer pays between nothing and the whole bill.", COVERED)
    if covered + responsibility != total:
        raise BadFigure(
            "What the insurer and the patient pay does not make up the bill: "
            f"{format_money(covered, currency)} and {format_money(responsibility, currency)} "
            f"of {format_money(total, currency)}.",
            RESPONSIBILITY,
        )
    split = Split(covered, responsibility, copay or ZERO, deductible or ZERO)
    if split.rest < ZERO:
        raise BadFigure(
            "Copay and deductible come to more than the patient pays: "
            f"{format_money(split.copay + split.deductible, currency)} of {format_money(responsibility, currency)}.",
            COPAY,
        )
    return split
