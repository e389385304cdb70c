"""`check_ledger` is quiet about a true ledger and names what was tampered with; the night asks for it."""

import logging
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse

from billing.ledger import entries as ledger
from billing.ledger.checking import find_faults
from billing.models import Bill, LedgerEntry, LedgerMonth, PatientAccount, Payment
from billing.services import checks, collecting, corrections, payments
from billing.tasks import check_ledger
from billing.tests.factories import make_bill, pay
from synapse.accounts.models import ClinicSettings
from synapse.common import jobs, triggers
from synapse.common.models import Counter, Job

Status = Bill.Status
Kind = LedgerEntry.Kind


def check():
    out = StringIO()
    call_command("check_ledger", stdout=out)
    return out.getvalue()


def faults():
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("check_ledger", stdout=out)
    return out.getvalue()


@pytest.fixture
def money(asha, now):
    """A part paid bill, a paid one with more paid than owed, and a paid one of which the payment was reversed."""
    part = make_bill(asha, status=Status.PARTIALLY_PAID)
    over = make_bill(asha, status=Status.SENT)
    payments.take_payment(
        over.patient,
        amount=Decimal(1200),
        shares=[payments.Share(over, Decimal(1000))],
        method="cash",
        by=asha,
        at=now,
        keep_rest_as_credit=True,
    )
    back = make_bill(asha, status=Status.SENT)
    payments.reverse_payment(pay(back, "800", by=asha, at=now), reason="Typed wrongly", by=asha, at=now)
    return {"part": part, "over": over, "back": back}


def entry(bill, kind):
    return bill.ledger_entries.get(kind=kind)


def alter(row, **changes):
    """Change a row as somebody with the database's password could."""
    with triggers.lifted(connection):
        type(row).objects.filter(pk=row.pk).update(**changes)


def remove(row):
    with triggers.lifted(connection):
        type(row).objects.filter(pk=row.pk)._raw_delete("default")


