"""Entries are kept as they are, months add up, the trail names every change."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from billing.models import Bill, LedgerEntry, LedgerMonth, Payment
from billing.money import ZERO
from billing.services import corrections
from billing.tests.factories import make_bill, pay
from synapse.audit.models import AuditEvent

Status = Bill.Status
Kind = LedgerEntry.Kind


def test_the_database_keeps_ledger_entries_as_they_are(asha, now):
    bill = make_bill(asha, status=Status.PAID)
    entries = LedgerEntry.objects.filter(bill=bill, kind=Kind.PAYMENT)

    with pytest.raises(IntegrityError), transaction.atomic():
        entries.update(amount=Decimal(1))
    with pytest.raises(IntegrityError), transaction.atomic():
        entries.update(kind=Kind.REFUND, key_generation=9)
    with pytest.raises(IntegrityError), transaction.atomic():
        entries.get().delete()


def test_the_database_keeps_payments_as_they_are(asha, now):
    payment = pay(make_bill(asha, status=Status.SENT), "400", by=asha, at=now)
    rows = Payment.objects.filter(pk=payment.pk)

    for changes in ({"amount": Decimal(1)}, {"method": "upi", "key_generation": 9}, {"by": None, "key_generation": 9}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**changes)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows._raw_delete("default")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has REPLACE")
@pytest.mark.parametrize("table", ["billing_ledgerentry", "billing_payment"])
def test_the_database_replaces_no_row_of_money(asha, now, table):
    pay(make_bill(asha, status=Status.SENT), "400", by=asha, at=now)

    with pytest.raises(IntegrityError, match="never replaced"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


def test_a_key_rotation_may_write_an_entry_anew(asha, now):
    bill = make_bill(asha, status=Status.PAID)
    entry = LedgerEntry.objects.get(bill=bill, kind=Kind.PAYMENT)

    LedgerEntry.objects.filter(pk=entry.pk).update(amount=entry.amount, key_generation=entry.key_generation + 1)

    assert LedgerEntry.objects.get(pk=entry.pk).amount == Decimal(1000)


def test_the_month_adds_up_what_was_charged_paid_and_refunded(asha, now):
    at = datetime(2025, 9, 10, 6, tzinfo=UTC)
    bill = make_bill(asha, status=Status.PAID, at=at)
    corrections.refund_payment(bill, amount=Decimal(300), reason="x", by=asha, at=at)
    corrections.cancel_bill(make_bill(asha, status=Status.SENT, at=at), reason="x", by=asha, at=at)

    months = LedgerMonth.objects.filter(period="202509", currency="INR", doctor=asha, bill_type="followup")
    charged, paid = months.get(paid_by=""), months.get(paid_by="patient")
    assert (charged.charged, charged.received, charged.refunded) == (Decimal(1000), ZERO, ZERO)
    assert (paid.charged, paid.received, paid.refunded) == (ZERO, Decimal(1000), Decimal(300))


def test_every_change_is_in_the_trail_and_no_amount_is(asha, now):
    bill = make_bill(asha, status=Status.REFUNDED)

    events = AuditEvent.objects.filter(target_id=str(bill.pk)).order_by("seq")

    assert [event.detail["verb"] for event in events] == ["draft", "edit", "issue", "payment", "refund"]
    assert not any("1000" in str(event.detail) for event in events)
