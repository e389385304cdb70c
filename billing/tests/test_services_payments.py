"""Taking money and taking back what was mistyped."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from billing import permissions
from billing.errors import BadAmount, KeyReused, Locked
from billing.ledger import entries as ledger
from billing.models import Bill, LedgerEntry, Payment
from billing.money import ZERO
from billing.services import corrections, payments
from billing.tests.factories import make_bill, pay
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import NotAllowed

Status = Bill.Status
Kind = LedgerEntry.Kind


def test_a_part_payment_and_the_rest_pay_the_bill(asha, rita, now):
    bill = make_bill(asha, status=Status.SENT)

    payments.record_payment(bill, amount=Decimal("250.50"), method="upi", reference=" 5283 ", by=rita, at=now)
    assert (bill.status, bill.paid_amount, bill.outstanding_amount) == (
        Status.PARTIALLY_PAID,
        Decimal("250.50"),
        Decimal("749.50"),
    )
    pay(bill, "100", by=rita, at=now)
    assert bill.status == Status.PARTIALLY_PAID
    pay(bill, "649.50", by=rita, at=now)

    bill.refresh_from_db()
    assert (bill.status, bill.outstanding_amount, bill.processed_by) == (Status.PAID, ZERO, rita)
    assert bill.last_payment_date == ClinicSettings.load().date_of(now)
    first = bill.ledger_entries.filter(kind=Kind.PAYMENT).order_by("at").get(method="upi")
    assert (first.reference, first.by) == ("5283", rita)


def test_a_payment_on_a_draft_issues_it(asha, now):
    bill = make_bill(asha)

    pay(bill, "1000", by=asha, at=now)

    assert bill.bill_number
    assert bill.status == Status.PAID


@pytest.mark.parametrize("amount", ["0", "-1", "1000.01", "0.001", "0.004"])
def test_a_payment_is_above_zero_and_at_most_what_is_open(asha, now, amount):
    bill = make_bill(asha, status=Status.SENT)

    with pytest.raises(BadAmount):
        pay(bill, amount, by=asha, at=now)

    assert not bill.ledger_entries.filter(kind=Kind.PAYMENT).exists()


def test_the_same_form_sent_twice_pays_once(asha, now):
    bill, key = make_bill(asha, status=Status.SENT), uuid4()

    first = pay(bill, "400", by=asha, at=now, key=key)
    second = pay(bill, "400", by=asha, at=now, key=key)

    assert first == second
    assert bill.paid_amount == Decimal(400)


def test_a_stale_copy_cannot_overpay(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    stale = Bill.objects.get(pk=bill.pk)
    pay(bill, "900", by=asha, at=now)

    with pytest.raises(BadAmount):
        pay(stale, "900", by=asha, at=now)


def take(patient, amount, shares, *, by, at, **fields):
    return payments.take_payment(
        patient,
        amount=Decimal(amount),
        shares=[payments.Share(bill, Decimal(share)) for bill, share in shares],
        method="card",
        by=by,
        at=at,
        **fields,
    )


def test_one_payment_pays_several_bills_and_the_rest_is_credit(asha, rita, now):
    patient = make_patient(doctor=asha)
    first, second = make_bill(asha, patient=patient), make_bill(asha, patient=patient, status=Status.SENT)

    payment = take(patient, "1700", [(first, "1000"), (second, "500")], by=rita, at=now, keep_rest_as_credit=True)

    assert (first.status, second.status) == (Status.PAID, Status.PARTIALLY_PAID)
    assert sorted(entry.amount for entry in payment.entries.all()) == [Decimal(200), Decimal(500), Decimal(1000)]
    assert ledger.credit_of(patient, "INR") == Decimal(200)
    assert AuditEvent.objects.filter(patient_id=patient.pk, detail__verb="keep_credit").exists()


def test_a_bill_named_twice_is_paid_not_at_all(asha, now):
    bill = make_bill(asha, status=Status.SENT)

    with pytest.raises(BadAmount, match="named twice"):
        take(bill.patient, "1200", [(bill, "600"), (Bill.objects.get(pk=bill.pk), "600")], by=asha, at=now)

    assert Payment.objects.count() == 0


def test_one_payment_pays_no_stranger_and_no_other_currency(asha, now):
    bill, other = make_bill(asha, status=Status.SENT), make_bill(asha, status=Status.SENT)
    dollars = make_bill(asha, patient=bill.patient)
    Bill.objects.filter(pk=dollars.pk).update(currency="USD")

    for second in (other, dollars):
        with pytest.raises(BadAmount, match="one patient in one currency"):
            take(bill.patient, "200", [(bill, "100"), (second, "100")], by=asha, at=now)


@pytest.mark.parametrize(
    "changes", [{"amount": "300"}, {"method": "upi"}, {"bill": "other"}], ids=["amount", "method", "bill"]
)
def test_a_key_stands_for_one_payment(asha, now, changes):
    bill, other, key = make_bill(asha, status=Status.SENT), make_bill(asha, status=Status.SENT), uuid4()
    pay(bill, "400", by=asha, at=now, key=key)

    with pytest.raises(KeyReused):
        payments.record_payment(
            other if "bill" in changes else bill,
            amount=Decimal(changes.get("amount", "400")),
            method=changes.get("method", "cash"),
            by=asha,
            at=now,
            key=key,
        )


def test_an_amount_no_column_holds_is_refused(asha, now):
    with pytest.raises(BadAmount, match="larger"):
        pay(make_bill(asha, status=Status.SENT), "10000000000", by=asha, at=now, keep_rest_as_credit=True)


def test_a_bill_that_was_written_off_takes_money_after_that_is_taken_back(asha, rita, now):
    bill = make_bill(asha, status=Status.SENT)
    entry = corrections.write_off(bill, amount=Decimal(1000), reason="Hardship", by=asha, at=now)

    with pytest.raises(Locked, match="written off"):
        pay(bill, "100", by=rita, at=now)
    corrections.reverse_entry(entry, reason="It came after all", by=asha, at=now)
    bill.refresh_from_db()
    pay(bill, "100", by=rita, at=now)

    assert (bill.status, bill.collection_status, bill.outstanding_amount) == (
        Status.PARTIALLY_PAID,
        "none",
        Decimal(900),
    )


def test_a_part_written_off_leaves_the_rest_to_be_paid(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    corrections.write_off(bill, amount=Decimal(400), reason="Agreed", by=asha, at=now)
    assert (bill.status, bill.collection_status) == (Status.SENT, "none")

    pay(bill, "600", by=asha, at=now)

    assert (bill.status, bill.collection_status) == (Status.PAID, "written_off")


def test_who_is_deactivated_takes_no_money(asha, rita, now):
    bill = make_bill(asha, status=Status.SENT)
    rita.is_active = False

    with pytest.raises(NotAllowed):
        pay(bill, "100", by=rita, at=now)


def test_a_mistyped_payment_is_taken_back_by_whoever_typed_it_on_the_same_day(asha, rita):
    in_the_evening = datetime(2025, 9, 14, 18, 0, tzinfo=UTC)  # 23:30 in Pune
    bill = make_bill(asha, status=Status.SENT, at=in_the_evening)
    first = payments.record_payment(bill, amount=Decimal(300), method="upi", by=asha, at=in_the_evening)
    mistyped = pay(bill, "700", by=rita, at=in_the_evening)
    past_midnight = in_the_evening + timedelta(hours=1)
    assert permissions.can_reverse(rita, mistyped, [bill], at=in_the_evening)

    with pytest.raises(NotAllowed):
        payments.reverse_payment(mistyped, reason="Typed wrongly", by=rita, at=past_midnight)
    with pytest.raises(NotAllowed):
        payments.reverse_payment(first, reason="Not mine", by=rita, at=in_the_evening)
    payments.reverse_payment(mistyped, reason="Typed wrongly", by=rita, at=in_the_evening)

    bill.refresh_from_db()
    assert (bill.status, bill.outstanding_amount, bill.payment_method) == (Status.PARTIALLY_PAID, Decimal(700), "upi")
    payments.reverse_payment(first, reason="Of another patient", by=asha, at=past_midnight)
    bill.refresh_from_db()
    assert (bill.status, bill.payment_method, bill.last_payment_date) == (Status.SENT, "", None)
    with pytest.raises(Locked, match="taken back before"):
        payments.reverse_payment(first, reason="Again", by=asha, at=past_midnight)


def test_later_the_doctor_of_the_bill_or_an_admin_takes_it_back(asha, ben, omar, rita, now):
    bill = make_bill(asha, status=Status.SENT)
    payment = pay(bill, "700", by=rita, at=now)
    tomorrow = now + timedelta(days=1)

    with pytest.raises(NotAllowed):
        payments.reverse_payment(payment, reason="Not his bill", by=ben, at=tomorrow)

    assert [permissions.can_reverse(person, payment, [bill], at=tomorrow) for person in (asha, omar, ben, rita)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_payment_of_which_a_part_was_refunded_or_used_as_credit_stays(asha, now):
    refunded, over = make_bill(asha, status=Status.SENT), make_bill(asha, status=Status.SENT)
    first = pay(refunded, "1000", by=asha, at=now)
    corrections.refund_payment(refunded, amount=Decimal(100), reason="Agreed", by=asha, at=now)
    second = pay(over, "1200", by=asha, at=now, keep_rest_as_credit=True)
    other = make_bill(asha, patient=over.patient, status=Status.SENT)
    used = payments.apply_credit(other, amount=Decimal(150), by=asha, at=now)

    with pytest.raises(Locked, match="refunded"):
        payments.reverse_payment(first, reason="x", by=asha, at=now)
    with pytest.raises(Locked, match="is used"):
        payments.reverse_payment(second, reason="x", by=asha, at=now)
    corrections.reverse_entry(used, reason="x", by=asha, at=now)
    payments.reverse_payment(second, reason="x", by=asha, at=now)

    over.refresh_from_db()
    assert (over.status, ledger.credit_of(over.patient, "INR")) == (Status.SENT, ZERO)


def test_a_bill_whose_payment_was_taken_back_can_be_called_off(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    payments.reverse_payment(pay(bill, "1000", by=asha, at=now), reason="x", by=asha, at=now)
    bill.refresh_from_db()

    corrections.cancel_bill(bill, reason="Made twice", by=asha, at=now)

    assert (bill.status, bill.outstanding_amount) == (Status.CANCELLED, ZERO)