# What is done to the rows behind the services, and what the check must then say.
CORRUPTIONS = {
    "paid amount": (lambda m: alter(m["part"], paid_amount=Decimal(999)), "paid amount is not"),
    "open amount": (lambda m: alter(m["part"], outstanding_amount=Decimal(5)), "open amount is not"),
    "total": (lambda m: alter(m["part"], total_amount=Decimal(5000)), "charge is not the total"),
    "split": (
        lambda m: alter(m["part"], insurance_covered_amount=Decimal(1), patient_responsibility=Decimal(1)),
        "insurer and the patient bear",
    ),
    "state": (lambda m: alter(m["part"], status=Status.SENT), "does not fit"),
    "too early overdue": (lambda m: alter(m["part"], status=Status.OVERDUE), "does not fit"),
    "never overdue": (lambda m: alter(m["back"], due_date=date(2020, 1, 1)), "does not fit"),
    "collection": (lambda m: alter(m["over"], collection_status="written_off"), "called written off"),
    "closed": (
        lambda m: alter(m["part"], status=Status.CANCELLED),
        "closed bill is still charged",
    ),
    "number's month": (lambda m: alter(m["part"], bill_date=date(2020, 1, 1)), "month of the bill's date"),
    "number taken away": (
        lambda m: alter(m["part"], bill_number=None, status=Status.PENDING),
        "draft has ledger entries",
    ),
    "entry's amount": (lambda m: alter(entry(m["part"], Kind.PAYMENT), amount=Decimal(1)), "paid amount is not"),
    "entry below zero": (lambda m: alter(entry(m["part"], Kind.PAYMENT), amount=Decimal(-1)), "no amount above zero"),
    "entry's kind": (lambda m: alter(entry(m["part"], Kind.PAYMENT), kind=Kind.WRITE_OFF), "paid amount is not"),
    "unknown kind": (lambda m: alter(entry(m["part"], Kind.PAYMENT), kind="gift"), "no known kind"),
    "entry's currency": (lambda m: alter(entry(m["part"], Kind.PAYMENT), currency="USD"), "another currency"),
    "entry without receipt": (lambda m: alter(entry(m["part"], Kind.PAYMENT), payment=None), "no receipt"),
    "entry's month": (
        lambda m: alter(entry(m["part"], Kind.PAYMENT), booked_on=date(2020, 1, 1)),
        "month's totals",
    ),
    "entry's time": (
        lambda m: alter(entry(m["part"], Kind.PAYMENT), at=datetime(2020, 1, 1, tzinfo=UTC)),
        "day is not that of its time",
    ),
    "entry deleted": (lambda m: remove(entry(m["part"], Kind.CHARGE)), "an entry is missing"),
    "last entry deleted": (lambda m: remove(entry(m["part"], Kind.PAYMENT)), "paid amount is not"),
    "reversal's amount": (lambda m: alter(entry(m["back"], Kind.REVERSAL), amount=Decimal(1)), "not what it reverses"),
    "reversal of a reversal": (
        lambda m: alter(entry(m["back"], Kind.PAYMENT), kind=Kind.REVERSAL, reverses=entry(m["part"], Kind.CHARGE)),
        "a reversal is reversed",
    ),
    "payment's amount": (
        lambda m: alter(entry(m["part"], Kind.PAYMENT).payment, amount=Decimal(1)),
        "payment is not what its entries",
    ),
    "payment's currency": (
        lambda m: alter(entry(m["part"], Kind.PAYMENT).payment, currency="USD"),
        "another currency than its entries",
    ),
    "payment without entries": (lambda m: remove(entry(m["part"], Kind.PAYMENT)), "payment is not what its entries"),
    "half a reversal": (
        lambda m: alter(
            entry(m["back"], Kind.REVERSAL),
            payment=LedgerEntry.objects.get(kind=Kind.OVERPAYMENT).payment,
        ),
        "taken back in part",
    ),
    "credit": (lambda m: PatientAccount.objects.update(credit=Decimal(7)), "credit is not what"),
    "credit below zero": (
        lambda m: alter(LedgerEntry.objects.get(kind=Kind.OVERPAYMENT), amount=Decimal(-5)),
        "credit is less than nothing",
    ),
    "account deleted": (
        lambda m: PatientAccount.objects.filter(patient=m["over"].patient)._raw_delete("default"),
        "credit without an account",
    ),
    "credit entry's place": (
        lambda m: alter(LedgerEntry.objects.get(kind=Kind.OVERPAYMENT), position=2),
        "an entry is missing",
    ),
    "month": (lambda m: LedgerMonth.objects.update(received=Decimal(1)), "month's totals"),
    "month deleted": (lambda m: LedgerMonth.objects.all().delete(), "month's totals"),
    "invoice counter": (lambda m: Counter.objects.filter(series="INV").update(last=9), "invoice numbers have a gap"),
    "receipt counter": (lambda m: Counter.objects.filter(series="RCP").update(last=9), "receipt numbers have a gap"),
    "counter deleted": (lambda m: Counter.objects.filter(series="INV").delete(), "invoice numbers have a gap"),
    "not a number": (lambda m: alter(m["part"], bill_number="INV-2026"), "invoice numbers have a gap"),
}


def test_bills_in_every_state_add_up(asha, now, money):
    for status in Status.values:
        make_bill(asha, status=status)
    part = make_bill(asha, status=Status.PAID)
    corrections.refund_payment(part, amount=Decimal(1), reason="x", by=asha, at=now)
    corrections.write_off(make_bill(asha, status=Status.SENT), amount=Decimal(10), reason="x", by=asha, at=now)

    assert check() == "The ledger adds up.\n"
    assert check() == "The ledger adds up.\n"


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Pacific/Kiritimati"])
def test_a_clinic_that_moves_its_time_zone_keeps_its_books(asha, zone):
    """Half an hour after midnight of the first, the month, the day and what is overdue are another in the new zone."""
    first = datetime(2026, 3, 31, 19, tzinfo=UTC)  # 0:30 on 1 April at the clinic
    for hours in (-1, 0, 12):
        at = first + timedelta(hours=hours)
        payments.reverse_payment(
            pay(make_bill(asha, status=Status.SENT, at=at), "800", by=asha, at=at), reason="x", by=asha, at=at
        )
    late = make_bill(asha, status=Status.SENT, at=first - timedelta(days=16))
    Bill.objects.filter(pk=late.pk).update(due_date=date(2026, 3, 31))
    collecting.mark_overdue(first)

    ClinicSettings.objects.update(timezone=zone)

    assert list(find_faults(first)) == []


