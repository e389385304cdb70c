"""Sums, rounding and how amounts are written."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.currencies import places_of
from billing.money import ZERO, Line, add_up, format_money, load_line, round_money, split_total, spread, unit_of
from synapse.accounts import choices


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
    line = Line(
        "Session",
        Decimal("1400.00"),
        quantity=2,
        cpt_code="90832",
        price_missing=False,
        note="20 minutes",
        modifiers=("95", "GT"),
        tax_rate=Decimal("12.5"),
        diagnosis_pointers=(1, 3),
    )

    assert load_line(json.loads(json.dumps(line.dump("INR")))) == line


def test_a_line_of_an_earlier_release_loads():
    stored = {"description": "Session", "quantity": 1, "unit_price": "500.00", "amount": "500.00", "cpt_code": "90832"}

    assert load_line(stored) == Line("Session", Decimal("500.00"), cpt_code="90832")


@pytest.mark.parametrize("currency", ["XAU", "XTS", "ABC", "inr", "", "CLF"])
def test_what_is_no_currency_to_pay_with_is_refused(currency):
    with pytest.raises(ValueError, match="ISO 4217"):
        round_money(Decimal(1), currency)


@pytest.mark.parametrize("currency", [code for code, _ in choices.CURRENCIES])
def test_every_currency_the_clinic_may_choose_can_be_held(currency):
    assert places_of(currency) in (0, 2)


def test_a_discount_in_percent_is_a_share_of_the_lines():
    totals = add_up([Line("A", Decimal("333.33"))], discount_percent=Decimal(10), tax_rate=ZERO, currency="INR")

    assert (totals.discount, totals.total) == (Decimal("33.33"), Decimal("300.00"))


@pytest.mark.parametrize("percent", ["-1", "100.01"])
def test_a_discount_in_percent_is_a_percentage(percent):
    with pytest.raises(ValueError, match="percent"):
        add_up([Line("A", Decimal(10))], discount_percent=Decimal(percent), tax_rate=ZERO, currency="INR")


def test_each_rate_is_taxed_on_its_own_sum_after_its_share_of_the_discount():
    lines = [
        Line("A", Decimal(100), tax_rate=Decimal(18)),
        Line("B", Decimal(200)),
        Line("C", Decimal(100), tax_rate=ZERO),
    ]

    totals = add_up(lines, discount=Decimal(40), tax_rate=Decimal(5), currency="EUR")

    assert totals.discounts == [Decimal(10), Decimal(20), Decimal(10)]
    assert [(part.rate, part.base, part.tax) for part in totals.taxes] == [
        (Decimal(0), Decimal(90), Decimal(0)),
        (Decimal(5), Decimal(180), Decimal(9)),
        (Decimal(18), Decimal(90), Decimal("16.20")),
    ]
    assert (totals.tax, totals.total) == (Decimal("25.20"), Decimal("385.20"))


def test_the_units_left_over_of_a_discount_go_to_the_largest_remainders():
    assert spread(Decimal("0.10"), [Decimal(1)] * 3, "EUR") == [Decimal("0.04"), Decimal("0.03"), Decimal("0.03")]
    assert spread(Decimal(10), [Decimal(1000), Decimal(1999)], "JPY") == [Decimal(3), Decimal(7)]


def test_a_price_with_its_tax_in_it_costs_what_it_says():
    totals = add_up([Line("A", Decimal(118))], tax_rate=Decimal(18), currency="INR", prices_include_tax=True)

    assert (totals.total, totals.tax, totals.taxes[0].base) == (Decimal(118), Decimal(18), Decimal(100))


def test_more_than_a_bill_can_hold_is_refused_in_words():
    with pytest.raises(ValueError, match="more than a bill can hold"):
        add_up([Line("A", Decimal("9999999999.99"), quantity=2)], tax_rate=ZERO, currency="INR")


CURRENCIES = st.sampled_from(["INR", "EUR", "JPY"])
RATES = st.sampled_from([None, *map(Decimal, ("0", "5", "12.5", "18", "28", "100"))])
LINES = st.lists(
    st.builds(
        Line,
        description=st.just("A"),
        unit_price=st.decimals(0, 100_000, places=3),
        quantity=st.integers(1, 99),
        tax_rate=RATES,
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(
    lines=LINES,
    currency=CURRENCIES,
    percent=st.decimals(0, 100, places=2),
    as_amount=st.booleans(),
    rate=RATES.filter(lambda rate: rate is not None),
    is_included=st.booleans(),
)
def test_every_bill_sums(lines, currency, percent, as_amount, rate, is_included):
    terms = {"tax_rate": rate, "currency": currency, "prices_include_tax": is_included}
    totals = add_up(lines, discount_percent=percent, **terms)
    if as_amount:
        assert add_up(lines, discount=totals.discount, **terms) == totals

    stored = [Decimal(line.dump(currency)["amount"]) for line in lines]
    assert totals.subtotal == sum(stored)
    assert sum(totals.discounts) == totals.discount
    assert all(0 <= less <= amount for less, amount in zip(totals.discounts, stored, strict=True))
    assert totals.tax == sum(part.tax for part in totals.taxes)
    assert sum(part.base for part in totals.taxes) + totals.tax == totals.total
    assert totals.total == totals.subtotal - totals.discount + (0 if is_included else totals.tax)
    assert len({part.rate for part in totals.taxes}) == len(totals.taxes)
    for part in totals.taxes:
        assert abs(part.base * part.rate / 100 - part.tax) <= unit_of(currency)
    for figure in (totals.subtotal, totals.discount, totals.tax, totals.total, *totals.discounts):
        assert figure >= 0
        assert round_money(figure, currency) == figure


def test_what_the_insurer_leaves_is_the_patients():
    split = split_total(Decimal(3000), currency="INR", covered=Decimal(2250), copay=Decimal(500))

    assert (split.responsibility, split.rest) == (Decimal(750), Decimal(250))


def test_what_the_patient_leaves_is_the_insurers():
    assert split_total(Decimal(3000), currency="INR", responsibility=Decimal(500)).covered == Decimal(2500)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"covered": "3000.01"}, "whole bill"),
        ({"responsibility": "3000.01"}, "whole bill"),
        ({"covered": "2000", "responsibility": "999"}, "does not make up"),
        ({"covered": "2500", "copay": "400", "deductible": "100.01"}, "more than the patient pays"),
        ({"copay": "-1"}, "below zero"),
        ({"covered": "0.005"}, "finer"),
    ],
)
def test_parts_that_cannot_be_are_refused_in_words(parts, words):
    with pytest.raises(ValueError, match=words):
        split_total(Decimal(3000), currency="INR", **{name: Decimal(value) for name, value in parts.items()})


PART = st.none() | st.decimals(0, 2000, places=2)


@settings(max_examples=150, deadline=None)
@given(total=st.decimals(0, 2000, places=2), covered=PART, responsibility=PART, copay=PART, deductible=PART)
def test_every_split_sums_or_is_refused(total, covered, responsibility, copay, deductible):
    parts = {"covered": covered, "responsibility": responsibility, "copay": copay, "deductible": deductible}
    try:
        split = split_total(total, currency="EUR", **parts)
    except ValueError:
        return

    assert split.covered + split.responsibility == total
    assert split.copay + split.deductible + split.rest == split.responsibility
    assert min(split.covered, split.responsibility, split.copay, split.deductible, split.rest) >= 0
    for name, given_part in parts.items():
        assert given_part is None or getattr(split, name) == given_part
