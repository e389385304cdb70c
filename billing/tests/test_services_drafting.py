"""Drafting the bill of a session and changing its lines."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from billing.bills.lines import totals_of
from billing.drafts.pricing import NOTHING_RECORDED
from billing.errors import BadAmount, BadLine, Locked, NotIssuable, Stale
from billing.models import Bill, BillingSettings, FeeScheduleItem
from billing.money import ZERO, Line
from billing.services import drafting, editing, issuing
from billing.tests.factories import make_bill, make_fee
from patients.tests.factories import make_patient
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from synapse.accounts.models import ClinicSettings
from synapse.common.errors import Conflict, NotAllowed

Status = Bill.Status


def test_the_draft_of_a_session_takes_type_minutes_and_price_from_it(asha, now):
    session = sessions.start_session(make_patient(doctor=asha), by=asha, at=now - timedelta(minutes=46))
    sessions.complete_session(session, by=asha, at=now)

    bill = drafting.draft_bill_for_session(session, by=asha, at=now)

    bill.refresh_from_db()
    session.refresh_from_db()
    [line] = bill.line_items
    assert (bill.status, bill.bill_number, bill.bill_type, bill.currency) == (Status.PENDING, None, "followup", "INR")
    assert (line["cpt_code"], line["amount"]) == ("90834", "2000.00")
    assert (bill.total_amount, bill.outstanding_amount, bill.paid_amount) == (Decimal(2000), Decimal(2000), ZERO)
    assert (session.billing_code, session.billing_amount) == ("90834", Decimal(2000))
    assert bill.procedure_codes == ["90834"]


def test_a_session_by_video_is_billed_as_telemedicine(asha, now):
    session = sessions.start_session(
        make_patient(doctor=asha), by=asha, at=now - timedelta(minutes=30), telehealth=True
    )
    sessions.complete_session(session, by=asha, at=now)

    assert drafting.draft_bill_for_session(session, by=asha, at=now).bill_type == "telemedicine"


def test_drafting_twice_gives_the_same_bill(asha, now):
    bill = make_bill(asha)

    assert drafting.draft_bill_for_session(bill.session, by=asha, at=now) == bill
    assert Bill.objects.count() == 1


def test_after_a_cancelled_bill_a_session_can_be_billed_again(asha, now):
    cancelled = make_bill(asha, status=Status.CANCELLED)

    again = drafting.draft_bill_for_session(cancelled.session, by=asha, at=now)

    assert again.pk != cancelled.pk


def test_clinic_tax_and_terms_are_on_the_draft(asha, now):
    ClinicSettings.load()
    ClinicSettings.objects.update(tax_rate=Decimal(18), payment_terms_days=30)

    bill = make_bill(asha, total=None)

    assert (bill.tax_amount, bill.total_amount, bill.payment_terms) == (Decimal(360), Decimal(2360), "Net 30 days")


def test_lines_of_a_draft_can_be_replaced(asha, now):
    bill = make_bill(asha)

    editing.edit_lines(
        bill,
        lines=[Line("Therapy", Decimal(2000)), Line("Questionnaire", Decimal(100), quantity=2, cpt_code="96127")],
        discount=Decimal(200),
        tax_rate=Decimal(0),
        insurance_covered=Decimal(1500),
        by=asha,
        at=now,
        notes="Thank you",
    )

    bill.refresh_from_db()
    assert (bill.subtotal, bill.total_amount, bill.outstanding_amount) == (Decimal(2200), Decimal(2000), Decimal(2000))
    assert (bill.insurance_covered_amount, bill.patient_responsibility) == (Decimal(1500), Decimal(500))
    assert (bill.notes, bill.procedure_codes) == ("Thank you", ["96127"])


def test_an_issued_bill_keeps_its_lines(asha, now):
    bill = issuing.issue_bill(make_bill(asha), by=asha, at=now)

    with pytest.raises(Locked):
        editing.edit_lines(bill, lines=[Line("A", Decimal(1))], discount=ZERO, tax_rate=ZERO, by=asha, at=now)


@pytest.mark.parametrize(("discount", "covered"), [("1000.01", None), ("0", "1000.01"), ("-1", None)])
def test_figures_that_do_not_add_up_are_refused(asha, now, discount, covered):
    with pytest.raises(BadAmount):
        editing.edit_lines(
            make_bill(asha),
            lines=[Line("A", Decimal(1000))],
            discount=Decimal(discount),
            tax_rate=ZERO,
            insurance_covered=Decimal(covered) if covered else None,
            by=asha,
            at=now,
        )


def visit_of(doctor, now, *, minutes=46, telehealth=False, patient=None, **fields):
    """Return a completed session with its visit, as the desk noted it."""
    patient = patient or make_patient(doctor=doctor, insurance_provider="Star Health", insurance_policy_number="P1")
    visit = make_appointment(doctor, patient=patient, scheduled_at=now - timedelta(minutes=minutes))
    session = sessions.start_session(
        patient, by=doctor, at=now - timedelta(minutes=minutes), telehealth=telehealth, with_recording=False
    )
    sessions.complete_session(session, by=doctor, at=now)
    visit.session = session
    for name, value in fields.items():
        setattr(visit, name, value)
    visit.save()
    return session


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, Decimal(2000), None)),
        ({"copay_amount": Decimal(500)}, (None, Decimal(2000), Decimal(500))),
        ({"copay_amount": Decimal(500), "insurance_verified": True}, (Decimal(1500), Decimal(500), Decimal(500))),
        ({"copay_amount": Decimal(9000), "insurance_verified": True}, (ZERO, Decimal(2000), Decimal(2000))),
    ],
    ids=["nothing noted", "not verified", "verified", "copay above the price"],
)
def test_the_draft_takes_over_what_the_desk_noted_with_the_visit(asha, now, fields, expected):
    bill = drafting.draft_bill_for_session(visit_of(asha, now, **fields), by=asha, at=now)

    assert (bill.insurance_covered_amount, bill.patient_responsibility, bill.copay_amount) == expected
    assert (bill.insurance_provider, bill.insurance_policy_number) == ("Star Health", "P1")


@pytest.mark.parametrize(("telehealth", "place"), [(False, "11"), (True, "10")])
def test_the_draft_says_where_the_session_was(asha, now, telehealth, place):
    bill = drafting.draft_bill_for_session(visit_of(asha, now, telehealth=telehealth), by=asha, at=now)

    assert (bill.place_of_service, bill.appointment.session) == (place, bill.session)


def test_a_doctors_own_price_goes_before_the_clinics(asha, ben, now):
    make_fee(minimum_minutes=38, unit_price="3000", doctor=asha)

    assert drafting.draft_bill_for_session(visit_of(asha, now), by=asha, at=now).total_amount == 3000
    assert drafting.draft_bill_for_session(visit_of(ben, now), by=ben, at=now).total_amount == 2000


def test_prices_with_tax_in_them_and_a_rate_of_their_own_are_drafted_so(asha, now):
    BillingSettings.load()
    BillingSettings.objects.update(prices_include_tax=True)
    make_fee(minimum_minutes=38, unit_price="1180", doctor=asha, tax_rate=Decimal(18))

    bill = drafting.draft_bill_for_session(visit_of(asha, now), by=asha, at=now)

    assert (bill.total_amount, bill.tax_amount, bill.tax_rate) == (Decimal(1180), Decimal(180), ZERO)
    assert [(part.rate, part.base) for part in totals_of(bill).taxes] == [(Decimal(18), Decimal(1000))]


def change(bill, by, at, *, lines=None, **fields):
    lines = lines or [Line("Therapy", Decimal(1000), cpt_code="90834")]
    return editing.edit_lines(bill, lines=lines, tax_rate=ZERO, by=by, at=at, **fields)


def test_a_discount_in_percent_is_kept_as_one(asha, now):
    bill = change(make_bill(asha), asha, now, discount_percent=Decimal("12.5"))

    bill.refresh_from_db()
    assert (bill.discount_percent, bill.discount_amount, bill.total_amount) == (Decimal("12.5"), 125, 875)


def test_the_parts_of_a_bill_always_make_it_up(asha, now):
    bill = change(
        make_bill(asha), asha, now, insurance_covered=Decimal(700), copay=Decimal(100), deductible=Decimal(150)
    )
    bill.refresh_from_db()
    assert bill.insurance_covered_amount + bill.patient_responsibility == bill.total_amount
    assert bill.patient_responsibility - bill.copay_amount - bill.deductible_amount == 50

    change(bill, asha, now, patient_responsibility=Decimal(250))
    assert bill.insurance_covered_amount == 750
    with pytest.raises(BadAmount, match="more than the patient pays"):
        change(bill, asha, now, insurance_covered=Decimal(950), copay=Decimal(100))


def test_whoever_saves_second_is_told_and_changes_nothing(asha, rita, now):
    bill = make_bill(asha)
    seen = editing.version_of(bill)
    change(bill, asha, now, version=seen)

    with pytest.raises(Stale):
        change(bill, rita, now, lines=[Line("Other", Decimal(1))], version=seen)
    bill.refresh_from_db()
    assert bill.total_amount == 1000


def test_a_code_the_minutes_do_not_reach_needs_a_reason(asha, now):
    bill = make_bill(asha, minutes=46)
    longer = [Line("Therapy", Decimal(2600), cpt_code="90837")]

    with pytest.raises(BadLine, match="46 minutes do not reach 90837, which begins at 53"):
        change(bill, asha, now, lines=longer)
    change(bill, asha, now, lines=[replace(longer[0], note="The recording began late")])
    assert bill.line_items[0]["note"] == "The recording began late"


def test_a_price_is_drafted_without_a_code_the_minutes_do_not_reach(asha, now):
    FeeScheduleItem.objects.all().delete()
    make_fee(minimum_minutes=40, unit_price="2600", cpt_code="90837")

    bill = drafting.draft_bill_for_session(visit_of(asha, now, minutes=45), by=asha, at=now)

    assert (bill.total_amount, bill.procedure_codes) == (Decimal(2600), [])
    assert "do not reach 90837" in bill.line_items[0]["note"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line("A", Decimal(1), modifiers=("25", "59", "76", "95", "GT")), "at most 4 modifiers"),
        (Line("A", Decimal(1), diagnosis_pointers=(2,)), "1 diagnosis"),
        (Line("A", Decimal(1), diagnosis_pointers=(1, 1, 1, 1, 1)), "at most 4 diagnoses"),
    ],
)
def test_a_line_no_claim_can_carry_is_refused(asha, now, line, words):
    with pytest.raises(BadLine, match=words):
        change(make_bill(asha), asha, now, lines=[line], primary_diagnosis_code="F32.1")


def test_the_clinician_of_the_visit_confirms_the_codes(asha, ben, rita, omar, now):
    bill = make_bill(asha)

    for stranger in (ben, rita):
        with pytest.raises(NotAllowed):
            editing.confirm_codes(bill, by=stranger, at=now)
    editing.confirm_codes(bill, by=asha, at=now)

    bill.refresh_from_db()
    assert (bill.codes_confirmed_by, bill.codes_confirmed_at) == (asha, now)
    editing.confirm_codes(bill, by=omar, at=now + timedelta(minutes=1))
    bill.refresh_from_db()
    assert bill.codes_confirmed_by == asha
    assert editing.confirm_codes(make_bill(asha), by=omar, at=now).codes_confirmed_by == omar


@pytest.mark.parametrize(
    ("changed", "is_kept"),
    [
        ({"notes": "Thank you"}, True),
        ({"discount": Decimal(10)}, True),
        ({"primary_diagnosis_code": "F32.1"}, False),
        ({"place_of_service": "10"}, False),
        ({"lines": [Line("Therapy", Decimal(1000), cpt_code="90832")]}, False),
        ({"lines": [Line("Therapy", Decimal(1000), cpt_code="90834", modifiers=("95",))]}, False),
    ],
)
def test_codes_wait_again_when_they_change_and_only_then(asha, now, changed, is_kept):
    bill = editing.confirm_codes(change(make_bill(asha), asha, now), by=asha, at=now)

    change(bill, asha, now, **changed)

    bill.refresh_from_db()
    assert (bill.codes_confirmed_at is not None) is is_kept


def test_where_the_clinic_asks_for_it_no_bill_goes_out_before_its_codes_are_confirmed(asha, now):
    BillingSettings.load()
    BillingSettings.objects.update(requires_confirmed_codes=True)
    bill = make_bill(asha)

    with pytest.raises(NotIssuable, match="has to confirm the codes"):
        issuing.issue_bill(bill, by=asha, at=now)
    editing.confirm_codes(bill, by=asha, at=now)
    assert issuing.issue_bill(bill, by=asha, at=now).bill_number


def test_codes_of_an_issued_bill_can_still_be_confirmed_for_its_claim(asha, now):
    bill = issuing.issue_bill(make_bill(asha), by=asha, at=now)

    assert editing.confirm_codes(bill, by=asha, at=now).codes_confirmed_at == now
    with pytest.raises(Locked):
        editing.confirm_codes(make_bill(asha, status=Status.CANCELLED), by=asha, at=now)


def test_a_bill_by_hand_waits_for_its_price(asha, rita, now):
    bill = drafting.draft_by_hand(make_patient(doctor=asha), doctor=asha, bill_type="procedure", by=rita, at=now)

    assert (bill.status, bill.bill_type, bill.doctor, bill.session) == (Status.PENDING, "procedure", asha, None)
    assert not issuing.can_issue(bill)


def test_of_a_visit_without_a_session_only_one_price_for_any_length_is_taken(asha, now):
    patient = make_patient(doctor=asha)
    visit = make_appointment(asha, patient=patient, scheduled_at=now - timedelta(hours=1))

    timed = drafting.draft_by_hand(patient, doctor=asha, bill_type="followup", appointment=visit, by=asha, at=now)
    assert timed.line_items[0]["note"] == NOTHING_RECORDED
    single = drafting.draft_by_hand(patient, doctor=asha, bill_type="new_patient", by=asha, at=now)
    assert (single.line_items[0]["cpt_code"], single.total_amount) == ("90791", Decimal(2500))


def test_a_session_or_visit_is_billed_once_and_only_to_its_patient(asha, now):
    bill = make_bill(asha)
    other = make_patient(doctor=asha)

    with pytest.raises(Conflict, match="has a bill already"):
        drafting.draft_by_hand(bill.patient, doctor=asha, bill_type="followup", session=bill.session, by=asha, at=now)
    with pytest.raises(Conflict, match="another patient"):
        drafting.draft_by_hand(other, doctor=asha, bill_type="followup", session=bill.session, by=asha, at=now)


def test_a_clinician_bills_the_own_visits_and_the_desk_everybodys(asha, ben, rita, now):
    patient = make_patient(doctor=asha)

    with pytest.raises(NotAllowed):
        drafting.draft_by_hand(patient, doctor=ben, bill_type="followup", by=asha, at=now)
    assert drafting.draft_by_hand(patient, doctor=asha, bill_type="followup", by=rita, at=now).doctor == asha
