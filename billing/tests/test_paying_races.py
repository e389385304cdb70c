"""The same form of a payment fifty times in parallel at the door, on either database."""

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from billing.ledger.checking import find_faults
from billing.models import Bill, LedgerEntry, Payment
from billing.tests.concurrency import at_once
from billing.tests.factories import make_bill

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 50


def test_one_form_fifty_times_at_once_pays_once(asha, rita, now):
    bill = make_bill(asha, status=Bill.Status.SENT)
    client = Client()
    client.force_login(rita)
    cookies = client.cookies
    data = {"amount": "400", "method": "upi", "reference": "52839917", "key": str(uuid4())}
    answers = []

    def send():
        door = Client()
        door.cookies = cookies
        answers.append(door.post(reverse("billing:pay", args=[bill.pk]), data))

    assert at_once([send] * MANY) == ["done"] * MANY

    payment = Payment.objects.get()
    bill.refresh_from_db()
    assert {answer["Location"] for answer in answers} == {reverse("billing:payment", args=[payment.pk])}
    assert (bill.paid_amount, bill.status) == (400, Bill.Status.PARTIALLY_PAID)
    assert LedgerEntry.objects.filter(bill=bill, kind="payment").count() == 1
    assert list(find_faults(now)) == []
