"""Sums, rounding and how amounts are written."""

from decimal import Decimal

import pytest

from billing.money import Line, add_up, format_money, load_line, round_money


def test_amounts_round_half_up_to_what_the_currency_can_pay():
    assert round_money(Decimal("10.005"), "INR") == Decimal("10.01")
    assert round_money(Decimal("10.5"), "JPY") == Decimal(11)


def test_a_currency_with_three_places_is_refused():
    with pytest.raises(ValueError, match="three decimal places"):
        round_money(Decimal("1.234"), "KWD")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("262500", "INR", "₹2,62,500.00"),
        ("999.5", "INR", "₹999.50"),
        ("12345678.9", "INR", "₹1,23,45,678.90"),
        ("1234.5", "USD", "$1,234.50"),
        ("-50", "INR", "−₹50.00"),
        ("1200", "JPY", "JPY\N{NO-BREAK SPACE}1,200"),
        ("0", "EUR", "€0.00"),
    ],
)
def test_amounts_are_written_as_their_country_writes_them(amount, currency, text):
    assert format_money(Decimal(amount), currency) == text


def test_discount_comes_off_before_tax_goes_on():
    lines = [Line("Session", Decimal(1000), quantity=2), Line("Questionnaire", Decimal("99.99"))]

    totals = add_up(lines, discount=Decimal(100), tax_rate=Decimal(18), currency="INR")

    assert totals.subtotal == Decimal("2099.99")
    assert totals.tax == Decimal("360.00")
    assert totals.total == Decimal("2359.99")


def test_each_line_is_rounded_by_itself_so_the_column_adds_up():
    lines = [Line("A", Decimal("0.335"), quantity=1), Line("B", Decimal("0.335"), quantity=1)]

    totals = add_up(lines, discount=Decimal(0), tax_rate=Decimal(0), currency="INR")

    assert totals.subtotal == sum(Decimal(line.dump("INR")["amount"]) for line in lines) == Decimal("0.68")


@pytest.mark.parametrize("discount", ["-0.01", "1000.01"])
def test_a_discount_is_at_most_the_lines(discount):
    with pytest.raises(ValueError, match="discount"):
        add_up([Line("A", Decimal(1000))], discount=Decimal(discount), tax_rate=Decimal(0), currency="INR")


@pytest.mark.parametrize("rate", ["-1", "100.01"])
def test_a_tax_rate_is_a_percentage(rate):
    with pytest.raises(ValueError, match="tax rate"):
        add_up([Line("A", Decimal(1000))], discount=Decimal(0), tax_rate=Decimal(rate), currency="INR")


def test_a_line_comes_back_from_storage_as_it_went_in():
    line = Line("Session", Decimal("1400.00"), quantity=2, cpt_code="90832", price_missing=False, note="20 minutes")

    assert load_line(line.dump("INR")) == line
