"""The fee schedule: prices follow one another, days never overlap, nothing that was in force is rewritten."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.errors import BadFee
from billing.models import Bill, FeeScheduleItem
from billing.services import fees
from billing.services.fees import Terms
from billing.tests.factories import make_bill
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed

AT = datetime(2026, 3, 10, 12, tzinfo=ZoneInfo("Asia/Kolkata"))
TODAY = date(2026, 3, 10)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def empty_schedule(db):
    FeeScheduleItem.objects.all().delete()


def terms(**changes):
    standard = Terms(
        description="Psychotherapy, 45 minutes",
        unit_price=Decimal(2000),
        currency="INR",
        valid_from=date(2026, 1, 1),
        session_type="followup",
        cpt_code="90834",
        minimum_minutes=38,
    )
    return replace(standard, **changes)


def add(omar, **changes):
    return fees.add_fee(terms(**changes), by=omar, at=AT)


def test_a_price_is_added_with_its_code_checked(omar):
    item = add(omar, cpt_code=" 90834 ", description=" Psychotherapy ")

    item.refresh_from_db()
    assert (item.cpt_code, item.description, item.unit_price) == ("90834", "Psychotherapy", Decimal(2000))
    event = AuditEvent.objects.get(target_id=str(item.pk))
    assert event.action == "administer"
    assert event.detail["verb"] == "add_fee"
    assert "2000" not in str(event.detail)


@pytest.mark.parametrize(
    ("field", "changes", "words"),
    [
        ("description", {"description": " "}, "Name the service."),
        ("cpt_code", {"cpt_code": "99201"}, "99201 was retired in 2021. Use 99202."),
        ("cpt_code", {"cpt_code": "psych"}, "Enter a CPT or HCPCS code"),
        ("unit_price", {"unit_price": Decimal(-1)}, "between 0"),
        ("unit_price", {"unit_price": Decimal(10) ** 8}, "between 0"),
        ("unit_price", {"unit_price": Decimal("10.50"), "currency": "JPY"}, "JPY has no amounts that small."),
        ("currency", {"currency": "KWD"}, "three decimal places"),
        ("tax_rate", {"tax_rate": Decimal(101)}, "between 0 and 100"),
        ("minimum_minutes", {"minimum_minutes": -1}, "between 0 and 1,440"),
        ("minimum_minutes", {"purpose": "no_show"}, "has no minutes"),
        ("valid_until", {"valid_until": date(2025, 12, 31)}, "before the first"),
        ("session_type", {"session_type": ""}, "Choose the kind of visit."),
    ],
)
def test_a_price_that_cannot_be_says_which_field(omar, field, changes, words):
    with pytest.raises(BadFee, match=words) as refusal:
        add(omar, **changes)

    assert refusal.value.field == field
    assert not FeeScheduleItem.objects.exists()


def test_only_a_doctor_has_own_prices(omar, rita, asha):
    with pytest.raises(BadFee, match="for doctors only"):
        add(omar, doctor=rita)
    assert add(omar, doctor=asha).doctor == asha


@pytest.mark.parametrize(
    ("begins", "ends", "clashes"),
    [
        (date(2026, 1, 1), None, True),
        (date(2025, 1, 1), date(2025, 12, 31), False),
        (date(2025, 1, 1), date(2026, 1, 1), True),
        (date(2026, 6, 30), None, True),
        (date(2026, 7, 1), None, False),
        (date(2026, 2, 1), date(2026, 2, 1), True),
    ],
)
def test_two_prices_of_one_kind_and_length_never_hold_on_one_day(omar, begins, ends, clashes):
    add(omar, valid_until=date(2026, 6, 30))
    if not clashes:
        add(omar, valid_from=begins, valid_until=ends)
        return
    with pytest.raises(BadFee, match="holds from 1 Jan 2026 to 30 Jun 2026 for this kind of visit and length"):
        add(omar, valid_from=begins, valid_until=ends)
    assert FeeScheduleItem.objects.count() == 1


def test_other_kinds_lengths_doctors_and_currencies_are_no_clash(omar, asha):
    add(omar)
    for changes in (
        {"session_type": "consultation"},
        {"minimum_minutes": 53},
        {"doctor": asha},
        {"currency": "USD"},
        {"purpose": "no_show", "minimum_minutes": 0},
        {"session_type": "", "purpose": "late_cancel", "minimum_minutes": 0},
    ):
        add(omar, **changes)

    assert FeeScheduleItem.objects.count() == 7


def test_procedures_are_told_apart_by_their_code(omar):
    add(omar, session_type="procedure", cpt_code="96127", minimum_minutes=0)
    add(omar, session_type="procedure", cpt_code="90870", minimum_minutes=0)
    with pytest.raises(BadFee, match="holds from"):
        add(omar, session_type="procedure", cpt_code="96127", minimum_minutes=0)


def test_a_price_in_use_is_ended_and_followed(omar):
    old = add(omar)

    new = fees.change_fee(old, terms(unit_price=Decimal(2200), valid_from=date(2026, 4, 1)), by=omar, at=AT)

    old.refresh_from_db()
    assert (old.unit_price, old.valid_until, old.is_active) == (Decimal(2000), date(2026, 3, 31), True)
    assert (new.unit_price, new.valid_from, new.valid_until) == (Decimal(2200), date(2026, 4, 1), None)
    assert new.pk != old.pk


def test_a_price_that_began_today_is_replaced_and_its_row_kept(omar):
    old = add(omar, valid_from=TODAY)

    new = fees.change_fee(old, terms(unit_price=Decimal(2200), valid_from=TODAY), by=omar, at=AT)

    old.refresh_from_db()
    assert (old.unit_price, old.is_active) == (Decimal(2000), False)
    assert fees.find_overlap(terms(valid_from=TODAY)) == new


def test_a_price_that_has_not_begun_is_rewritten(omar):
    coming = add(omar, valid_from=TODAY + DAY)

    same = fees.change_fee(coming, terms(unit_price=Decimal(2500), valid_from=TODAY + 5 * DAY), by=omar, at=AT)

    assert same.pk == coming.pk
    assert FeeScheduleItem.objects.get().unit_price == Decimal(2500)


def test_a_new_price_does_not_reach_back_or_leave_a_gap(omar):
    item = add(omar, valid_until=date(2026, 6, 30))

    with pytest.raises(BadFee, match="today or a later day"):
        fees.change_fee(item, terms(unit_price=Decimal(1), valid_from=TODAY - DAY), by=omar, at=AT)
    with pytest.raises(BadFee, match="ends on 30 Jun 2026"):
        fees.change_fee(item, terms(unit_price=Decimal(1), valid_from=date(2026, 7, 2)), by=omar, at=AT)
    item.refresh_from_db()
    assert item.valid_until == date(2026, 6, 30)


def test_a_new_price_never_runs_over_one_that_is_planned(omar):
    item = add(omar, valid_until=date(2026, 6, 30))
    add(omar, valid_from=date(2026, 7, 1), unit_price=Decimal(2500))

    with pytest.raises(BadFee, match="holds from 1 Jul 2026 on"):
        fees.change_fee(item, terms(unit_price=Decimal(2200), valid_from=date(2026, 4, 1)), by=omar, at=AT)

    item.refresh_from_db()
    assert item.valid_until == date(2026, 6, 30)
    fees.change_fee(
        item,
        terms(unit_price=Decimal(2200), valid_from=date(2026, 4, 1), valid_until=date(2026, 6, 30)),
        by=omar,
        at=AT,
    )
    assert FeeScheduleItem.objects.count() == 3


def test_saving_without_a_change_makes_no_row_and_no_trail(omar):
    item = add(omar)
    events = AuditEvent.objects.count()

    assert fees.change_fee(item, terms(), by=omar, at=AT).pk == item.pk
    assert (FeeScheduleItem.objects.count(), AuditEvent.objects.count()) == (1, events)


def test_a_price_ends_with_a_day_and_not_in_the_past(omar):
    item = add(omar)

    with pytest.raises(BadFee, match="Choose today or a later day"):
        fees.end_fee(item, on=TODAY - DAY, by=omar, at=AT)
    fees.end_fee(item, on=TODAY, by=omar, at=AT)

    item.refresh_from_db()
    assert (item.valid_until, item.is_active) == (TODAY, True)
    with pytest.raises(Conflict, match="has ended"):
        fees.end_fee(item, on=TODAY + DAY, by=omar, at=AT + 2 * DAY)


def test_a_price_that_never_began_is_withdrawn(omar):
    item = add(omar, valid_from=TODAY + DAY)

    fees.end_fee(item, on=TODAY, by=omar, at=AT)

    item.refresh_from_db()
    assert not item.is_active
    assert fees.find_overlap(terms(valid_from=TODAY + DAY)) is None


def test_a_bill_keeps_the_price_it_was_made_from(omar, asha):
    item = add(omar, minimum_minutes=0)
    bill = make_bill(asha, total=None)

    fees.change_fee(item, terms(minimum_minutes=0, unit_price=Decimal(2200), valid_from=TODAY), by=omar, at=AT)

    bill.refresh_from_db()
    assert bill.total_amount == Decimal(2000)


@pytest.mark.parametrize("person", ["asha", "rita"])
def test_nobody_but_the_administrator_sets_prices(request, omar, person):
    item = add(omar)
    user = request.getfixturevalue(person)

    for refused in (
        lambda: fees.add_fee(terms(minimum_minutes=1), by=user, at=AT),
        lambda: fees.change_fee(item, terms(unit_price=Decimal(1)), by=user, at=AT),
        lambda: fees.end_fee(item, on=TODAY, by=user, at=AT),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert Bill.objects.count() == 0


def test_a_price_that_overlaps_an_older_one_can_still_end(omar):
    item = add(omar)
    FeeScheduleItem.objects.create(
        session_type="followup",
        description="Put in by hand",
        minimum_minutes=38,
        unit_price=Decimal(1),
        currency="INR",
        valid_from=date(2020, 1, 1),
    )

    fees.end_fee(item, on=TODAY, by=omar, at=AT)
    with pytest.raises(BadFee, match="Put in by hand"):
        fees.change_fee(item, terms(valid_until=None), by=omar, at=AT)