def test_each_kind_of_corruption_is_named(money):
    for corruption, (damage, words) in CORRUPTIONS.items():
        with transaction.atomic():
            damage(money)
            found = StringIO()
            with suppress(CommandError):
                call_command("check_ledger", stdout=found)
            transaction.set_rollback(True)
        assert words in found.getvalue(), corruption
    assert check() == "The ledger adds up.\n"


def test_a_bill_is_named_by_its_number(money):
    alter(money["part"], paid_amount=Decimal(999))

    assert faults() == f"{money['part'].bill_number}: the paid amount is not what the entries add up to\n"


def test_a_row_that_cannot_be_decrypted_is_named(money):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_bill SET paid_amount = 'gAAAAA' WHERE bill_number IS NOT NULL")

    assert "cannot be decrypted" in faults()


def test_a_bill_may_wait_for_the_sweep_of_the_first_hour(asha, now):
    bill = make_bill(asha, status=Status.SENT)
    yesterday = bill.bill_date - timedelta(days=1)

    alter(bill, due_date=yesterday)

    assert check() == "The ledger adds up.\n"


def test_no_amount_and_no_name_is_printed(asha):
    bill = make_bill(asha, status=Status.PAID, total="1234.50")
    alter(bill, paid_amount=Decimal(1))

    found = faults()

    assert "1234" not in found
    assert bill.patient.last_name not in found


def test_it_reads_in_batches_whatever_there_is(asha, django_assert_num_queries):
    for _ in range(3):
        make_bill(asha, status=Status.PAID)
    with django_assert_num_queries(12):
        check()
    for _ in range(6):
        make_bill(asha, status=Status.PAID)

    with django_assert_num_queries(12):
        check()


@pytest.mark.django_db(transaction=True)
def test_it_sees_one_moment_and_lets_others_write_meanwhile(asha, now):
    from billing.ledger import checking

    bill = make_bill(asha, status=Status.SENT)
    walk = checking._one_moment()
    with walk:
        assert Payment.objects.count() == 0
        write_in_another_thread(lambda: pay(Bill.objects.get(pk=bill.pk), "100", by=asha, at=now))
        assert Payment.objects.count() == 0
        assert Bill.objects.get(pk=bill.pk).paid_amount == 0

    assert Payment.objects.count() == 1


def write_in_another_thread(act):
    from billing.tests.concurrency import at_once

    assert at_once([act]) == ["done"]


def test_the_night_asks_once_a_day_for_two_oclock_at_the_clinic(db):
    in_the_evening = datetime(2025, 9, 14, 19, 0, tzinfo=UTC)  # half past midnight in Pune

    for hours in range(3):
        checks.ask_for_check(in_the_evening + timedelta(hours=hours))

    job = Job.objects.get(kind="billing.tasks.check_ledger")
    assert job.run_at == datetime(2025, 9, 14, 20, 30, tzinfo=UTC)
    checks.ask_for_check(in_the_evening + timedelta(days=1))
    assert Job.objects.filter(kind="billing.tasks.check_ledger").count() == 2


# In the afternoon: between midnight and two o'clock at the clinic the check would still be waited for.
@pytest.mark.happens_at(datetime(2025, 9, 15, 10, 0, tzinfo=UTC))
def test_what_the_night_finds_waits_for_the_administrator(signed_in, omar, money, now, caplog):
    alter(money["part"], paid_amount=Decimal("987.65"))
    checks.ask_for_check(now - timedelta(days=1))  # its hour is over, whatever the hour is
    job = Job.objects.get(kind="billing.tasks.check_ledger")

    with caplog.at_level(logging.ERROR):
        jobs.run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.error_code) == (Job.State.FAILED, "ledger_does_not_add_up")
    assert f"{money['part'].bill_number}: the paid amount" in caplog.text
    assert "987" not in caplog.text
    for page in ("dashboard:worklist", "dashboard:system"):
        assert "ledger_does_not_add_up" in signed_in(omar).get(reverse(page)).content.decode()


def test_a_quiet_night_leaves_nothing(money, now):
    checks.ask_for_check(now)
    job = Job.objects.get(kind="billing.tasks.check_ledger")

    check_ledger(job)

    assert ledger.credit_of(money["over"].patient, "INR") == Decimal(200)
