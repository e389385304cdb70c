"""What waits about money: codes, claims, letters, disputes, lost messages, credit, days that were not counted."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Bill, BillingSettings, BillMessage, DayClose, PatientAccount, PaymentLink
from billing.services import claims, collecting, payments, reminders, sending
from billing.tests.claim_factories import make_claim, set_up_clinic
from billing.tests.factories import make_bill, pay
from billing.tests.test_reminders import NOON, kavya, late_bill
from patients.tests.factories import make_patient
from scheduling.tests.factories import make_appointment
from synapse.dashboard.tests.test_worklist import act_on, rows_of
from synapse.dashboard.worklist import registry

MONTHS = timedelta(days=100)


def names_of(user, source, at=NOON):
    return [item.pk for item in rows_of(user, source, at)]


def test_codes_wait_for_their_clinician_and_leave_with_one_press(signed_in, asha, rita, now):
    bill = make_bill(asha)

    [item] = rows_of(asha, "codes", now)
    assert (item.pk, item.acts) == (bill.pk, ("confirm",))
    assert "90834" in item.text
    act_on(signed_in(asha), "codes", bill, "confirm")

    bill.refresh_from_db()
    assert bill.codes_confirmed_by == asha
    assert names_of(asha, "codes", now) == []
    assert bill.pk in names_of(asha, "bills-to-send", now)


def test_the_desk_is_told_that_a_draft_waits_for_its_codes(asha, rita, now):
    BillingSettings.load()
    BillingSettings.objects.update(requires_confirmed_codes=True)
    bill = make_bill(asha)

    [item] = rows_of(rita, "bills-to-send", now)

    assert (item.pk, item.chip, item.acts) == (bill.pk, "Codes not confirmed", ())


def test_a_denied_claim_waits_until_it_is_sent_again(asha, rita, now):
    set_up_clinic(asha)
    claim = make_claim(asha, status="accepted")
    claims.mark_denied(claim, reason="No referral", by=asha, at=now)

    [item] = rows_of(rita, "denied-claims", now)
    assert item.pk == claim.pk
    assert "No referral" not in item.text
    claims.resubmit_claim(claim, by=asha, at=now)
    assert rows_of(rita, "denied-claims", now) == []


def test_a_claim_without_an_answer_is_asked_about_after_a_month(asha, now):
    set_up_clinic(asha)
    claim = make_claim(asha, status="sent")

    assert names_of(asha, "silent-claims", claim.sent_at + timedelta(days=29)) == []
    assert names_of(asha, "silent-claims", claim.sent_at + timedelta(days=31)) == [claim.pk]


def test_an_overdue_bill_is_reminded_of_with_one_press(signed_in, asha, now):
    bill = late_bill(asha, 3, at=now)

    [item] = rows_of(asha, "overdue", now)
    assert item.acts == ("remind",)
    act_on(signed_in(asha), "overdue", bill, "remind")

    assert BillMessage.objects.get(bill=bill, document="reminder").requested_by == asha
    [item] = rows_of(asha, "overdue", now)
    assert item.acts == ()


def test_after_the_last_letter_somebody_decides(asha):
    bill = late_bill(asha, 0)
    for day in range(38):
        reminders.queue_due(NOON + timedelta(days=day))
        sending.send_due(NOON + timedelta(days=day))
        collecting.mark_overdue(NOON + timedelta(days=day))

    last_letter, a_gap_later = NOON + timedelta(days=31), NOON + timedelta(days=37)
    assert names_of(asha, "after-last", last_letter) == []
    assert names_of(asha, "after-last", a_gap_later) == [bill.pk]
    assert names_of(asha, "overdue", a_gap_later) == []
    bill.refresh_from_db()
    collecting.hand_to_collection(bill, reason="Sahay & Co", by=asha, at=a_gap_later)
    assert names_of(asha, "after-last", a_gap_later) == []


def test_who_cannot_be_written_to_gets_a_printed_letter(asha, rita):
    silent = kavya(asha)
    silent.messages_stopped_at = NOON
    silent.save(update_fields=["messages_stopped_at"])
    stopped = late_bill(asha, patient=silent)
    without = late_bill(asha, 5, patient=make_patient(doctor=asha))
    late_bill(asha, 4)  # has an address
    early = late_bill(asha, 1, patient=make_patient(doctor=asha))  # not late enough for the first letter

    assert names_of(rita, "letters-to-print") == [without.pk, stopped.pk]
    assert {bill.pk for bill in reminders.unreachable([stopped, without], today=NOON.date())} == {
        stopped.pk,
        without.pk,
    }
    reminders.remind(stopped, by=rita, at=NOON, channel="print")
    assert names_of(rita, "letters-to-print") == [without.pk]
    assert names_of(rita, "letters-to-print", NOON + timedelta(days=7)) == [without.pk, stopped.pk, early.pk]


def test_a_disputed_bill_waits_until_it_is_settled(signed_in, asha, rita):
    bill = late_bill(asha)
    collecting.dispute(bill, reason="Was not there", by=rita, at=NOON)

    [item] = rows_of(rita, "disputed", NOON)
    assert "Was not there" not in item.text
    assert names_of(asha, "overdue") == []
    act_on(signed_in(rita), "disputed", bill, "settle")

    assert rows_of(rita, "disputed", NOON) == []
    assert names_of(asha, "overdue") == [bill.pk]


def test_a_message_that_did_not_arrive_is_sent_again(signed_in, asha, rita):
    bill = late_bill(asha)
    message = reminders.remind(bill, by=rita, at=NOON)
    BillMessage.objects.filter(pk=message.pk).update(status="failed", error_code="550")

    assert names_of(rita, "lost-money-mail") == [message.pk]
    act_on(signed_in(rita), "lost-money-mail", message, "again")
    assert rows_of(rita, "lost-money-mail", NOON) == []


def test_what_a_payment_link_brought_waits_until_somebody_saw_it(signed_in, asha, rita, ben):
    bill = make_bill(asha, status="sent", at=NOON)
    link = PaymentLink.objects.create(
        bill=bill,
        provider="example",
        provider_reference="1",
        url="https://pay.example/abc",
        amount=bill.total_amount,
        currency="INR",
        created_by=rita,
    )
    assert rows_of(rita, "payment-links", NOON) == []
    PaymentLink.objects.update(problem="other_amount", status="paid", reported={"amount": "7771", "currency": "INR"})

    [item] = rows_of(rita, "payment-links", NOON)
    assert (item.pk, item.acts) == (link.pk, ("seen",))
    assert "7771" not in item.text
    assert names_of(asha, "payment-links") == [link.pk]
    assert rows_of(ben, "payment-links", NOON) == []
    act_on(signed_in(rita), "payment-links", link, "seen")

    assert rows_of(rita, "payment-links", NOON) == []


def test_an_issued_fee_of_a_visit_that_stands_again_is_named(asha, rita, now):
    visits = [make_appointment(asha, status=status) for status in ("no_show", "scheduled")]
    bills = [make_bill(asha, status="sent") for _ in visits]
    for bill, visit in zip(bills, visits, strict=True):
        Bill.objects.filter(pk=bill.pk).update(appointment=visit, purpose="no_show")
    own = make_bill(asha, status="sent")
    Bill.objects.filter(pk=own.pk).update(appointment=make_appointment(asha))

    assert names_of(rita, "needless-fees", now) == [bills[1].pk]
    assert "takes place after all" in rows_of(asha, "needless-fees", now)[0].text


def test_credit_nobody_used_for_months_is_named(asha, rita, omar):
    kept, used, fresh = (make_bill(asha, status="sent", at=NOON - MONTHS) for _ in range(3))
    for bill in (kept, used):
        pay(bill, "1200", by=asha, at=NOON - MONTHS, keep_rest_as_credit=True)
    pay(fresh, "1200", by=asha, at=NOON - timedelta(days=10), keep_rest_as_credit=True)
    account = PatientAccount.objects.get(patient=used.patient)
    payments.pay_out_credit(account, amount=Decimal(200), method="cash", reason="Asked", by=omar, at=NOON - MONTHS)

    assert names_of(rita, "kept-credit") == [kept.patient_id]
    assert "200.00" in rows_of(rita, "kept-credit", NOON)[0].text
    assert rows_of(asha, "kept-credit", NOON) == []


def test_a_day_that_was_not_counted_is_named_where_days_are_counted(asha, rita, omar):
    bill = make_bill(asha, status="sent", at=NOON - timedelta(days=3))
    pay(bill, "100", by=rita, at=NOON - timedelta(days=1))

    assert rows_of(rita, "open-days", NOON) == []  # this clinic never counts
    close(NOON - timedelta(days=2), omar)
    [item] = rows_of(rita, "open-days", NOON)
    assert item.title == "Sunday, 1 March"
    assert item.link == f"{reverse('billing:day_close')}?day=2026-03-01"
    assert rows_of(asha, "open-days", NOON) == []
    close(NOON - timedelta(days=1), omar)
    assert rows_of(rita, "open-days", NOON) == []


def close(at, by):
    DayClose.objects.create(
        date=at.date(), currency="INR", expected={}, counted={}, closed_at=at, closed_by=by, opening_float=Decimal(0)
    )


def test_a_colleague_sees_none_of_it(asha, ben, rita):
    late_bill(asha)
    collecting.dispute(late_bill(asha), reason="x", by=rita, at=NOON)
    make_bill(asha)

    money = [source.name for source in registry.sources_for(ben)]
    assert {"overdue", "disputed", "codes"} <= set(money)
    assert [rows_of(ben, name, NOON) for name in money] == [[] for _ in money]


@pytest.mark.parametrize("person", ["asha", "rita"])
def test_many_rows_take_as_many_queries_as_few(request, asha, person):
    user = request.getfixturevalue(person)

    def fill():
        late_bill(asha)
        collecting.dispute(late_bill(asha), reason="x", by=asha, at=NOON)
        late_bill(asha, 5, patient=make_patient(doctor=asha))
        make_bill(asha, at=NOON)

    def count():
        with CaptureQueriesContext(connection) as queries:
            for source in registry.sources_for(user):
                rows_of(user, source.name, NOON)
        return len(queries)

    fill()
    fill()
    count()
    few = count()
    for _ in range(3):
        fill()

    assert count() == few
