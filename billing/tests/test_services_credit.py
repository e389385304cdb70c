"""What a person has to their credit: used, paid out, taken back, and followed over merged records."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from billing.errors import BadAmount, KeyReused, Locked
from billing.ledger import entries as ledger
from billing.ledger.checking import find_faults
from billing.models import Bill, LedgerEntry, LedgerMonth, PatientAccount
from billing.money import LARGEST_TOTAL, ZERO
from billing.services import corrections, payments
from billing.tests.factories import make_bill, pay
from patients.merging import services as merging
from patients.tests.factories import make_patient
from synapse.audit.models import AuditEvent
from synapse.common.errors import DomainError, NotAllowed

Status = Bill.Status
Kind = LedgerEntry.Kind


def give_credit(patient, amount, *, by, at):
    return payments.take_payment(
        patient, amount=Decimal(amount), shares=[], method="cash", by=by, at=at, keep_rest_as_credit=True
    )


def credit_of(patient):
    return ledger.credit_of(patient, "INR")


def account_of(patient):
    return PatientAccount.objects.get(patient=patient)


def test_credit_pays_at_most_what_is_open_and_what_there_is(asha, rita, now):
    bill = make_bill(asha)
    give_credit(bill.patient, 1300, by=rita, at=now)

    with pytest.raises(BadAmount):
        payments.apply_credit(bill, amount=Decimal("1000.01"), by=rita, at=now)
    payments.apply_credit(bill, amount=Decimal(1000), by=rita, at=now)

    other = make_bill(asha, patient=bill.patient)
    with pytest.raises(BadAmount):
        payments.apply_credit(other, amount=Decimal(301), by=rita, at=now)
    other.refresh_from_db()
    assert (bill.status, other.status, credit_of(bill.patient)) == (Status.PAID, Status.PENDING, Decimal(300))


def test_credit_is_no_more_than_it_can_hold(asha, rita, now):
    patient = make_patient(doctor=asha)
    give_credit(patient, LARGEST_TOTAL, by=rita, at=now)

    with pytest.raises(BadAmount):
        give_credit(patient, "0.01", by=rita, at=now)

    assert credit_of(patient) == LARGEST_TOTAL


def test_whoever_used_credit_by_mistake_takes_it_back_the_same_day(asha, rita, now):
    bill = make_bill(asha, status=Status.SENT)
    give_credit(bill.patient, 500, by=rita, at=now)
    entry = payments.apply_credit(bill, amount=Decimal(500), by=rita, at=now)

    with pytest.raises(NotAllowed):
        corrections.reverse_entry(entry, reason="Other bill", by=rita, at=now + timedelta(days=1))
    corrections.reverse_entry(entry, reason="Other bill", by=rita, at=now)

    bill.refresh_from_db()
    assert (bill.status, credit_of(bill.patient)) == (Status.SENT, Decimal(500))


def test_a_use_of_credit_that_was_refunded_stays(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    give_credit(bill.patient, 500, by=asha, at=now)
    entry = payments.apply_credit(bill, amount=Decimal(500), by=asha, at=now)
    corrections.refund_payment(bill, amount=Decimal(100), reason="Agreed", by=asha, at=now, method="cash")

    with pytest.raises(Locked, match="refunded"):
        corrections.reverse_entry(entry, reason="x", by=asha, at=now)


def test_a_refund_of_what_credit_paid_says_how_the_money_goes(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    give_credit(bill.patient, 1000, by=asha, at=now)
    payments.apply_credit(bill, amount=Decimal(1000), by=asha, at=now)

    with pytest.raises(DomainError, match="how the money goes back"):
        corrections.refund_payment(bill, amount=Decimal(100), reason="Agreed", by=asha, at=now)


def test_credit_is_paid_out_by_an_admin_and_a_mistake_is_taken_back(asha, rita, omar, now):
    patient, key = make_patient(doctor=asha), uuid4()
    give_credit(patient, 500, by=rita, at=now)
    details = {"method": "cash", "reason": "Moves away", "at": now, "key": key}

    for person in (rita, asha):
        with pytest.raises(NotAllowed):
            payments.pay_out_credit(account_of(patient), amount=Decimal(500), by=person, **details)
    entry = payments.pay_out_credit(account_of(patient), amount=Decimal(50), by=omar, **details)
    assert payments.pay_out_credit(account_of(patient), amount=Decimal(50), by=omar, **details) == entry
    with pytest.raises(KeyReused):
        payments.pay_out_credit(account_of(patient), amount=Decimal(51), by=omar, **details)

    assert credit_of(patient) == Decimal(450)
    corrections.reverse_entry(entry, reason="It was 500", by=omar, at=now)
    assert credit_of(patient) == Decimal(500)
    verbs = AuditEvent.objects.filter(patient_id=patient.pk).values_list("detail__verb", flat=True)
    assert {"keep_credit", "pay_out_credit", "reverse_credit"} <= set(verbs)
    assert list(find_faults(now)) == []


def test_a_key_of_one_step_opens_no_other(asha, now):
    bill, key = make_bill(asha, status=Status.PAID), uuid4()
    corrections.refund_payment(bill, amount=Decimal(100), reason="Agreed", by=asha, at=now, key=key)

    for amount, act in (
        (100, lambda **fields: corrections.write_off(bill, reason="x", **fields)),
        (200, lambda **fields: corrections.refund_payment(bill, reason="x", **fields)),
        (100, lambda **fields: payments.apply_credit(bill, **fields)),
    ):
        with pytest.raises(KeyReused):
            act(amount=Decimal(amount), by=asha, at=now, key=key)


def test_what_goes_back_to_an_insurer_counts_as_the_insurers(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    payments.record_payment(bill, amount=Decimal(1000), method="insurance", by=asha, at=now)

    corrections.refund_payment(bill, amount=Decimal(400), reason="Paid too much", by=asha, at=now)

    month = LedgerMonth.objects.get(paid_by="insurer")
    assert (month.received, month.refunded) == (Decimal(1000), Decimal(400))
    assert list(find_faults(now)) == []


@pytest.fixture
def two_records(asha, omar, now):
    """One person on two records, each with credit and a bill, merged."""
    kept, other = make_patient(doctor=asha), make_patient(doctor=asha)
    bills = [make_bill(asha, patient=patient, status=Status.SENT) for patient in (kept, other)]
    give_credit(kept, 200, by=asha, at=now)
    give_credit(other, 300, by=asha, at=now)
    merge = merging.merge_records(kept, other, choices={}, reason="Same person", by=omar, at=now)
    for patient in (kept, other):
        patient.refresh_from_db()
    return kept, other, bills, merge


def test_the_credit_of_a_merged_record_is_the_persons(asha, two_records, now):
    kept, other, (bill, _), _ = two_records
    assert credit_of(kept) == credit_of(other) == Decimal(500)

    entry = payments.apply_credit(Bill.objects.get(pk=bill.pk), amount=Decimal(450), by=asha, at=now, key=uuid4())
    again = payments.apply_credit(Bill.objects.get(pk=bill.pk), amount=Decimal(450), by=asha, at=now, key=entry.pk)

    assert again == entry
    assert (account_of(kept).credit, account_of(other).credit) == (ZERO, Decimal(50))
    assert list(find_faults(now)) == []


def test_credit_of_both_records_is_paid_out_at_once(omar, two_records, now):
    kept, other, _, _ = two_records

    payments.pay_out_credit(account_of(kept), amount=Decimal(500), method="cash", reason="Moves away", by=omar, at=now)

    assert (account_of(kept).credit, account_of(other).credit) == (ZERO, ZERO)


def test_one_payment_pays_the_bills_of_both_records_and_the_receipt_is_the_kept_ones(asha, two_records, now):
    kept, other, bills, _ = two_records

    payment = payments.take_payment(
        other,
        amount=Decimal(2100),
        shares=[payments.Share(Bill.objects.get(pk=bill.pk), Decimal(1000)) for bill in bills],
        method="card",
        by=asha,
        at=now,
        keep_rest_as_credit=True,
    )

    assert payment.patient == kept
    assert (account_of(kept).credit, account_of(other).credit) == (Decimal(300), Decimal(300))


def test_after_the_merge_is_undone_every_sum_is_right_and_can_be_corrected(asha, omar, two_records, now):
    kept, other, bills, merge = two_records
    used = payments.apply_credit(Bill.objects.get(pk=bills[0].pk), amount=Decimal(450), by=asha, at=now)
    payment = pay(Bill.objects.get(pk=bills[1].pk), "1100", by=asha, at=now, keep_rest_as_credit=True)
    merging.undo_merge(merge, by=omar, at=now + timedelta(days=29))
    for patient in (kept, other):
        patient.refresh_from_db()

    assert (credit_of(kept), credit_of(other)) == (Decimal(100), Decimal(50))
    assert list(find_faults(now)) == []
    # What one record gave for the other's bill goes back to where it came from.
    for entry in LedgerEntry.objects.filter(kind=Kind.CREDIT_APPLIED, bill=used.bill):
        corrections.reverse_entry(entry, reason="Not the same person", by=omar, at=now)
    payments.reverse_payment(payment, reason="Not the same person", by=omar, at=now)

    assert (credit_of(kept), credit_of(other)) == (Decimal(200), Decimal(300))
    assert {bill.status for bill in Bill.objects.all()} == {Status.SENT}
    assert list(find_faults(now)) == []
