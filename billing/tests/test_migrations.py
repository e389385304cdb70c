"""A database of the version before payments had rows becomes one of today, with every sum right and every row kept."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from billing.ledger.checking import find_faults
from billing.models import Bill, Claim, LedgerEntry, LedgerMonth, PatientAccount, Payment
from billing.money import ZERO
from billing.services import claim_payments, collecting, corrections, payments
from billing.tests.claim_factories import make_claim, make_claimable, set_up_clinic
from patients.tests.factories import make_patient
from sessions_app import services as sessions
from synapse.common import triggers
from synapse.common.models import Counter

BEFORE = [("billing", "0003_ledger_by_day")]
AT = datetime(2025, 9, 10, 6, tzinfo=UTC)
ENTRIES = "billing.LedgerEntry"
# The triggers of that version: PostgreSQL lets no column change its type while one of them reads it.
OLD_TRIGGERS = [
    triggers.Trigger(
        name="ledger_entry_no_update",
        model=ENTRIES,
        event="UPDATE",
        message="Ledger entries are never changed; record a new one.",
        when=" OR ".join(
            [
                "NEW.key_generation <= OLD.key_generation",
                *(
                    f"NEW.{name} <> OLD.{name}"
                    for name in ("id", "bill_id", "position", "kind", "method", "at", "by_id")
                ),
            ]
        ),
    ),
    triggers.Trigger(
        name="ledger_entry_no_delete", model=ENTRIES, event="DELETE", message="Ledger entries are never deleted."
    ),
]
# What each bill of the old database went through: kind, amount, method.
HISTORIES = {
    "sent": [("charge", 1000, "")],
    "overdue": [("charge", 1000, "")],
    "partially_paid": [("charge", 1000, ""), ("payment", 250, "upi")],
    "paid": [("charge", 1000, ""), ("payment", 400, "cash"), ("payment", 600, "insurance")],
    "cancelled": [("charge", 1000, ""), ("reversal", 1000, "")],
    "refunded": [("charge", 1000, ""), ("payment", 1000, "card"), ("refund", 1000, "card")],
}


class OfBilling(MigrationExecutor):
    """Sees of the project what the migrations of billing build upon: each of their steps renders the models anew."""

    def migration_plan(self, targets, clean_start=False):
        return super().migration_plan(self.newest if clean_start else targets, clean_start)

    @property
    def newest(self):
        return self.loader.graph.leaf_nodes("billing")


def migrate_to_today():
    """Migrate forward, and do what `migrate` does once nothing is left to apply."""
    billing = OfBilling(connection)
    billing.migrate(billing.newest)
    call_command("migrate", verbosity=0)


@pytest.fixture
def old_database(transactional_db):
    """Give the test's database the billing tables of the old version, and those of today whatever happens.

    Made anew from nothing: to undo twenty migrations takes twice as long as to do them, and no other table points here.
    """
    billing = OfBilling(connection)
    names = [name for name in connection.introspection.table_names() if name.startswith("billing_")]
    try:
        with connection.schema_editor() as editor:
            for name in names:
                editor.execute(editor.sql_delete_table % {"table": editor.quote_name(name)})
            billing.recorder.migration_qs.filter(app="billing").delete()
        OfBilling(connection).migrate(BEFORE)
        for trigger in OLD_TRIGGERS:
            triggers._create(connection, trigger)
        yield MigrationExecutor(connection).loader.project_state(BEFORE).apps
    finally:
        migrate_to_today()


def write_old_bill(apps, person, patient, status, *, number=None, session=None, history=()):
    paid = sum(amount if kind == "payment" else -amount for kind, amount, _ in history if kind in ("payment", "refund"))
    is_closed = status in ("cancelled", "refunded")
    bill = apps.get_model("billing", "Bill").objects.create(
        bill_number=f"INV-202509-{number:06d}" if number else None,
        patient_id=patient.pk,
        session_id=session.pk if session else None,
        bill_type="followup",
        status=status,
        currency="INR",
        line_items=[],
        subtotal=Decimal(1000),
        discount_amount=ZERO,
        tax_rate=ZERO,
        tax_amount=ZERO,
        total_amount=Decimal(1000),
        paid_amount=Decimal(paid),
        outstanding_amount=ZERO if is_closed else Decimal(1000 - paid),
        bill_date=date(2025, 9, 10) if number else None,
        due_date=date(2025, 9, 24) if number else None,
        issued_at=AT if number else None,
        payment_method=next((method for _, _, method in reversed(history) if method), ""),
        generated_by_id=person.pk,
    )
    for place, (kind, amount, method) in enumerate(history, 1):
        apps.get_model("billing", "LedgerEntry").objects.create(
            bill=bill,
            position=place,
            kind=kind,
            amount=Decimal(amount),
            method=method,
            reference="5283" if method == "upi" else "",
            at=AT + timedelta(minutes=place),
            by_id=person.pk,
        )
    return bill


@pytest.mark.timeout(600)  # every migration of billing
def test_an_old_database_becomes_one_of_today_and_goes_on(old_database, asha, ben, now):
    apps = old_database
    patient = make_patient(doctor=asha, insurance_policy_number="P-1")
    session = sessions.start_session(patient, by=asha, at=AT - timedelta(minutes=45), with_recording=False)
    sessions.complete_session(session, by=asha, at=AT)
    old = {
        status: write_old_bill(apps, ben, patient, status, number=place, history=history)
        for place, (status, history) in enumerate(HISTORIES.items(), 1)
    }
    # Issued was a date and a number then, not a state.
    old["issued"] = write_old_bill(apps, ben, patient, "pending", number=7, history=HISTORIES["sent"], session=session)
    old["draft"] = write_old_bill(apps, ben, patient, "pending")
    Counter.objects.create(series="INV", period="202509", last=7)
    apps.get_model("billing", "LedgerMonth").objects.create(
        period="202509", currency="INR", charged=Decimal(6000), paid=Decimal(2250), refunded=Decimal(1000)
    )

    migrate_to_today()

    bills = {name: Bill.objects.get(pk=bill.pk) for name, bill in old.items()}
    assert bills["issued"].status == "sent"
    assert (bills["issued"].doctor, bills["paid"].doctor) == (asha, ben)
    assert bills["draft"].status == "pending"
    assert {bill.insurance_policy_number for bill in bills.values()} == {"P-1"}
    receipts = sorted(Payment.objects.values_list("receipt_number", flat=True))
    assert receipts == [f"RCP-202509-{number:06d}" for number in range(1, 5)]
    for rows in (LedgerEntry, Payment):
        assert set(rows.objects.values_list("booked_on", flat=True)) == {date(2025, 9, 10)}
    upi = Payment.objects.get(method="upi")
    assert (upi.amount, upi.reference, upi.by, upi.patient) == (Decimal(250), "5283", ben, patient)
    assert Payment.objects.get(method="insurance").paid_by == "insurer"
    months = {month.paid_by: month for month in LedgerMonth.objects.filter(doctor=ben)}
    assert (months[""].charged, months["patient"].received, months["patient"].refunded) == (
        Decimal(4000),
        Decimal(1650),
        Decimal(1000),
    )
    assert months["insurer"].received == Decimal(600)
    collecting.mark_overdue(now)
    assert list(find_faults(now)) == []

    assert triggers.missing(connection) == []
    for rows in (LedgerEntry.objects.all(), Payment.objects.all()):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(method="cash")
        with pytest.raises(IntegrityError), transaction.atomic():
            rows._raw_delete("default")

    bill = bills["partially_paid"]
    payments.reverse_payment(upi, reason="Mistyped", by=ben, at=now)
    payments.record_payment(bill, amount=Decimal(1100), method="cash", by=ben, at=now, keep_rest_as_credit=True)
    corrections.refund_payment(bill, amount=Decimal(100), reason="Agreed", by=ben, at=now)
    assert PatientAccount.objects.get().credit == Decimal(100)
    assert list(find_faults(now)) == []


@pytest.mark.timeout(600)  # the last migrations back and forth
def test_claims_answered_with_nothing_get_a_status_of_their_own(transactional_db, asha):
    set_up_clinic(asha)
    answered = [make_claim(asha, status=Claim.Status.SENT, bill=make_claimable(asha)) for _ in range(2)]
    for claim, amount in zip(answered, (0, 120), strict=True):
        claim_payments.mark_paid(claim, amount=Decimal(amount), by=asha, at=AT + timedelta(days=900))

    try:
        OfBilling(connection).migrate([("billing", "0023_split_before_the_answer")])
        assert set(Claim.objects.values_list("status", flat=True)) == {"paid"}
    finally:
        migrate_to_today()

    states = dict(Claim.objects.values_list("pk", "status"))
    assert states == {answered[0].pk: "to_patient", answered[1].pk: "paid"}
