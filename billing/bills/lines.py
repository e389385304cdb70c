"""The lines of a stored bill and what they add up to, by rate."""

from billing.models import Bill
from billing.money import Line, Totals, add_up, load_line


def lines_of(bill: Bill) -> list[Line]:
    return [load_line(stored) for stored in bill.line_items]


def totals_of(bill: Bill) -> Totals:
    """Return the sums of a bill with the tax of each rate."""
    return add_up(
        lines_of(bill),
        discount=bill.discount_amount,
        tax_rate=bill.tax_rate,
        currency=bill.currency,
        prices_include_tax=bill.prices_include_tax,
    )


def diagnoses_of(bill: Bill) -> list[str]:
    """Return the diagnosis codes a line points to by number, the primary one first."""
    return [code for code in (bill.primary_diagnosis_code, *bill.other_diagnosis_codes) if code]
