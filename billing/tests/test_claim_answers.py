"""What insurers answer to claims: money on whichever form, nothing, and an answer that is taken back."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.errors import BadAmount, KeyReused, Locked
from billing.ledger import owing
from billing.ledger.checking import find_faults
from billing.models import Bill, Claim, LedgerEntry, PatientAccount, Payment
from billing.services import claim_payments, claim_reopening, claims, corrections, payments
from billing.tests.claim_factories import make_claim, make_claimable, make_insured, make_payer, set_up_clinic
from synapse.audit.models import AuditEvent
from synapse.common.errors import DomainError, InvalidTransition, NotAllowed

pytestmark = pytest.mark.django_db
Status = Claim.Status


@pytest.fixture(autouse=True)
def clinic(asha):
    set_up_clinic(asha)


def test_an_insurers_payment_settles_the_claim_and_leaves_the_rest_to_the_patient(asha):
    claim = make_claim(asha, status=Status.ACCEPTED, covered="180")
    key = uuid4()

    for _ in range(2):
        claim_payments.mark_paid(
            claim, amount=Decimal(120), contractual=Decimal(30), reference="ERA 7", key=key, by=asha, at=timezone.now()
        )

    bill = Bill.objects.get(pk=claim.bill_id)
    assert claim.status == Status.PAID
    assert claim.payment.amount == Decimal(120)
    assert (claim.payment.paid_by, claim.payment.insurer) == ("insurer", claim.payer)
    assert bill.outstanding_amount == Decimal(50)
    assert bill.patient_responsibility == Decimal(50)
    assert bill.insurance_covered_amount + bill.patient_responsibility == bill.total_amount
    split = owing.split_one(bill)
    assert (split.insurer_paid, split.insurer_expected, split.patient_owes) == (Decimal(120), Decimal(0), Decimal(50))
    assert Payment.objects.count() == 1
    assert not list(find_faults(at=timezone.now()))


def test_what_the_insurer_pays_beyond_the_bill_is_the_patients_credit(asha):
    claim = make_claim(asha, status=Status.SENT)
    payments.record_payment(claim.bill, amount=Decimal(150), method="card", by=asha, at=timezone.now())

    claim_payments.mark_paid(claim, amount=Decimal(120), by=asha, at=timezone.now(), key=uuid4())

    bill = Bill.objects.get(pk=claim.bill_id)
    assert bill.status == Bill.Status.PAID
    assert PatientAccount.objects.get().credit == Decimal(70)
    assert not list(find_faults(at=timezone.now()))


def test_an_insurer_pays_into_the_credit_when_the_patient_paid_it_all(asha):
    claim = make_claim(asha, status=Status.SENT)
    payments.record_payment(claim.bill, amount=Decimal(200), method="card", by=asha, at=timezone.now())

    claim_payments.mark_paid(claim, amount=Decimal(80), by=asha, at=timezone.now(), key=uuid4())

    assert PatientAccount.objects.get().credit == Decimal(80)
    assert not list(find_faults(at=timezone.now()))


def test_an_answer_of_nothing_is_the_deductible_and_no_payment(asha):
    claim = make_claim(asha, status=Status.SENT, covered="150")

    for _ in range(2):
        claim_payments.mark_paid(claim, amount=Decimal(0), contractual=Decimal(40), by=asha, at=timezone.now())

    bill = Bill.objects.get(pk=claim.bill_id)
    assert (claim.status, claim.payment) == (Status.TO_PATIENT, None)
    assert (bill.patient_responsibility, bill.insurance_covered_amount) == (Decimal(160), Decimal(40))
    assert (bill.deductible_amount, bill.outstanding_amount) == (Decimal(160), Decimal(160))
    split = owing.split_one(bill)
    assert (split.insurer_expected, split.patient_owes) == (Decimal(0), Decimal(160))
    assert not Payment.objects.exists()
    assert not list(find_faults(at=timezone.now()))


def test_an_answer_of_nothing_leaves_the_copay_a_copay(asha):
    claim = make_claim(asha, status=Status.SENT, covered="150")
    Bill.objects.filter(pk=claim.bill_id).update(copay_amount=Decimal(20))

    claim_payments.mark_paid(claim, amount=Decimal(0), by=asha, at=timezone.now())

    bill = Bill.objects.get(pk=claim.bill_id)
    assert (bill.copay_amount, bill.deductible_amount, bill.patient_responsibility) == (20, 180, 200)


@pytest.mark.parametrize("before", [Status.SENT, Status.ACCEPTED])
def test_an_answer_of_nothing_can_be_taken_back(asha, before):
    claim = make_claim(asha, status=before, covered="150")
    claim_payments.mark_paid(claim, amount=Decimal(0), contractual=Decimal(40), by=asha, at=timezone.now())

    claim_reopening.take_back_answer(claim, reason="Another patient's", by=asha, at=timezone.now())

    bill = Bill.objects.get()
    assert (claim.status, claim.paid_at) == (before, None)
    assert (bill.outstanding_amount, bill.insurance_covered_amount, bill.deductible_amount) == (200, 150, None)
    assert AuditEvent.objects.filter(target_id=str(claim.pk)).latest("seq").detail["verb"] == "reopen"
    with pytest.raises(InvalidTransition):
        claim_reopening.take_back_answer(claim, reason="Once more", by=asha, at=timezone.now())
    assert not list(find_faults(at=timezone.now()))


def test_an_answer_about_a_bill_that_was_called_off_since_stays(asha, signed_in):
    claim = make_claim(asha, status=Status.SENT)
    claim_payments.mark_paid(claim, amount=Decimal(0), by=asha, at=timezone.now())
    corrections.cancel_bill(claim.bill, reason="The wrong patient", by=asha, at=timezone.now())

    with pytest.raises(Locked):
        claim_reopening.take_back_answer(claim, reason="Another patient's", by=asha, at=timezone.now())

    claim.refresh_from_db()
    assert claim.status == Status.TO_PATIENT
    page = signed_in(asha).get(reverse("billing:claim", args=[claim.pk])).content.decode()
    assert reverse("billing:claim_take_back", args=[claim.pk]) not in page


def test_no_claim_waits_for_a_bill_that_was_paid_back_when_its_payment_is_taken_back(asha):
    claim = make_claim(asha, status=Status.SENT)
    payments.record_payment(claim.bill, amount=Decimal(200), method="card", by=asha, at=timezone.now())
    claim_payments.mark_paid(claim, amount=Decimal(80), by=asha, at=timezone.now(), key=uuid4())
    corrections.refund_payment(claim.bill, amount=Decimal(200), reason="Paid twice", by=asha, at=timezone.now())

    payments.reverse_payment(claim.payment, reason="Another patient's", by=asha, at=timezone.now())

    claim.refresh_from_db()
    assert (claim.status, claim.payment) == (Status.WITHDRAWN, None)
    assert not list(find_faults(at=timezone.now()))


def test_an_answer_with_money_is_not_taken_back_without_it(asha):
    claim = make_claim(asha, status=Status.SENT)
    claim_payments.mark_paid(claim, amount=Decimal(120), by=asha, at=timezone.now(), key=uuid4())

    with pytest.raises(InvalidTransition):
        claim_reopening.take_back_answer(claim, reason="Typed twice", by=asha, at=timezone.now())


@pytest.mark.parametrize("named", [True, False])
def test_an_insurers_payment_taken_on_the_bill_settles_its_claim(asha, rita, named):
    claim = make_claim(asha, status=Status.SENT, covered="180")

    payment = payments.record_payment(
        claim.bill,
        amount=Decimal(120),
        method="insurance",
        insurer=claim.payer if named else None,
        by=rita,
        at=timezone.now(),
    )

    claim, bill = Claim.objects.get(), Bill.objects.get()
    assert (claim.status, claim.payment, payment.insurer) == (Status.PAID, payment, claim.payer)
    assert (bill.outstanding_amount, bill.patient_responsibility, bill.insurance_covered_amount) == (80, 80, 120)
    assert AuditEvent.objects.filter(target_id=str(claim.pk)).latest("seq").detail["verb"] == "pay"
    payments.reverse_payment(payment, reason="Typed 120, was 12", by=rita, at=timezone.now())
    claim, bill = Claim.objects.get(), Bill.objects.get()
    assert (claim.status, claim.payment, bill.insurance_covered_amount) == (Status.SENT, None, 180)
    assert not list(find_faults(at=timezone.now()))


def test_other_money_settles_no_claim(asha):
    claim = make_claim(asha, status=Status.SENT)
    other = make_payer("Moon Health", electronic_id="MOON1")
    prepared = make_claim(asha, bill=make_claimable(asha))

    payments.record_payment(claim.bill, amount=Decimal(10), method="cash", by=asha, at=timezone.now())
    payments.record_payment(
        claim.bill, amount=Decimal(20), method="insurance", insurer=other, by=asha, at=timezone.now()
    )
    payments.record_payment(prepared.bill, amount=Decimal(20), method="insurance", by=asha, at=timezone.now())

    assert set(Claim.objects.values_list("status", flat=True)) == {Status.SENT, Status.PREPARED}


def test_one_remittance_settles_the_claims_of_all_its_bills_and_opens_them_again(asha):
    patient = make_insured(asha)
    waiting = [make_claim(asha, status=Status.SENT, bill=make_claimable(asha, patient=patient)) for _ in range(2)]
    shares = [payments.Share(claim.bill, Decimal(90)) for claim in waiting]

    payment = payments.take_payment(
        patient, amount=Decimal(180), shares=shares, method="insurance", by=asha, at=timezone.now()
    )

    assert {claim.payment for claim in Claim.objects.all()} == {payment}
    payments.reverse_payment(payment, reason="Another clinic's", by=asha, at=timezone.now())
    assert set(Claim.objects.values_list("status", "payment")) == {(Status.SENT, None)}
    assert not list(find_faults(at=timezone.now()))


def test_a_remittance_says_whose_it_is_when_several_insurers_owe_an_answer(asha):
    patient = make_insured(asha)
    first = make_claim(asha, status=Status.SENT, bill=make_claimable(asha, patient=patient))
    make_payer("Moon Health", electronic_id="MOON1")
    other = make_claimable(asha, patient=patient, insurance_provider="Moon Health")
    second = make_claim(asha, status=Status.SENT, bill=other)
    shares = [payments.Share(claim.bill, Decimal(90)) for claim in (first, second)]
    paid = {"amount": Decimal(180), "shares": shares, "method": "insurance", "by": asha, "at": timezone.now()}

    with pytest.raises(DomainError, match="Say which one paid"):
        payments.take_payment(patient, **paid)
    payments.take_payment(patient, **paid, insurer=second.payer)

    assert dict(Claim.objects.values_list("pk", "status")) == {first.pk: Status.SENT, second.pk: Status.PAID}


def test_the_forms_of_payments_say_what_they_settle_and_the_claim_takes_a_zero_back(signed_in, asha, rita):
    claim = make_claim(asha, status=Status.SENT, covered="180")
    client = signed_in(rita)

    form = client.get(reverse("billing:pay", args=[claim.bill_id]))
    assert "Settles claim" in form.content.decode()
    assert "Settles claim" in client.get(reverse("billing:account", args=[claim.bill.patient_id])).content.decode()
    sent = {"amount": "120", "method": "insurance", "key": str(uuid4())}
    paid = client.post(reverse("billing:pay", args=[claim.bill_id]), sent, follow=True)
    assert claim.control_number in paid.content.decode()

    second = make_claim(asha, status=Status.SENT, bill=make_claimable(asha))
    client.post(reverse("billing:claim_paid", args=[second.pk]), {"amount": "0", "key": str(uuid4())})
    take_back = reverse("billing:claim_take_back", args=[second.pk])
    assert take_back in client.get(reverse("billing:claim", args=[second.pk])).content.decode()
    bill = client.get(reverse("billing:detail", args=[second.bill_id])).content.decode()
    assert "Nothing of the bill, deductible $200.00" in bill
    assert client.post(take_back, {"reason": ""}).status_code == 422
    client.post(take_back, {"reason": "Another patient's"})
    second.refresh_from_db()
    assert second.status == Status.SENT


def test_refused_payments_leave_nothing_behind(asha, rita):
    claim = make_claim(asha, status=Status.SENT)
    at, key = timezone.now(), uuid4()

    with pytest.raises(BadAmount, match="agreed reduction"):
        claim_payments.mark_paid(claim, amount=Decimal(120), contractual=Decimal(81), by=asha, at=at, key=key)
    with pytest.raises(NotAllowed):
        claim_payments.mark_paid(claim, amount=Decimal(120), contractual=Decimal(10), by=rita, at=at, key=key)
    assert not Payment.objects.exists()
    assert LedgerEntry.objects.count() == 1
    claim.refresh_from_db()
    claim_payments.mark_paid(claim, amount=Decimal(120), by=rita, at=at, key=key)
    with pytest.raises(KeyReused):
        claim_payments.mark_paid(claim, amount=Decimal(121), by=rita, at=at, key=key)
    with pytest.raises(InvalidTransition):
        claim_payments.mark_paid(claim, amount=Decimal(120), by=rita, at=at, key=uuid4())


@pytest.mark.parametrize("before", [Status.SENT, Status.ACCEPTED])
def test_a_claim_waits_again_when_the_insurers_payment_is_taken_back(asha, before):
    claim = make_claim(asha, status=before, covered="180")
    key = uuid4()
    claim_payments.mark_paid(
        claim, amount=Decimal(12), contractual=Decimal(30), reference="ERA 7", key=key, by=asha, at=timezone.now()
    )

    payments.reverse_payment(claim.payment, reason="Typed 12, was 120", by=asha, at=timezone.now())

    claim, bill = Claim.objects.get(), Bill.objects.get()
    assert (claim.status, claim.payment, claim.paid_at) == (before, None, None)
    assert (bill.outstanding_amount, bill.insurance_covered_amount, bill.patient_responsibility) == (200, 180, 20)
    split = owing.split_one(bill)
    assert (split.insurer_paid, split.insurer_expected, split.patient_owes) == (0, 180, 20)
    assert AuditEvent.objects.filter(target_id=str(claim.pk)).latest("seq").detail["verb"] == "reopen"
    assert not list(find_faults(at=timezone.now()))
    # A form left open from before does not bring the payment back that was taken back.
    with pytest.raises(KeyReused):
        claim_payments.mark_paid(claim, amount=Decimal(12), key=key, by=asha, at=timezone.now())
    claim_payments.mark_paid(
        claim, amount=Decimal(120), contractual=Decimal(30), key=uuid4(), by=asha, at=timezone.now()
    )
    bill.refresh_from_db()
    assert (claim.status, bill.outstanding_amount, bill.patient_responsibility) == (Status.PAID, 50, 50)
    assert not list(find_faults(at=timezone.now()))


def test_a_paid_claim_opens_again_by_its_payment_alone(asha):
    claim = make_claim(asha, status=Status.ACCEPTED)
    claim_payments.mark_paid(claim, amount=Decimal(120), by=asha, at=timezone.now(), key=uuid4())

    with pytest.raises(InvalidTransition, match="Reverse the insurer"):
        claims.mark_accepted(claim, claim_number="ICN-901", by=asha, at=timezone.now())
    with pytest.raises(InvalidTransition, match="Reverse the insurer"):
        claims.mark_sent(claim, via="file", by=asha, at=timezone.now())


def test_a_claim_is_reopened_by_who_may_take_the_reduction_back(asha, rita):
    claim = make_claim(asha, status=Status.SENT)
    claim_payments.mark_paid(
        claim, amount=Decimal(120), contractual=Decimal(30), by=asha, at=timezone.now(), key=uuid4()
    )

    with pytest.raises(NotAllowed):
        payments.reverse_payment(claim.payment, reason="Typed twice", by=rita, at=timezone.now())

    claim.refresh_from_db()
    assert claim.status == Status.PAID
    assert not LedgerEntry.objects.filter(kind="reversal").exists()


def test_an_insurers_payment_that_became_credit_reopens_its_claim_too(asha):
    claim = make_claim(asha, status=Status.SENT)
    payments.record_payment(claim.bill, amount=Decimal(200), method="card", by=asha, at=timezone.now())
    claim_payments.mark_paid(claim, amount=Decimal(80), by=asha, at=timezone.now(), key=uuid4())

    payments.reverse_payment(claim.payment, reason="Another patient's", by=asha, at=timezone.now())

    claim.refresh_from_db()
    assert (claim.status, claim.payment) == (Status.SENT, None)
    assert PatientAccount.objects.get().credit == 0
    assert not list(find_faults(at=timezone.now()))
