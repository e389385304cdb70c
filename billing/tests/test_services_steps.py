"""Every verb in every state: done by the ledger's rules, or refused with nothing changed."""

from decimal import Decimal

import pytest

from billing.errors import BadAmount
from billing.ledger import entries as ledger
from billing.models import Bill
from billing.services import corrections, issuing
from billing.tests.factories import make_bill, pay
from synapse.common.errors import Conflict

Status = Bill.Status

VERBS = {
    "send": lambda bill, by, at: issuing.send_bill(bill, by=by, at=at),
    "part": lambda bill, by, at: pay(bill, "1", by=by, at=at),
    "pay": lambda bill, by, at: pay(bill, bill.outstanding_amount or 1, by=by, at=at),
    "cancel": lambda bill, by, at: corrections.cancel_bill(bill, reason="x", by=by, at=at),
    "refund": lambda bill, by, at: corrections.refund_payment(
        bill, amount=bill.paid_amount or Decimal(1), reason="x", by=by, at=at
    ),
    "give up": lambda bill, by, at: corrections.write_off(
        bill, amount=bill.outstanding_amount or Decimal(1), reason="x", by=by, at=at
    ),
    "charge more": lambda bill, by, at: corrections.adjust_bill(
        bill, amount=Decimal(1), is_more=True, reason="x", by=by, at=at
    ),
}
# Where a verb leads from each state; from a state that is missing it is refused.
REACHED = {
    "send": {
        Status.PENDING: Status.SENT,
        Status.SENT: Status.SENT,
        Status.PARTIALLY_PAID: Status.PARTIALLY_PAID,
        Status.OVERDUE: Status.OVERDUE,
        Status.PAID: Status.PAID,
        Status.REFUNDED: Status.REFUNDED,
    },
    "part": {
        Status.PENDING: Status.PARTIALLY_PAID,
        Status.SENT: Status.PARTIALLY_PAID,
        Status.PARTIALLY_PAID: Status.PARTIALLY_PAID,
        Status.OVERDUE: Status.OVERDUE,
    },
    "pay": dict.fromkeys((Status.PENDING, Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE), Status.PAID),
    "cancel": dict.fromkeys((Status.PENDING, Status.SENT, Status.OVERDUE), Status.CANCELLED),
    "refund": dict.fromkeys((Status.PARTIALLY_PAID, Status.PAID), Status.REFUNDED),
    "give up": dict.fromkeys((Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE), Status.PAID),
    "charge more": {
        Status.SENT: Status.SENT,
        Status.PARTIALLY_PAID: Status.PARTIALLY_PAID,
        Status.OVERDUE: Status.OVERDUE,
        Status.PAID: Status.PARTIALLY_PAID,
    },
}


@pytest.mark.parametrize("verb", list(VERBS))
@pytest.mark.parametrize("start", Status.values)
def test_every_step_leads_where_the_ledger_says_or_is_refused(asha, now, start, verb):
    bill = make_bill(asha, status=start)
    before = (bill.bill_number, bill.paid_amount, bill.outstanding_amount, bill.ledger_entries.count())

    if start in REACHED[verb]:
        VERBS[verb](bill, asha, now)
        bill.refresh_from_db()
        assert bill.status == REACHED[verb][start]
        assert ledger.add_up_entries(ledger.entries_of(bill)).outstanding == bill.outstanding_amount
    else:
        with pytest.raises((Conflict, BadAmount)):
            VERBS[verb](bill, asha, now)
        bill.refresh_from_db()
        assert bill.status == start
        assert (bill.bill_number, bill.paid_amount, bill.outstanding_amount, bill.ledger_entries.count()) == before
