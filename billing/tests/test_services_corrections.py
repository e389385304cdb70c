"""Giving back, changing what is charged, writing off, calling off."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing.errors import BadAmount, Locked
from billing.ledger import entries as ledger
from billing.ledger.checking import find_faults
from billing.models import Bill
from billing.money import LARGEST_TOTAL, ZERO
from billing.services import collecting, corrections, drafting
from billing.tests.factories import make_bill, pay
from patients.tests.factories import make_patient
from synapse.common.errors import DomainError, NotAllowed

Status = Bill.Status


def test_a_partial_refund_opens_a_paid_bill_again(asha, now):
    bill = make_bill(asha, status=Status.PAID)

    corrections.refund_payment(bill, amount=Decimal(300), reason="Shorter visit", by=asha, at=now)

    assert (bill.status, bill.paid_amount, bill.outstanding_amount) == (
        Status.PARTIALLY_PAID,
        Decimal(700),
        Decimal(300),
    )


def test_a_full_refund_ends_the_bill_with_nothing_open(asha, now):
    bill = make_bill(asha, status=Status.REFUNDED)

    assert (bill.status, bill.paid_amount, bill.outstanding_amount) == (Status.REFUNDED, ZERO, ZERO)


def test_no_more_is_given_back_than_was_paid(asha, now):
    bill = make_bill(asha, status=Status.PARTIALLY_PAID)

    with pytest.raises(BadAmount):
        corrections.refund_payment(bill, amount=Decimal("250.01"), reason="x", by=asha, at=now)
    with pytest.raises(Locked):
        corrections.refund_payment(make_bill(asha, status=Status.SENT), amount=Decimal(1), reason="x", by=asha, at=now)


def test_no_more_is_charged_than_a_bill_can_hold(asha, now):
    bill = make_bill(asha, status=Status.SENT)

    with pytest.raises(BadAmount):
        corrections.adjust_bill(bill, amount=LARGEST_TOTAL, is_more=True, reason="Typed wrongly", by=asha, at=now)

    bill.refresh_from_db()
    assert bill.outstanding_amount == bill.total_amount
    assert len(ledger.entries_of(bill)) == 1


def test_a_cancelled_bill_keeps_its_number_and_takes_its_charge_back(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    number = bill.bill_number

    corrections.cancel_bill(bill, reason="Wrong patient", by=asha, at=now)

    bill.refresh_from_db()
    assert (bill.status, bill.bill_number, bill.cancelled_reason) == (Status.CANCELLED, number, "Wrong patient")
    assert bill.outstanding_amount == ZERO
    assert ledger.add_up_entries(ledger.entries_of(bill)) == ledger.Balance(ZERO, ZERO, ZERO)
    charge, reversal = ledger.entries_of(bill)
    assert (reversal.kind, reversal.reverses, reversal.amount) == ("reversal", charge, charge.amount)


def test_a_bill_with_money_on_it_is_refunded_not_cancelled(asha, now):
    bill = make_bill(asha, status=Status.SENT, at=now - timedelta(days=20))
    pay(bill, "10", by=asha, at=now)
    collecting.mark_overdue(now)
    bill.refresh_from_db()
    assert bill.status == Status.OVERDUE

    with pytest.raises(Locked, match="Refund it"):
        corrections.cancel_bill(bill, reason="x", by=asha, at=now)


@pytest.mark.parametrize("verb", [corrections.cancel_bill, corrections.refund_payment])
def test_giving_back_needs_a_reason(asha, now, verb):
    extra = {"amount": Decimal(1)} if verb is corrections.refund_payment else {}

    with pytest.raises(DomainError, match="Say why"):
        verb(make_bill(asha, status=Status.PAID), reason=" ", by=asha, at=now, **extra)


def test_the_desk_takes_payments_but_gives_nothing_back(asha, rita, omar, ben, now):
    bill = make_bill(asha, status=Status.SENT)
    pay(bill, "100", by=rita, at=now)

    with pytest.raises(NotAllowed):
        corrections.refund_payment(bill, amount=Decimal(1), reason="x", by=rita, at=now)
    with pytest.raises(NotAllowed):
        corrections.refund_payment(bill, amount=Decimal(1), reason="x", by=ben, at=now)
    corrections.refund_payment(bill, amount=Decimal(50), reason="Agreed", by=omar, at=now)

    assert bill.paid_amount == Decimal(50)


def move(session, to, *, at):
    """Give a session to another patient as `synapse.workflows` does, which tests of this app may not import."""
    drafting.check_can_move(session)
    session.patient = to
    session.save(update_fields=["patient"])
    return drafting.draft_anew(session, reason="Moved", by=session.doctor, at=at)


def test_a_session_moves_to_another_patient_once_its_bill_was_refunded(asha, now):
    bill = make_bill(asha, status=Status.PAID)
    session, right = bill.session, make_patient(doctor=asha)
    with pytest.raises(Locked, match="Cancel or refund"):
        move(session, right, at=now)

    corrections.refund_payment(bill, amount=Decimal(1000), reason="Wrong patient", by=asha, at=now)
    anew = move(session, right, at=now)

    assert (anew.patient, anew.status, anew.paid_amount) == (right, Status.PENDING, ZERO)
    bill.refresh_from_db()
    assert (bill.status, bill.outstanding_amount) == (Status.REFUNDED, ZERO)
    assert list(find_faults(now)) == []
