"""Which price a visit gets, and what is said about it."""

from datetime import date
from decimal import Decimal

import pytest

from billing.drafts.pricing import Visit, price_visit
from billing.models import FeeScheduleItem

ON = date(2025, 10, 14)


def item(minutes, code, price, **fields):
    values = {
        "session_type": "followup",
        "currency": "INR",
        "valid_from": date(2020, 1, 1),
        "is_active": True,
        **fields,
    }
    return FeeScheduleItem(
        description=f"Therapy {code}", cpt_code=code, minimum_minutes=minutes, unit_price=Decimal(price), **values
    )


SCHEDULE = [item(16, "90832", "1400"), item(38, "90834", "2000"), item(53, "90837", "2600")]


def price(minutes, schedule=SCHEDULE, *, bill_type="followup", currency="INR"):
    [line] = price_visit(Visit(bill_type, minutes, ON, currency), schedule)
    return line


@pytest.mark.parametrize(
    ("minutes", "code"), [(16, "90832"), (37, "90832"), (38, "90834"), (52, "90834"), (53, "90837"), (180, "90837")]
)
def test_the_code_follows_the_minutes_at_every_limit(minutes, code):
    assert price(minutes).cpt_code == code


def test_the_note_says_how_far_the_next_code_is():
    assert price(46).note == "46 minutes: 90834 is 38 to 52. 7 minutes short of 90837."
    assert price(52).note.endswith("1 minute short of 90837.")
    assert price(60).note == "60 minutes: 90837 from 53."


def test_too_short_for_the_schedule_is_a_missing_price_and_never_a_higher_code():
    line = price(10)

    assert (line.unit_price, line.price_missing, line.cpt_code) == (Decimal(0), True, "")
    assert line.note == "10 minutes; the fee schedule begins at 16."


@pytest.mark.parametrize(
    "schedule",
    [
        [],
        [item(0, "90834", "2000", session_type="emergency")],
        [item(0, "90834", "2000", currency="USD")],
        [item(0, "90834", "2000", is_active=False)],
        [item(0, "90834", "2000", valid_from=date(2025, 10, 15))],
        [item(0, "90834", "2000", valid_until=date(2025, 10, 13))],
    ],
    ids=["empty", "other visit", "other currency", "switched off", "not yet", "no more"],
)
def test_a_price_that_is_not_in_force_is_missing(schedule):
    line = price(45, schedule)

    assert line.price_missing
    assert line.description == "Follow-up"


def test_a_price_is_in_force_on_its_first_and_on_its_last_day():
    assert not price(45, [item(0, "90834", "2000", valid_from=ON, valid_until=ON)]).price_missing


def test_of_two_prices_the_one_that_began_later_counts():
    schedule = [item(38, "90834", "2200", valid_from=date(2025, 10, 1)), item(38, "90834", "2000")]

    assert price(45, schedule).unit_price == Decimal(2200)
