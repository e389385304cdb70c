"""Twenty at once on one bill, one credit, one number or one key: real threads, real connections, both databases."""

from decimal import Decimal
from functools import partial
from uuid import uuid4

import pytest

from billing.errors import Locked, TooMuch
from billing.ledger.checking import find_faults
from billing.models import Bill, LedgerEntry, PatientAccount, Payment
from billing.money import ZERO
from billing.services import corrections, issuing, payments
from billing.tests.concurrency import at_once
from billing.tests.factories import make_bill, pay
from patients.tests.factories import make_patient

pytestmark = pytest.mark.django_db(transaction=True)
Status = Bill.Status
Kind = LedgerEntry.Kind
MANY = 20


def load(bill):
    """Read a bill as another request does."""
    return Bill.objects.select_related("patient", "doctor").get(pk=bill.pk)


def give_credit(patient, amount, *, by, at):
    payments.take_payment(
        patient, amount=Decimal(amount), shares=[], method="cash", by=by, at=at, keep_rest_as_credit=True
    )


@pytest.fixture(autouse=True)
def books(now):
    """Whatever was raced for, the books are in order afterwards."""
    yield
    assert list(find_faults(now)) == []


def test_of_twenty_payments_at_once_only_what_is_open_is_taken(asha, now):
    bill = make_bill(asha, status=Status.SENT)

    outcomes = at_once([lambda: pay(load(bill), "150", by=asha, at=now)] * MANY)

    bill.refresh_from_db()
    assert outcomes == [TooMuch.__name__] * 14 + ["done"] * 6
    assert (bill.paid_amount, bill.outstanding_amount, bill.status) == (
        Decimal(900),
        Decimal(100),
        Status.PARTIALLY_PAID,
    )
    receipts = sorted(Payment.objects.values_list("receipt_number", flat=True))
    assert [receipt[-6:] for receipt in receipts] == [f"{number:06d}" for number in range(1, 7)]


def test_numbers_taken_at_once_have_no_gap_and_no_twin(asha, now):
    bills = [make_bill(asha) for _ in range(MANY)]

    outcomes = at_once([partial(issuing.issue_bill, bill, by=asha, at=now) for bill in bills])

    assert outcomes == ["done"] * MANY
    numbers = sorted(int(number[-6:]) for number in Bill.objects.values_list("bill_number", flat=True))
    assert numbers == list(range(1, MANY + 1))


def test_one_bill_issued_twenty_times_at_once_gets_one_number_and_one_charge(asha, now):
    bill = make_bill(asha)

    outcomes = at_once([lambda: issuing.issue_bill(load(bill), by=asha, at=now)] * MANY)

    assert outcomes == ["done"] * MANY
    assert LedgerEntry.objects.filter(bill=bill, kind=Kind.CHARGE).count() == 1


def test_of_twenty_refunds_at_once_no_more_goes_out_than_came_in(asha, now):
    bill = make_bill(asha, status=Status.PAID)

    outcomes = at_once(
        [
            lambda: corrections.refund_payment(load(bill), amount=Decimal(200), reason="Agreed", by=asha, at=now),
        ]
        * MANY
    )

    bill.refresh_from_db()
    assert outcomes == [Locked.__name__] * 15 + ["done"] * 5
    assert (bill.status, bill.paid_amount, bill.outstanding_amount) == (Status.REFUNDED, ZERO, ZERO)


def test_one_credit_used_twenty_times_at_once_is_spent_once(asha, now):
    patient = make_patient(doctor=asha)
    bills = [make_bill(asha, patient=patient, status=Status.SENT) for _ in range(MANY)]
    give_credit(patient, 500, by=asha, at=now)

    outcomes = at_once(
        [lambda bill=bill: payments.apply_credit(load(bill), amount=Decimal(100), by=asha, at=now) for bill in bills]
    )

    assert outcomes == [TooMuch.__name__] * 15 + ["done"] * 5
    assert PatientAccount.objects.get(patient=patient).credit == ZERO


def test_twenty_payments_of_the_same_bills_in_opposite_order_wait_for_each_other(asha, now):
    patient = make_patient(doctor=asha)
    bills = [make_bill(asha, patient=patient, status=Status.SENT) for _ in range(4)]

    def take(order):
        payments.take_payment(
            patient,
            amount=Decimal(200),
            shares=[payments.Share(load(bill), Decimal(50)) for bill in order],
            method="card",
            by=asha,
            at=now,
        )

    outcomes = at_once([partial(take, bills if place % 2 else bills[::-1]) for place in range(MANY)])

    assert outcomes == ["done"] * MANY
    assert {load(bill).status for bill in bills} == {Status.PAID}


def test_paying_and_cancelling_at_once_is_one_of_the_two(asha, now):
    bill = make_bill(asha, status=Status.SENT)

    outcomes = at_once(
        [
            lambda: pay(load(bill), "1000", by=asha, at=now),
            lambda: corrections.cancel_bill(load(bill), reason="Wrong", by=asha, at=now),
        ]
    )

    assert outcomes == [Locked.__name__, "done"]
    assert load(bill).status in (Status.PAID, Status.CANCELLED)


def test_one_payment_taken_back_twenty_times_at_once_is_taken_back_once(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    payment = pay(bill, "800", by=asha, at=now)

    outcomes = at_once(
        [lambda: payments.reverse_payment(payment, reason="Mistyped", by=asha, at=now)] * MANY,
    )

    assert outcomes == [Locked.__name__] * 19 + ["done"]
    assert load(bill).paid_amount == ZERO


def test_the_same_key_fifty_times_at_once_pays_once(asha, now):
    bill, key = make_bill(asha, status=Status.SENT), uuid4()

    outcomes = at_once([lambda: pay(load(bill), "400", by=asha, at=now, key=key)] * 50)

    assert outcomes == ["done"] * 50
    assert Payment.objects.get().pk == key
    assert load(bill).paid_amount == Decimal(400)


def test_the_same_key_of_a_refund_gives_back_once(asha, now):
    bill, key = make_bill(asha, status=Status.PAID), uuid4()

    outcomes = at_once(
        [
            lambda: corrections.refund_payment(
                load(bill), amount=Decimal(400), reason="Agreed", by=asha, at=now, key=key
            ),
        ]
        * MANY
    )

    assert outcomes == ["done"] * MANY
    assert load(bill).paid_amount == Decimal(600)
