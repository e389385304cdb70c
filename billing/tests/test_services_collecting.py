"""Which bills become overdue, and when."""

from datetime import UTC, date, datetime, timedelta

from billing.models import Bill
from billing.services import collecting
from billing.tests.factories import make_bill, pay

Status = Bill.Status


def test_a_bill_is_overdue_the_day_after_its_due_date_by_the_clinics_clock(asha):
    bill = make_bill(asha, status=Status.SENT, at=datetime(2025, 9, 1, 6, tzinfo=UTC))
    assert bill.due_date == date(2025, 9, 15)

    on_the_due_date = collecting.mark_overdue(datetime(2025, 9, 15, 18, 29, tzinfo=UTC))
    past_midnight_in_pune = collecting.mark_overdue(datetime(2025, 9, 15, 18, 31, tzinfo=UTC))
    again = collecting.mark_overdue(datetime(2025, 9, 15, 18, 31, tzinfo=UTC))

    bill.refresh_from_db()
    assert (on_the_due_date, past_midnight_in_pune, again) == (0, 1, 0)
    assert bill.status == Status.OVERDUE


def test_only_sent_and_partly_paid_bills_become_overdue(asha, now):
    long_ago = now - timedelta(days=60)
    bills = {
        status: make_bill(asha, status=status, at=long_ago) for status in Status.values if status != Status.OVERDUE
    }

    collecting.mark_overdue(now)

    moved = {status for status, bill in bills.items() if Bill.objects.get(pk=bill.pk).status == Status.OVERDUE}
    assert moved == {Status.SENT, Status.PARTIALLY_PAID}


def test_an_overdue_bill_can_still_be_paid(asha, now):
    bill = make_bill(asha, status=Status.OVERDUE)

    pay(bill, "1000", by=asha, at=now)

    assert bill.status == Status.PAID
