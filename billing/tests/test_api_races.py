"""Many requests at the same moment at the door of the API: real threads, real connections, both databases."""

from collections import Counter
from decimal import Decimal

import pytest

from billing.ledger.checking import find_faults
from billing.models import Bill, LedgerEntry, Payment
from billing.tests.concurrency import at_once
from billing.tests.factories import make_bill
from synapse.api import throttles

pytestmark = pytest.mark.django_db(transaction=True)
Status = Bill.Status
MANY = 50


@pytest.fixture(autouse=True)
def books(now):
    """Whatever was raced for, the books are in order afterwards."""
    yield
    assert list(find_faults(now)) == []


def post_at_once(api, user, requests):
    """Send (address, body, headers) all at the same moment; return the answers."""
    answers = []
    clients = [api(user) for _ in requests]

    def send(client, request):
        address, body, headers = request
        answers.append(client.post(address, body, headers=headers))

    acts = [lambda pair=pair: send(*pair) for pair in zip(clients, requests, strict=True)]
    assert at_once(acts) == ["done"] * len(acts)
    return answers


def test_one_key_fifty_times_at_once_pays_once_and_answers_the_same(api, asha, monkeypatch):
    monkeypatch.setattr(throttles, "PER_USER", 10_000)
    bill = make_bill(asha, status=Status.SENT)
    request = (f"/api/v1/bills/{bill.pk}/payment/", {"amount": "400.00", "method": "cash"}, {"Idempotency-Key": "1"})

    answers = post_at_once(api, asha, [request] * MANY)

    bill.refresh_from_db()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert (Payment.objects.count(), bill.paid_amount) == (1, Decimal(400))


def test_of_two_refunds_of_more_than_was_paid_one_is_a_conflict(api, asha):
    bill = make_bill(asha, status=Status.PAID)
    request = (f"/api/v1/bills/{bill.pk}/refund/", {"amount": "600.00", "reason": "Agreed"}, {})

    answers = post_at_once(api, asha, [request] * 2)

    bill.refresh_from_db()
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert (bill.paid_amount, LedgerEntry.objects.filter(kind="refund").count()) == (Decimal(400), 1)


def test_payments_at_once_never_take_more_than_is_open(api, asha):
    bill = make_bill(asha, status=Status.SENT)
    address = f"/api/v1/bills/{bill.pk}/payment/"
    requests = [(address, {"amount": "300.00", "method": "card"}, {"Idempotency-Key": str(each)}) for each in range(8)]

    answers = post_at_once(api, asha, requests)

    bill.refresh_from_db()
    assert Counter(answer.status_code for answer in answers) == {200: 3, 409: 5}
    assert bill.outstanding_amount == Decimal(100)
