"""`check_ledger` is quiet about a true ledger and names what was tampered with."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing import services
from billing.models import Bill, LedgerMonth
from billing.tests.factories import make_bill
from synapse.common.models import Counter

Status = Bill.Status


def check():
    out = StringIO()
    call_command("check_ledger", stdout=out)
    return out.getvalue()


def faults():
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("check_ledger", stdout=out)
    return out.getvalue()


def test_bills_in_every_state_add_up(asha, now):
    for status in Status.values:
        make_bill(asha, status=status)
    part = make_bill(asha, status=Status.PAID)
    services.refund_payment(part, amount=Decimal(1), reason="x", by=asha, at=now)

    assert check() == "The ledger adds up.\n"
    assert check() == "The ledger adds up.\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"paid_amount": Decimal(999)}, "paid amount"),
        ({"outstanding_amount": Decimal(5)}, "open amount"),
        ({"total_amount": Decimal(5000)}, "charge is not the total"),
        ({"status": Status.SENT}, "does not fit"),
    ],
)
def test_a_bill_changed_behind_the_services_is_named(asha, changes, words):
    bill = make_bill(asha, status=Status.PAID)
    Bill.objects.filter(pk=bill.pk).update(**changes)

    found = faults()

    assert bill.bill_number in found
    assert words in found


def test_a_month_that_says_something_else_is_named(asha):
    make_bill(asha, status=Status.PAID)
    LedgerMonth.objects.update(paid=Decimal(1))

    assert "month's totals" in faults()


def test_a_gap_in_the_numbers_is_named(asha):
    make_bill(asha, status=Status.SENT)
    Counter.objects.filter(series="INV").update(last=2)

    assert "gap" in faults()


def test_no_amount_and_no_name_is_printed(asha):
    bill = make_bill(asha, status=Status.PAID, total="1234.50")
    Bill.objects.filter(pk=bill.pk).update(paid_amount=Decimal(1))

    found = faults()

    assert "1234" not in found
    assert bill.patient.last_name not in found
