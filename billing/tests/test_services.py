"""Drafting, issuing, sending, paying, giving back and calling off bills."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, close_old_connections, connection, transaction

from billing import ledger, services
from billing.errors import BadAmount, Locked, NotIssuable
from billing.models import Bill, FeeScheduleItem, LedgerEntry, LedgerMonth
from billing.money import ZERO, Line
from billing.tests.factories import make_bill, make_fee
from patients.tests.factories import make_patient
from sessions_app import services as sessions
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.models import Counter

Status = Bill.Status
Kind = LedgerEntry.Kind


def pay(bill, amount, *, by, at, **fields):
    return services.record_payment(bill, amount=Decimal(amount), method="cash", by=by, at=at, **fields)


# Drafts ---------------------------------------------------------------------------------------------------------------
def test_the_draft_of_a_session_takes_type_minutes_and_price_from_it(asha, now):
    session = sessions.start_session(make_patient(doctor=asha), by=asha, at=now - timedelta(minutes=46))
    sessions.complete_session(session, by=asha, at=now)

    bill = services.draft_bill_for_session(session, by=asha, at=now)

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

    assert services.draft_bill_for_session(session, by=asha, at=now).bill_type == "telemedicine"


def test_drafting_twice_gives_the_same_bill(asha, now):
    bill = make_bill(asha)

    assert services.draft_bill_for_session(bill.session, by=asha, at=now) == bill
    assert Bill.objects.count() == 1


def test_after_a_cancelled_bill_a_session_can_be_billed_again(asha, now):
    cancelled = make_bill(asha, status=Status.CANCELLED)

    again = services.draft_bill_for_session(cancelled.session, by=asha, at=now)

    assert again.pk != cancelled.pk


def test_clinic_tax_and_terms_are_on_the_draft(asha, now):
    ClinicSettings.load()
    ClinicSettings.objects.update(tax_rate=Decimal(18), payment_terms_days=30)

    bill = make_bill(asha, total=None)

    assert (bill.tax_amount, bill.total_amount, bill.payment_terms) == (Decimal(360), Decimal(2360), "Net 30 days")


# Lines ----------------------------------------------------------------------------------------------------------------
def test_lines_of_a_draft_can_be_replaced(asha, now):
    bill = make_bill(asha)

    services.edit_lines(
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
    bill = services.issue_bill(make_bill(asha), by=asha, at=now)

    with pytest.raises(Locked):
        services.edit_lines(bill, lines=[Line("A", Decimal(1))], discount=ZERO, tax_rate=ZERO, by=asha, at=now)


@pytest.mark.parametrize(("discount", "covered"), [("1000.01", None), ("0", "1000.01"), ("-1", None)])
def test_figures_that_do_not_add_up_are_refused(asha, now, discount, covered):
    with pytest.raises(BadAmount):
        services.edit_lines(
            make_bill(asha),
            lines=[Line("A", Decimal(1000))],
            discount=Decimal(discount),
            tax_rate=ZERO,
            insurance_covered=Decimal(covered) if covered else None,
            by=asha,
            at=now,
        )


# Issue ----------------------------------------------------------------------------------------------------------------
def test_a_number_comes_at_issue_with_dates_and_the_charge(asha, now):
    bill = services.issue_bill(make_bill(asha), by=asha, at=datetime(2025, 9, 30, 12, tzinfo=UTC))

    assert bill.bill_number == "INV-202509-000001"
    assert (bill.bill_date, bill.due_date) == (date(2025, 9, 30), date(2025, 10, 14))
    assert bill.status == Status.PENDING
    [entry] = bill.ledger_entries.all()
    assert (entry.kind, entry.amount) == (Kind.CHARGE, Decimal(1000))


def test_the_month_of_a_number_is_the_clinics(asha):
    late_on_the_30th_in_utc = datetime(2025, 9, 30, 20, tzinfo=UTC)

    bill = services.issue_bill(make_bill(asha), by=asha, at=late_on_the_30th_in_utc)

    assert bill.bill_number == "INV-202510-000001"
    assert bill.bill_date == date(2025, 10, 1)


def test_issuing_twice_takes_one_number(asha, now):
    bill = make_bill(asha)

    first = services.issue_bill(bill, by=asha, at=now).bill_number
    second = services.issue_bill(Bill.objects.get(pk=bill.pk), by=asha, at=now).bill_number

    assert first == second
    assert Counter.objects.get(series="INV").last == 1


def test_a_refused_payment_takes_no_number(asha, now):
    bill = make_bill(asha)

    with pytest.raises(BadAmount):
        pay(bill, "1000.01", by=asha, at=now)
    services.issue_bill(make_bill(asha), by=asha, at=now)

    assert Counter.objects.get(series="INV").last == 1
    bill.refresh_from_db()
    assert bill.bill_number is None


def test_a_bill_with_a_missing_price_cannot_be_issued(asha, now):
    session = sessions.start_session(
        make_patient(doctor=asha), by=asha, at=now - timedelta(minutes=46), session_type="consultation"
    )
    sessions.complete_session(session, by=asha, at=now)
    FeeScheduleItem.objects.filter(session_type="consultation").update(is_active=False)
    bill = services.draft_bill_for_session(session, by=asha, at=now)

    assert not services.can_issue(bill)
    for verb in (services.issue_bill, services.send_bill):
        with pytest.raises(NotIssuable, match="price is missing"):
            verb(bill, by=asha, at=now)
    with pytest.raises(NotIssuable):
        pay(bill, "1", by=asha, at=now)
    assert not LedgerEntry.objects.exists()


def test_a_bill_over_nothing_cannot_be_issued(asha, now):
    with pytest.raises(NotIssuable, match="charges nothing"):
        services.issue_bill(make_bill(asha, total="0"), by=asha, at=now)


# Payments -------------------------------------------------------------------------------------------------------------
def test_a_part_payment_and_the_rest_pay_the_bill(asha, rita, now):
    bill = make_bill(asha, status=Status.SENT)

    services.record_payment(bill, amount=Decimal("250.50"), method="upi", reference=" 5283 ", by=rita, at=now)
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


@pytest.mark.django_db(transaction=True)
def test_of_twenty_payments_at_once_only_what_is_open_is_taken(asha, now):
    make_fee()
    bill = make_bill(asha, status=Status.SENT)
    outcomes, barrier = [], threading.Barrier(20)

    def take():
        barrier.wait()
        try:
            pay(Bill.objects.get(pk=bill.pk), "150", by=asha, at=now)
            outcomes.append("taken")
        except BadAmount:
            outcomes.append("refused")
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    bill.refresh_from_db()
    assert outcomes.count("taken") == 6
    assert outcomes.count("refused") == 14
    assert (bill.paid_amount, bill.outstanding_amount, bill.status) == (
        Decimal(900),
        Decimal(100),
        Status.PARTIALLY_PAID,
    )
    assert ledger.read_balance(bill).paid == Decimal(900)


@pytest.mark.django_db(transaction=True)
def test_numbers_taken_at_once_have_no_gap_and_no_twin(asha, now):
    make_fee()
    bills = [make_bill(asha) for _ in range(10)]
    barrier = threading.Barrier(10)

    def issue(bill):
        barrier.wait()
        try:
            services.issue_bill(bill, by=asha, at=now)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=issue, args=(bill,)) for bill in bills]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    numbers = sorted(int(number[-6:]) for number in Bill.objects.values_list("bill_number", flat=True))
    assert numbers == list(range(1, 11))


# Refunds and cancelled bills ------------------------------------------------------------------------------------------
def test_a_partial_refund_opens_a_paid_bill_again(asha, now):
    bill = make_bill(asha, status=Status.PAID)

    services.refund_payment(bill, amount=Decimal(300), reason="Shorter visit", by=asha, at=now)

    assert (bill.status, bill.paid_amount, bill.outstanding_amount) == (
        Status.PARTIALLY_PAID,
        Decimal(700),
        Decimal(300),
    )


def test_a_full_refund_ends_the_bill_with_nothing_open(asha, now):
    bill = make_bill(asha, status=Status.REFUNDED)

    assert (bill.status, bill.paid_amount, bill.outstanding_amount) == (Status.REFUNDED, ZERO, ZERO)


def test_no_more_is_given_back_than_was_paid(asha, now):
    bill = make_bill(asha, status=Status.PARTIALLY_PAID)

    with pytest.raises(BadAmount):
        services.refund_payment(bill, amount=Decimal("250.01"), reason="x", by=asha, at=now)
    with pytest.raises(Locked):
        services.refund_payment(make_bill(asha, status=Status.SENT), amount=Decimal(1), reason="x", by=asha, at=now)


def test_a_cancelled_bill_keeps_its_number_and_takes_its_charge_back(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    number = bill.bill_number

    services.cancel_bill(bill, reason="Wrong patient", by=asha, at=now)

    bill.refresh_from_db()
    assert (bill.status, bill.bill_number, bill.cancelled_reason) == (Status.CANCELLED, number, "Wrong patient")
    assert bill.outstanding_amount == ZERO
    assert ledger.read_balance(bill).outstanding == ZERO


def test_a_bill_with_money_on_it_is_refunded_not_cancelled(asha, now):
    bill = make_bill(asha, status=Status.SENT, at=now - timedelta(days=20))
    pay(bill, "10", by=asha, at=now)
    services.mark_overdue(now)
    bill.refresh_from_db()
    assert bill.status == Status.OVERDUE

    with pytest.raises(Locked, match="Refund it"):
        services.cancel_bill(bill, reason="x", by=asha, at=now)


@pytest.mark.parametrize("verb", [services.cancel_bill, services.refund_payment])
def test_giving_back_needs_a_reason(asha, now, verb):
    extra = {"amount": Decimal(1)} if verb is services.refund_payment else {}

    with pytest.raises(DomainError, match="Say why"):
        verb(make_bill(asha, status=Status.PAID), reason=" ", by=asha, at=now, **extra)


def test_the_desk_takes_payments_but_gives_nothing_back(asha, rita, omar, ben, now):
    bill = make_bill(asha, status=Status.SENT)
    pay(bill, "100", by=rita, at=now)

    with pytest.raises(NotAllowed):
        services.refund_payment(bill, amount=Decimal(1), reason="x", by=rita, at=now)
    with pytest.raises(NotAllowed):
        services.refund_payment(bill, amount=Decimal(1), reason="x", by=ben, at=now)
    services.refund_payment(bill, amount=Decimal(50), reason="Agreed", by=omar, at=now)

    assert bill.paid_amount == Decimal(50)


# Overdue --------------------------------------------------------------------------------------------------------------
def test_a_bill_is_overdue_the_day_after_its_due_date_by_the_clinics_clock(asha):
    bill = make_bill(asha, status=Status.SENT, at=datetime(2025, 9, 1, 6, tzinfo=UTC))
    assert bill.due_date == date(2025, 9, 15)

    on_the_due_date = services.mark_overdue(datetime(2025, 9, 15, 18, 29, tzinfo=UTC))
    past_midnight_in_pune = services.mark_overdue(datetime(2025, 9, 15, 18, 31, tzinfo=UTC))
    again = services.mark_overdue(datetime(2025, 9, 15, 18, 31, tzinfo=UTC))

    bill.refresh_from_db()
    assert (on_the_due_date, past_midnight_in_pune, again) == (0, 1, 0)
    assert bill.status == Status.OVERDUE


def test_only_sent_and_partly_paid_bills_become_overdue(asha, now):
    long_ago = now - timedelta(days=60)
    bills = {
        status: make_bill(asha, status=status, at=long_ago) for status in Status.values if status != Status.OVERDUE
    }

    services.mark_overdue(now)

    moved = {status for status, bill in bills.items() if Bill.objects.get(pk=bill.pk).status == Status.OVERDUE}
    assert moved == {Status.SENT, Status.PARTIALLY_PAID}


def test_an_overdue_bill_can_still_be_paid(asha, now):
    bill = make_bill(asha, status=Status.OVERDUE)

    pay(bill, "1000", by=asha, at=now)

    assert bill.status == Status.PAID


# The table ------------------------------------------------------------------------------------------------------------
VERBS = {
    "send": lambda bill, by, at: services.send_bill(bill, by=by, at=at),
    "part": lambda bill, by, at: pay(bill, "1", by=by, at=at),
    "pay": lambda bill, by, at: pay(bill, bill.outstanding_amount or 1, by=by, at=at),
    "cancel": lambda bill, by, at: services.cancel_bill(bill, reason="x", by=by, at=at),
    "refund": lambda bill, by, at: services.refund_payment(
        bill, amount=bill.paid_amount or Decimal(1), reason="x", by=by, at=at
    ),
}
REACHED = {
    "send": Status.SENT,
    "part": Status.PARTIALLY_PAID,
    "pay": Status.PAID,
    "cancel": Status.CANCELLED,
    "refund": Status.REFUNDED,
}


@pytest.mark.parametrize("verb", list(VERBS))
@pytest.mark.parametrize("start", Status.values)
def test_every_step_is_in_the_table_or_refused(asha, now, start, verb):
    bill = make_bill(asha, status=start)
    allowed = REACHED[verb] in Bill.TRANSITIONS[start] or (verb == "part" and start == Status.PARTIALLY_PAID)
    if start == Status.OVERDUE and verb == "refund":
        allowed = False  # nothing was paid on it

    if allowed and not (start == Status.PAID and verb == "part"):
        VERBS[verb](bill, asha, now)
        bill.refresh_from_db()
        assert bill.status == REACHED[verb]
    else:
        with pytest.raises((Conflict, BadAmount)):
            VERBS[verb](bill, asha, now)
        bill.refresh_from_db()
        assert bill.status == start


# The ledger -----------------------------------------------------------------------------------------------------------
def test_the_database_keeps_ledger_entries_as_they_are(asha, now):
    bill = make_bill(asha, status=Status.PAID)
    entries = LedgerEntry.objects.filter(bill=bill, kind=Kind.PAYMENT)

    with pytest.raises(IntegrityError), transaction.atomic():
        entries.update(amount=Decimal(1))
    with pytest.raises(IntegrityError), transaction.atomic():
        entries.update(kind=Kind.REFUND, key_generation=9)
    with pytest.raises(IntegrityError), transaction.atomic():
        entries.get().delete()


def test_a_key_rotation_may_write_an_entry_anew(asha, now):
    bill = make_bill(asha, status=Status.PAID)
    entry = LedgerEntry.objects.get(bill=bill, kind=Kind.PAYMENT)

    LedgerEntry.objects.filter(pk=entry.pk).update(amount=entry.amount, key_generation=entry.key_generation + 1)

    assert LedgerEntry.objects.get(pk=entry.pk).amount == Decimal(1000)


def test_the_month_adds_up_what_was_charged_paid_and_refunded(asha, now):
    at = datetime(2025, 9, 10, 6, tzinfo=UTC)
    bill = make_bill(asha, status=Status.PAID, at=at)
    services.refund_payment(bill, amount=Decimal(300), reason="x", by=asha, at=at)
    services.cancel_bill(make_bill(asha, status=Status.SENT, at=at), reason="x", by=asha, at=at)

    month = LedgerMonth.objects.get(period="202509", currency="INR")
    assert (month.charged, month.paid, month.refunded) == (Decimal(1000), Decimal(1000), Decimal(300))


def test_every_change_is_in_the_trail_and_no_amount_is(asha, now):
    bill = make_bill(asha, status=Status.REFUNDED)

    events = AuditEvent.objects.filter(target_id=str(bill.pk)).order_by("seq")

    assert [event.detail["verb"] for event in events] == ["draft", "edit", "issue", "payment", "refund"]
    assert not any("1000" in str(event.detail) for event in events)
