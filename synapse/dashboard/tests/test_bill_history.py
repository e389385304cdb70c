"""The history of a bill: who did what, for its doctor and administrators only."""

from decimal import Decimal

from django.urls import reverse

from billing.services import payments
from billing.tests.factories import make_bill


def test_the_history_of_a_bill_says_who_did_what(signed_in, asha, rita, now):
    bill = make_bill(asha, status="sent")
    payment = payments.record_payment(bill, amount=Decimal(100), method="cash", by=rita, at=now)
    other = make_bill(asha, status="sent")

    response = signed_in(asha).get(reverse("dashboard:bill_history", args=[bill.pk]))

    rows = response.context["rows"]
    assert {row.event.target_id for row in rows} == {str(bill.pk)}
    assert any(row.who == rita.display_name and payment.receipt_number in row.more for row in rows)
    assert other.bill_number not in response.content.decode()


def test_the_desk_and_strangers_do_not_read_it(signed_in, asha, ben, rita, omar):
    address = reverse("dashboard:bill_history", args=[make_bill(asha).pk])

    assert [signed_in(person).get(address).status_code for person in (rita, ben, omar)] == [403, 404, 200]
    assert signed_in(omar).post(address).status_code == 405
