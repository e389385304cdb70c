"""Claims: what may be claimed, what a claim lacks, and what comes of it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.claims import electronic
from billing.claims.boxes import load_form
from billing.claims.prefill import net_charges
from billing.errors import ClaimIncomplete, NotClaimable
from billing.models import Bill, Claim
from billing.money import ZERO, Line
from billing.services import claim_rules, claims, corrections, insurance, payments
from billing.tests.claim_factories import (
    DOCTOR_NPI,
    answer,
    make_claim,
    make_claimable,
    make_insured,
    make_payer,
    set_up_clinic,
)
from billing.tests.factories import make_bill
from scheduling.services import edits
from scheduling.tests.factories import make_appointment
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, DomainError, NotAllowed

pytestmark = pytest.mark.django_db
Status = Claim.Status


@pytest.fixture(autouse=True)
def clinic(asha):
    set_up_clinic(asha)


def test_a_claim_is_prepared_from_the_records(asha, rita):
    payer = make_payer()
    bill = make_claimable(asha, covered="150")

    claim = claims.prepare_claim(bill, by=rita, at=timezone.now())

    form = load_form(claim.form)
    assert (claim.payer, claim.control_number, claim.claimed_amount) == (payer, "CLM-000001", Decimal(200))
    assert form.get("patient_last") == "Iyer"
    assert form.get("insured_id") == "W123456789"
    assert form.get("group_number") == "G-77"
    assert (form.get("patient_street"), form.get("patient_city")) == ("14 Elm Street, Apt 2", "Troy")
    assert (form.get("patient_state"), form.get("patient_zip")) == ("NY", "12180")
    assert form.get("account_number") == "CLM-000001"
    assert form.get("coverage") == "group"
    assert form.diagnoses == ["F32.1"]
    assert [(line.procedure, line.charge, line.pointers, line.npi) for line in form.lines] == [
        ("90834", "200.00", "A", DOCTOR_NPI)
    ]
    assert form.get("relationship") == ""


def test_preparing_twice_gives_one_claim(asha):
    make_payer()
    bill = make_claimable(asha)

    first, second = (claims.prepare_claim(bill, by=asha, at=timezone.now()) for _ in range(2))

    assert first == second
    assert Claim.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"purpose": "late_cancel"}, "late cancellation"),
        ({"purpose": "no_show"}, "missed visit"),
        ({"codes_confirmed_at": None}, "confirmed the codes"),
        ({"primary_diagnosis_code": ""}, "no diagnosis"),
    ],
)
def test_what_cannot_be_claimed_is_refused_in_words(asha, fields, words):
    make_payer()
    bill = make_claimable(asha, **fields)

    with pytest.raises(NotClaimable, match=words):
        claims.prepare_claim(bill, by=asha, at=timezone.now())

    assert words in claim_rules.why_not_claimed(bill)


def test_drafts_and_closed_bills_are_not_claimed(asha):
    make_payer()
    patient = make_insured(asha)
    draft = make_bill(asha, patient=patient)
    called_off = make_claimable(asha, patient=patient)
    corrections.cancel_bill(called_off, reason="Twice", by=asha, at=timezone.now())

    for bill, words in ((draft, "Issue the bill first"), (called_off, "cancelled")):
        with pytest.raises(NotClaimable, match=words):
            claims.prepare_claim(bill, by=asha, at=timezone.now())


def test_an_unknown_insurer_is_asked_for(asha):
    bill = make_claimable(asha)

    with pytest.raises(DomainError) as refused:
        claims.prepare_claim(bill, by=asha, at=timezone.now())

    assert refused.value.code == "no_payer"
    make_payer("STAR HEALTH")
    assert claims.prepare_claim(bill, by=asha, at=timezone.now()).payer.name == "STAR HEALTH"


def test_lines_without_a_procedure_code_stay_off_the_claim(asha):
    make_payer()
    bill = make_claimable(
        asha, lines=[Line("Therapy", Decimal(200), cpt_code="90834"), Line("Letter to an employer", Decimal(30))]
    )

    claim = claims.prepare_claim(bill, by=asha, at=timezone.now())

    assert claim.claimed_amount == Decimal(200)


def test_a_line_is_claimed_without_the_tax_of_its_own_rate(asha):
    set_up_clinic(asha)
    make_payer()
    lines = [
        Line("Psychotherapy", Decimal(100), cpt_code="90834", tax_rate=ZERO, diagnosis_pointers=(1,)),
        Line("Workbook", Decimal(110), tax_rate=Decimal(10)),
    ]
    bill = make_claimable(asha, lines=lines, prices_include_tax=True)

    claim = claims.prepare_claim(bill, by=asha, at=timezone.now())

    assert [line.charge for line in load_form(claim.form).lines] == ["100.00"]
    assert sum(net_charges(bill)) == Decimal(200)


def test_a_claim_asks_for_no_more_than_the_bill_after_its_discount(asha):
    make_payer()
    lines = [Line("A", Decimal("100.01"), cpt_code="90834"), Line("B", Decimal("50.02"), cpt_code="96127")]
    bill = make_claimable(asha, lines=lines)
    Bill.objects.filter(pk=bill.pk).update(discount_amount=Decimal("33.33"))
    bill.refresh_from_db()

    claim = claims.prepare_claim(bill, by=asha, at=timezone.now())

    assert claim.claimed_amount == Decimal("116.70")


def test_what_is_missing_is_said_with_its_box_and_keeps_the_claim_here(asha):
    make_payer(electronic_id="")
    claim = claims.prepare_claim(make_claimable(asha, place=""), by=asha, at=timezone.now())

    missing = electronic.missing_of(claim)

    boxes = {each.box for each in missing}
    assert {"6", "10a", "10b", "10c", "12", "13", "24", "27", "837"} <= boxes
    assert any(each.key == "lines-0-place" for each in missing)
    with pytest.raises(ClaimIncomplete, match="box 6"):
        claims.mark_sent(claim, via="paper", by=asha, at=timezone.now())
    answer(claim, asha)
    form = load_form(claim.form)
    form.lines[0].place = "11"
    claims.edit_claim(claim, form, by=asha, at=timezone.now())
    assert {each.words for each in electronic.missing_of(claim)} == {"The insurer has no electronic payer id."}
    with pytest.raises(ClaimIncomplete, match="electronic payer id"):
        claims.mark_sent(claim, via="file", by=asha, at=timezone.now())
    claims.mark_sent(claim, via="paper", by=asha, at=timezone.now())
    assert (claim.status, claim.sent_via) == (Status.SENT, "paper")


def test_numbers_nobody_entered_are_not_invented(asha):
    set_up_clinic(asha, with_numbers=False)
    asha.profile.npi = ""
    asha.profile.save()
    make_payer()

    claim = claims.prepare_claim(make_claimable(asha), by=asha, at=timezone.now())

    words = " ".join(each.words for each in electronic.missing_of(claim))
    assert "clinician's NPI" in words


def test_answers_are_carried_over_to_the_patients_next_claim(asha):
    make_payer()
    patient = make_insured(asha)
    first = make_claim(asha, bill=make_claimable(asha, patient=patient))
    answer(first, asha, patient_city="North Troy", relationship="spouse", insured_last="Iyer", insured_first="Ravi")
    claims.mark_sent(first, via="file", by=asha, at=timezone.now())

    second = claims.prepare_claim(make_claimable(asha, patient=patient), by=asha, at=timezone.now())

    form = load_form(second.form)
    assert (form.get("relationship"), form.get("insured_first")) == ("spouse", "Ravi")
    assert form.get("patient_city") == "North Troy"
    patient.address = "9 River Road\nCohoes, NY 12047"
    patient.save()
    third = claims.prepare_claim(make_claimable(asha, patient=patient), by=asha, at=timezone.now())
    assert load_form(third.form).get("patient_city") == "Cohoes"


def test_filling_again_keeps_what_was_typed(asha):
    set_up_clinic(asha)
    asha.profile.npi = ""
    asha.profile.save()
    make_payer()
    claim = claims.prepare_claim(make_claimable(asha), by=asha, at=timezone.now())
    answer(claim, asha, patient_city="Typed Town")
    asha.profile.npi = DOCTOR_NPI
    asha.profile.save()

    claims.fill_again(claim, by=asha, at=timezone.now())

    form = load_form(claim.form)
    assert (form.get("patient_city"), form.lines[0].npi) == ("Typed Town", DOCTOR_NPI)
    claims.fill_again(claim, by=asha, at=timezone.now(), replace_all=True)
    assert load_form(claim.form).get("patient_city") == "Troy"


def test_what_went_out_is_not_edited(asha):
    claim = make_claim(asha, status=Status.SENT)

    with pytest.raises(Conflict, match="gone out"):
        answer(claim, asha)
    with pytest.raises(Conflict, match="gone out"):
        claims.fill_again(claim, by=asha, at=timezone.now())


def test_two_people_do_not_overwrite_each_other(asha, rita):
    claim = make_claim(asha)
    seen = claim.updated_at
    form = load_form(claim.form)
    claims.edit_claim(claim, form, by=asha, at=timezone.now(), seen_at=seen)

    with pytest.raises(Conflict, match="in the meantime"):
        claims.edit_claim(claim, form, by=rita, at=timezone.now(), seen_at=seen)


def test_only_the_clinician_changes_the_diagnoses(asha, rita):
    claim = make_claim(asha)
    form = load_form(claim.form)
    form.diagnoses = ["F41.1"]

    with pytest.raises(NotAllowed):
        claims.edit_claim(claim, form, by=rita, at=timezone.now())
    claims.edit_claim(claim, form, by=asha, at=timezone.now())
    assert load_form(claim.form).diagnoses == ["F41.1"]


def test_a_claim_is_accepted_under_the_insurers_number(asha, rita):
    claim = make_claim(asha, status=Status.SENT)

    claims.mark_accepted(claim, claim_number=" ICN-1 ", by=rita, at=timezone.now())

    claim.bill.refresh_from_db()
    assert (claim.status, claim.claim_number, claim.bill.insurance_claim_number) == (Status.ACCEPTED, "ICN-1", "ICN-1")


def test_a_denied_claim_is_replaced_by_one_that_quotes_it(asha, rita):
    claim = make_claim(asha, status=Status.DENIED)
    with pytest.raises(Conflict, match="Resubmit"):
        claims.prepare_claim(claim.bill, by=rita, at=timezone.now())

    second = claims.resubmit_claim(claim, by=rita, at=timezone.now())

    form = load_form(second.form)
    assert second.replaces == claim
    assert (form.get("frequency"), form.get("original_reference")) == ("7", "ICN-900")
    assert form.get("account_number") == second.control_number != claim.control_number
    assert claims.resubmit_claim(claim, by=rita, at=timezone.now()) == second
    assert not electronic.missing_of(second)


def test_a_denial_needs_its_reason(asha):
    claim = make_claim(asha, status=Status.SENT)

    with pytest.raises(DomainError, match="why"):
        claims.mark_denied(claim, reason=" ", by=asha, at=timezone.now())


@pytest.mark.parametrize("end", ["cancel", "refund"])
def test_a_bill_that_is_called_off_withdraws_its_claim(asha, end):
    claim = make_claim(asha, status=Status.SENT)
    bill, at = claim.bill, timezone.now()

    if end == "cancel":
        corrections.cancel_bill(bill, reason="Wrong patient", by=asha, at=at)
    else:
        payments.record_payment(bill, amount=Decimal(200), method="cash", by=asha, at=at)
        corrections.refund_payment(bill, amount=Decimal(200), reason="Wrong patient", by=asha, at=at)

    claim.refresh_from_db()
    assert claim.status == Status.WITHDRAWN


def test_a_day_in_the_future_is_no_day_of_sending(asha):
    claim = make_claim(asha)
    tomorrow = timezone.localdate() + timedelta(days=2)

    with pytest.raises(DomainError, match="future"):
        claims.mark_sent(claim, via="file", on=tomorrow, by=asha, at=timezone.now())


def test_the_trail_names_boxes_and_no_words(asha):
    claim = make_claim(asha)
    answer(claim, asha, patient_city="Secretville")

    details = [event.detail for event in AuditEvent.objects.filter(target_label=claim.control_number)]
    assert {"prepare", "edit"} <= {detail["verb"] for detail in details}
    assert "patient_city" in str(details)
    assert "Secretville" not in str(details)


def test_a_check_at_the_desk_counts_for_the_bill_of_that_visit(asha, rita):
    patient = make_insured(asha)
    visit = make_appointment(asha, patient=patient)
    bill = make_claimable(asha, patient=patient, appointment=visit)

    edits.set_insurance_verified(visit, verified=True, by=rita, at=timezone.now())

    found = insurance.verification_of(Bill.objects.get(pk=bill.pk))
    assert (found.state, found.by) == (insurance.Verified.YES, rita)


def test_verifying_on_the_bill_marks_the_visit(asha, rita):
    patient = make_insured(asha)
    visit = make_appointment(asha, patient=patient)
    bill = make_claimable(asha, patient=patient, appointment=visit)

    insurance.verify_insurance(bill, by=rita, at=timezone.now())

    visit.refresh_from_db()
    assert visit.insurance_verified
