"""Fees of visits that did not take place: when one is drafted, what it costs, when it is called off."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from billing.errors import BadLine
from billing.models import Bill, BillingSettings, FeeScheduleItem
from billing.money import ZERO, Line
from billing.services import corrections, editing, issuing, missed
from patients.tests.factories import make_patient
from scheduling.models import Appointment
from scheduling.services import appointments, undoing
from scheduling.tests.factories import make_appointment
from synapse.audit.models import AuditEvent

Purpose = Bill.Purpose
Status = Bill.Status


@pytest.fixture
def policy(db):
    BillingSettings.load()
    BillingSettings.objects.update(charges_no_show=True, charges_late_cancel=True, first_missed_is_free=False)


def fee(purpose, price, **fields):
    values = {"description": "Missed visit", "currency": "INR", "valid_from": date(2020, 1, 1), **fields}
    return FeeScheduleItem.objects.create(purpose=purpose, unit_price=Decimal(price), **values)


def no_show(doctor, now, **fields):
    visit = make_appointment(doctor, scheduled_at=now - timedelta(minutes=30), **fields)
    return appointments.mark_no_show(visit, by=doctor, at=now)


def cancel(visit, by, at, *, by_patient=True):
    return appointments.cancel_appointment(visit, reason="Fell ill", by=by, at=at, by_patient=by_patient)


def test_a_no_show_is_drafted_from_the_fee_of_that_purpose(asha, now, policy):
    fee(Purpose.NO_SHOW, "500")

    visit = no_show(asha, now)

    bill = Bill.objects.get()
    assert (bill.purpose, bill.appointment, bill.doctor, bill.status) == (Purpose.NO_SHOW, visit, asha, Status.PENDING)
    assert (bill.total_amount, bill.procedure_codes, bill.place_of_service) == (Decimal(500), [], "")


def test_the_doctors_own_fee_goes_before_the_clinics_and_that_of_the_kind_before_any(asha, ben, now, policy):
    fee(Purpose.NO_SHOW, "500")
    fee(Purpose.NO_SHOW, "600", session_type="followup")
    fee(Purpose.NO_SHOW, "900", doctor=asha)
    fee(Purpose.LATE_CANCEL, "100", doctor=asha, session_type="followup")

    no_show(asha, now)
    no_show(ben, now)

    assert [bill.total_amount for bill in Bill.objects.order_by("created_at")] == [900, 600]


def test_without_a_fee_the_price_is_missing_and_the_bill_waits(asha, now, policy):
    no_show(asha, now)

    assert not issuing.can_issue(Bill.objects.get())


def test_without_a_policy_nothing_is_drafted(asha, now):
    no_show(asha, now)
    cancel(make_appointment(asha, scheduled_at=now + timedelta(hours=2)), asha, now)

    assert not Bill.objects.exists()


@pytest.mark.parametrize(
    ("hours", "by_patient", "is_charged"), [(23, True, True), (25, True, False), (2, False, False)]
)
def test_only_the_patients_late_cancellation_is_charged(asha, now, policy, hours, by_patient, is_charged):
    visit = make_appointment(asha, scheduled_at=now + timedelta(hours=hours))

    cancel(visit, asha, now, by_patient=by_patient)

    assert [bill.purpose for bill in Bill.objects.all()] == [Purpose.LATE_CANCEL] * is_charged


def test_the_first_missed_visit_is_free_and_the_trail_says_why(asha, now, policy):
    BillingSettings.objects.update(first_missed_is_free=True)
    patient = make_patient(doctor=asha)

    first = no_show(asha, now - timedelta(days=7), patient=patient)

    assert not Bill.objects.exists()
    [told] = [event for event in AuditEvent.objects.filter(target_id=str(first.pk)) if "why" in event.detail]
    assert told.detail["why"] == "The first missed visit of a patient is free."
    cancel(make_appointment(asha, patient=patient, scheduled_at=now + timedelta(hours=2)), asha, now)
    assert Bill.objects.get().purpose == Purpose.LATE_CANCEL


def test_a_missed_visit_that_was_taken_back_does_not_count_as_the_first(asha, now, policy):
    BillingSettings.objects.update(first_missed_is_free=True)
    patient = make_patient(doctor=asha)
    visit = make_appointment(asha, patient=patient, scheduled_at=now + timedelta(hours=2))
    cancel(visit, asha, now)
    undoing.restore_cancelled(visit, by=asha, at=now)

    no_show(asha, now, patient=patient)

    assert not Bill.objects.exists()


def test_a_no_show_taken_back_takes_its_draft_back(asha, rita, now, policy):
    fee(Purpose.NO_SHOW, "500")
    visit = make_appointment(asha, scheduled_at=now - timedelta(minutes=1))
    appointments.mark_no_show(visit, by=rita, at=now)

    undoing.undo_no_show(visit, by=rita, at=now)

    bill = Bill.objects.get()
    assert (bill.status, bill.outstanding_amount, bill.cancelled_reason) == (
        Status.CANCELLED,
        ZERO,
        missed.STANDS_AGAIN,
    )
    visit.refresh_from_db()
    appointments.mark_no_show(visit, by=rita, at=now)
    assert Bill.objects.exclude(status=Status.CANCELLED).count() == 1


def test_a_cancellation_taken_back_takes_its_draft_back(asha, now, policy):
    fee(Purpose.LATE_CANCEL, "500")
    visit = make_appointment(asha, scheduled_at=now + timedelta(hours=2))
    cancel(visit, asha, now)

    undoing.restore_cancelled(visit, by=asha, at=now)

    assert Bill.objects.get().status == Status.CANCELLED


def test_an_issued_fee_is_left_to_people_when_the_visit_stands_again(asha, now, policy):
    fee(Purpose.NO_SHOW, "500")
    visit = make_appointment(asha, scheduled_at=now - timedelta(minutes=1))
    appointments.mark_no_show(visit, by=asha, at=now)
    issuing.issue_bill(Bill.objects.get(), by=asha, at=now)

    assert not missed.is_needless(Bill.objects.get())
    undoing.undo_no_show(visit, by=asha, at=now)

    assert Bill.objects.get().status == Status.SENT
    assert missed.is_needless(Bill.objects.get())
    visit.refresh_from_db()
    appointments.mark_no_show(visit, by=asha, at=now)
    assert not missed.is_needless(Bill.objects.get())


def test_an_issued_fee_of_a_cancellation_taken_back_is_named_until_it_is_called_off(signed_in, asha, now, policy):
    fee(Purpose.LATE_CANCEL, "500")
    visit = make_appointment(asha, scheduled_at=now + timedelta(hours=2))
    cancel(visit, asha, now)
    bill = issuing.issue_bill(Bill.objects.get(), by=asha, at=now)
    warning, client = "The visit takes place after all", signed_in(asha)
    assert warning not in page_of(client, bill)

    undoing.restore_cancelled(visit, by=asha, at=now)

    assert warning in page_of(client, bill)
    corrections.cancel_bill(bill, reason=warning, by=asha, at=now)
    assert not missed.is_needless(bill)


def page_of(client, bill):
    return client.get(reverse("billing:detail", args=[bill.pk])).content.decode()


def test_a_visit_is_charged_once_however_often_it_is_told(asha, now, policy):
    visit = no_show(asha, now)

    assert missed.draft_fee(visit, Purpose.NO_SHOW, by=asha, at=now) is None
    assert Bill.objects.count() == 1


def test_a_moved_visit_costs_nothing(asha, now, policy):
    visit = make_appointment(asha, scheduled_at=now + timedelta(hours=2))

    appointments.reschedule_appointment(visit, scheduled_at=now + timedelta(hours=30), reason="", by=asha, at=now)

    assert not Bill.objects.exists()


def test_the_patients_insurer_stays_off_the_bill_and_no_code_gets_on_it(asha, now, policy):
    fee(Purpose.NO_SHOW, "500")
    patient = make_patient(doctor=asha, insurance_provider="Star Health", insurance_policy_number="P1")
    no_show(asha, now, patient=patient)
    bill = Bill.objects.get()

    assert (bill.insurance_provider, bill.insurance_covered_amount) == ("", None)
    with pytest.raises(BadLine, match="no procedure code"):
        editing.edit_lines(bill, lines=[Line("Missed", Decimal(500), cpt_code="90834")], tax_rate=ZERO, by=asha, at=now)
    assert Appointment.objects.get().status == Appointment.Status.NO_SHOW
