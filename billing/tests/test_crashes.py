"""The process may die at any call of the database: of issue, payment and refund everything stays, or nothing."""

from contextlib import contextmanager
from decimal import Decimal
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection

from billing.ledger.checking import find_faults
from billing.models import Bill, LedgerEntry, Payment
from billing.services import corrections, issuing, payments
from billing.tests.factories import make_bill, pay
from patients.tests.factories import make_patient
from synapse.audit.verification import verify_chain

Status = Bill.Status
MOST_CALLS = 300


class Died(BaseException):
    """The process was killed: no `except Exception` sees it."""


@contextmanager
def dying_at(call):
    """Let the call of the database with this number, from 1, not come back."""
    made = 0

    def execute(run, *arguments):
        nonlocal made
        made += 1
        if made == call:
            raise Died
        return run(*arguments)

    with connection.execute_wrapper(execute):
        yield


def everything():
    """Return all rows of billing, the trail, the counters and the jobs, as stored."""
    models = [*apps.get_app_config("billing").get_models(), *apps.get_app_config("audit").get_models()]
    models += [apps.get_model("common", "Counter"), apps.get_model("common", "Job")]
    rows = {}
    with connection.cursor() as cursor:
        for table in (model._meta.db_table for model in models):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows[table] = sorted(map(str, cursor.fetchall()))
    return rows


def at_every_call(act):
    """Let an act die at its first call of the database, at its second, ... until it comes through; return how many."""
    before = everything()
    for call in range(1, MOST_CALLS):
        try:
            with dying_at(call):
                act()
        except Died:
            assert everything() == before, f"call {call} left something behind"
        else:
            assert everything() != before
            return call - 1
    raise AssertionError("it never came through")


@pytest.fixture(autouse=True)
def books(now):
    yield
    assert list(find_faults(now)) == []
    assert verify_chain().broken is None


@pytest.mark.django_db(transaction=True)
def test_issuing_is_all_or_nothing(asha, now):
    bill = make_bill(asha)

    calls = at_every_call(lambda: issuing.issue_bill(Bill.objects.get(pk=bill.pk), by=asha, at=now))

    bill.refresh_from_db()
    assert calls > 10
    assert bill.bill_number.endswith("-000001")
    assert LedgerEntry.objects.get().bill == bill


@pytest.mark.django_db(transaction=True)
def test_paying_several_bills_with_credit_left_over_is_all_or_nothing(asha, now):
    patient = make_patient(doctor=asha)
    bills = [make_bill(asha, patient=patient), make_bill(asha, patient=patient, status=Status.SENT)]
    key = uuid4()

    def act():
        payments.take_payment(
            patient,
            amount=Decimal(2100),
            shares=[payments.Share(Bill.objects.get(pk=bill.pk), Decimal(1000)) for bill in bills],
            method="cash",
            by=asha,
            at=now,
            keep_rest_as_credit=True,
            key=key,
        )

    calls = at_every_call(act)

    assert calls > 40
    assert Payment.objects.get().receipt_number.endswith("-000001")
    assert {bill.status for bill in Bill.objects.all()} == {Status.PAID}


@pytest.mark.django_db(transaction=True)
def test_paying_from_credit_is_all_or_nothing(asha, now):
    bill = make_bill(asha)
    payments.take_payment(
        bill.patient, amount=Decimal(500), shares=[], method="cash", by=asha, at=now, keep_rest_as_credit=True
    )

    at_every_call(lambda: payments.apply_credit(Bill.objects.get(pk=bill.pk), amount=Decimal(500), by=asha, at=now))

    bill.refresh_from_db()
    assert bill.status == Status.PARTIALLY_PAID


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("amount", "status"), [(300, Status.PARTIALLY_PAID), (1000, Status.REFUNDED)])
def test_a_refund_is_all_or_nothing(asha, now, amount, status):
    bill = make_bill(asha, status=Status.PAID)

    calls = at_every_call(
        lambda: corrections.refund_payment(
            Bill.objects.get(pk=bill.pk), amount=Decimal(amount), reason="Agreed", by=asha, at=now, key=uuid4()
        )
    )

    bill.refresh_from_db()
    assert calls > 15
    assert bill.status == status


@pytest.mark.django_db(transaction=True)
def test_taking_a_payment_back_is_all_or_nothing(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    payment = pay(bill, "1200", by=asha, at=now, keep_rest_as_credit=True)

    at_every_call(lambda: payments.reverse_payment(payment, reason="Mistyped", by=asha, at=now))

    bill.refresh_from_db()
    assert bill.status == Status.SENT
