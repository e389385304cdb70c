"""Issuing a draft: its number, its dates, its charge."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.errors import BadAmount, NotIssuable
from billing.models import Bill, FeeScheduleItem, LedgerEntry
from billing.services import drafting, issuing
from billing.tests.factories import make_bill, pay
from patients.tests.factories import make_patient
from sessions_app import services as sessions
from synapse.common.models import Counter

Status = Bill.Status
Kind = LedgerEntry.Kind


def test_a_number_comes_at_issue_with_dates_and_the_charge(asha, now):
    bill = issuing.issue_bill(make_bill(asha), by=asha, at=datetime(2025, 9, 30, 12, tzinfo=UTC))

    assert bill.bill_number == "INV-202509-000001"
    assert (bill.bill_date, bill.due_date) == (date(2025, 9, 30), date(2025, 10, 14))
    assert bill.status == Status.SENT
    [entry] = bill.ledger_entries.all()
    assert (entry.kind, entry.amount) == (Kind.CHARGE, Decimal(1000))


def test_the_month_of_a_number_is_the_clinics(asha):
    late_on_the_30th_in_utc = datetime(2025, 9, 30, 20, tzinfo=UTC)

    bill = issuing.issue_bill(make_bill(asha), by=asha, at=late_on_the_30th_in_utc)

    assert bill.bill_number == "INV-202510-000001"
    assert bill.bill_date == date(2025, 10, 1)


def test_issuing_twice_takes_one_number(asha, now):
    bill = make_bill(asha)

    first = issuing.issue_bill(bill, by=asha, at=now).bill_number
    second = issuing.issue_bill(Bill.objects.get(pk=bill.pk), by=asha, at=now).bill_number

    assert first == second
    assert Counter.objects.get(series="INV").last == 1


def test_a_refused_payment_takes_no_number(asha, now):
    bill = make_bill(asha)

    with pytest.raises(BadAmount):
        pay(bill, "1000.01", by=asha, at=now)
    issuing.issue_bill(make_bill(asha), by=asha, at=now)

    assert Counter.objects.get(series="INV").last == 1
    bill.refresh_from_db()
    assert bill.bill_number is None


def test_a_bill_with_a_missing_price_cannot_be_issued(asha, now):
    session = sessions.start_session(
        make_patient(doctor=asha), by=asha, at=now - timedelta(minutes=46), session_type="consultation"
    )
    sessions.complete_session(session, by=asha, at=now)
    FeeScheduleItem.objects.filter(session_type="consultation").update(is_active=False)
    bill = drafting.draft_bill_for_session(session, by=asha, at=now)

    assert not issuing.can_issue(bill)
    for verb in (issuing.issue_bill, issuing.send_bill):
        with pytest.raises(NotIssuable, match="price is missing"):
            verb(bill, by=asha, at=now)
    with pytest.raises(NotIssuable):
        pay(bill, "1", by=asha, at=now)
    assert not LedgerEntry.objects.exists()


def test_a_bill_over_nothing_cannot_be_issued(asha, now):
    with pytest.raises(NotIssuable, match="charges nothing"):
        issuing.issue_bill(make_bill(asha, total="0"), by=asha, at=now)
