"""A patient's account: one payment over several bills, credit, all receipts, and who sees whose."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Bill, LedgerEntry, Payment
from billing.services import payments
from billing.tests.factories import make_bill, pay
from patients.merging import services as merging
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings, UserProfile

Status = Bill.Status


def account(patient):
    return reverse("billing:account", args=[patient.pk])


@pytest.fixture
def kavya(asha):
    return make_patient(doctor=asha, first_name="Kavya", last_name="Iyer")


@pytest.fixture
def two(asha, kavya, now):
    """Two open bills, the older one of 400 first."""
    older = make_bill(asha, patient=kavya, status=Status.SENT, total="400", at=now - timedelta(days=20))
    return older, make_bill(asha, patient=kavya, status=Status.SENT, total="600", at=now)


def several(bills, *amounts, **data):
    shares = {f"share-{bill.pk}": amount for bill, amount in zip(bills, amounts, strict=True)}
    return {"amount": "1000", "method": "cash", "key": str(uuid4()), "currency": "INR", **shares, **data}


def give_credit(patient, amount, *, by, at):
    return payments.take_payment(
        patient, amount=Decimal(amount), shares=[], method="cash", by=by, at=at, keep_rest_as_credit=True
    )


def open_on(*bills):
    for bill in bills:
        bill.refresh_from_db()
    return [bill.outstanding_amount for bill in bills]


def test_the_form_begins_with_all_that_is_owed_the_oldest_first(signed_in, rita, kavya, two):
    form = signed_in(rita).get(account(kavya)).context["form"]

    assert [(bill, field.value()) for bill, field in form.rows()] == [(two[0], 400), (two[1], 600)]
    assert form["amount"].value() == 1000


def test_one_payment_pays_several_bills_with_one_receipt(signed_in, rita, kavya, two):
    client, data = signed_in(rita), several(two, "400", "600")

    first, again = client.post(account(kavya), data), client.post(account(kavya), data)

    payment = Payment.objects.get()
    assert first["Location"] == again["Location"]
    assert first["Location"].startswith(reverse("billing:payment", args=[payment.pk]))
    assert open_on(*two) == [0, 0]
    shown = client.get(first["Location"]).content.decode()
    for text in (payment.receipt_number, two[0].bill_number, two[1].bill_number, "₹400.00", "₹600.00"):
        assert text in shown


def test_a_part_goes_where_it_was_put(signed_in, rita, kavya, two):
    signed_in(rita).post(account(kavya), several(two, "", "250.50", amount="250.50"))

    assert open_on(*two) == [400, Decimal("349.50")]


def test_what_is_for_no_bill_is_kept_only_when_asked_for(signed_in, rita, kavya, two):
    client, data = signed_in(rita), several(two, "400", "", amount="700", reference="slip 4")

    asked = client.post(account(kavya), data)
    assert asked.status_code == 422
    assert "₹300.00 of it is for no bill" in asked.content.decode()
    assert "slip 4" in asked.content.decode()
    assert not Payment.objects.exists()
    client.post(account(kavya), data | {"keep_rest": "on"})

    shown = client.get(account(kavya))
    assert shown.context["standing"].credit == 300
    assert [(row.words, row.amount, row.balance) for row in shown.context["credit_moves"]] == [
        ("Kept as credit", 300, 300)
    ]


def test_bills_that_take_more_than_was_paid_are_refused(signed_in, rita, kavya, two):
    response = signed_in(rita).post(account(kavya), several(two, "400", "600", amount="900"))

    assert response.status_code == 422
    assert "take more than was paid" in response.content.decode()
    assert not Payment.objects.exists()


def test_an_insurer_is_expected_to_pay_its_part(signed_in, rita, kavya, two):
    Bill.objects.filter(pk=two[1].pk).update(insurance_covered_amount=Decimal(500))

    context = signed_in(rita).get(account(kavya)).context

    assert (context["standing"].owed, context["standing"].expected) == (500, 500)
    assert context["form"]["amount"].value() == 500


def test_payments_are_listed_with_receipts_and_reversed_ones_are_struck(signed_in, omar, kavya, two, now):
    wrong = pay(two[0], "100", by=omar, at=now)
    right = pay(two[0], "50", by=omar, at=now)
    payments.reverse_payment(wrong, reason="typed 100, was 50", by=omar, at=now)

    response = signed_in(omar).get(account(kavya))

    rows = {row.payment: row for row in response.context["payments"]}
    assert (rows[wrong].is_reversed, rows[right].is_reversed) == (True, False)
    html = response.content.decode()
    assert wrong.receipt_number in html
    assert "typed 100, was 50" in html
    assert html.count('class="undone"') == 1


def test_the_records_of_one_person_have_one_account(signed_in, rita, omar, asha, kavya, two, now):
    other = make_patient(doctor=asha, first_name="Kavya", last_name="Iyer")
    elsewhere = make_bill(asha, patient=other, status=Status.SENT, total="50")
    merging.merge_records(kavya, other, choices={}, reason="Same identity card", by=omar, at=now)

    response = signed_in(rita).get(account(kavya))

    assert {row.bill for row in response.context["open_rows"]} == {*two, elsewhere}
    assert response.context["standing"].owed == 1050


def test_credit_is_paid_out_by_an_administrator_and_taken_back(signed_in, omar, rita, asha, kavya, now):
    give_credit(kavya, 300, by=rita, at=now)
    address = reverse("billing:pay_out", args=[kavya.pk])
    data = {"amount": "200", "method": "cash", "reason": "Moved away", "key": str(uuid4())}

    assert signed_in(rita).post(address, data).status_code == 403
    assert signed_in(asha).post(address, data).status_code == 403
    too_much = signed_in(omar).post(address, data | {"amount": "301"})
    done = [signed_in(omar).post(address, data).status_code for _ in range(2)]

    assert (too_much.status_code, done) == (422, [302, 302])
    paid_out = LedgerEntry.objects.get(kind="credit_refund")
    shown = signed_in(omar).get(account(kavya))
    assert shown.context["standing"].credit == 100
    signed_in(omar).post(reverse("billing:reverse_entry", args=[paid_out.pk]), {"reason": "Was never handed over"})
    assert signed_in(omar).get(account(kavya)).context["standing"].credit == 300


def test_nobody_sees_the_account_of_a_strangers_patient(signed_in, ben, kavya, two):
    client = signed_in(ben)

    assert client.get(account(kavya)).status_code == 404
    assert client.post(account(kavya), several(two, "400", "600")).status_code == 404
    assert not Payment.objects.exists()


def test_a_bill_of_somebody_else_takes_no_share(signed_in, rita, asha, kavya, two):
    foreign = make_bill(asha, status=Status.SENT, total="1000")

    response = signed_in(rita).post(account(kavya), several([foreign], "1000"))

    assert response.status_code == 422
    assert open_on(foreign) == [1000]


def test_a_long_account_takes_as_many_queries_as_a_short_one(signed_in, rita, asha, kavya, two, now):
    client = signed_in(rita)

    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get(account(kavya))
        return len(queries)

    pay(two[0], "1", by=rita, at=now)
    client.get(account(kavya))
    few = count()
    for _ in range(4):
        pay(make_bill(asha, patient=kavya, status=Status.SENT, at=now), "5", by=rita, at=now)

    assert count() == few


def test_a_payment_near_midnight_says_the_day_it_counts_on_after_the_zone_moved(signed_in, rita, asha, kavya):
    late = datetime(2026, 3, 31, 19, tzinfo=UTC)  # 0:30 on 1 April at the clinic
    give_credit(kavya, 150, by=rita, at=late)
    assert "counted on" not in signed_in(rita).get(account(kavya)).content.decode()

    ClinicSettings.objects.update(timezone="Europe/Berlin")
    UserProfile.objects.filter(user=rita).update(timezone="Europe/Berlin")

    assert "counted on 1 Apr 2026" in signed_in(rita).get(account(kavya)).content.decode()


def test_what_is_open_in_the_clinics_former_currency_is_seen_first(signed_in, rita, kavya, two):
    ClinicSettings.objects.update(currency="EUR")

    shown = signed_in(rita).get(account(kavya))
    panel = signed_in(rita).get(reverse("billing:for_patient", args=[kavya.pk])).content.decode()

    assert (shown.context["currency"], shown.context["standing"].owed) == ("INR", 1000)
    assert "₹1,000.00" in panel
    assert f"{account(kavya)}?currency=INR#pay" in panel


def test_the_panel_of_the_patients_page_says_what_is_owed_and_the_credit(signed_in, rita, kavya, two, now):
    give_credit(kavya, 150, by=rita, at=now)

    html = signed_in(rita).get(reverse("billing:for_patient", args=[kavya.pk])).content.decode()

    for text in ("Owes", "₹1,000.00", "Credit", "₹150.00", account(kavya)):
        assert text in html
