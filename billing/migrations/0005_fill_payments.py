"""Give what was recorded so far its doctor, account, payment and receipt, and add the months up anew by them."""

from collections import defaultdict
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import migrations

ZERO = Decimal(0)
AMOUNTS = ("charged", "adjusted", "written_off", "received", "refunded", "credit_applied")
COLUMN = {"charge": "charged", "payment": "received", "refund": "refunded"}


def fill(apps, schema_editor):
    models = {name: apps.get_model("billing", name) for name in ("Bill", "LedgerEntry", "LedgerMonth", "Payment")}
    clinic = apps.get_model("accounts", "ClinicSettings").objects.first()
    zone = ZoneInfo(clinic.timezone if clinic else "Asia/Kolkata")
    models["LedgerMonth"].objects.all().delete()
    months = defaultdict(lambda: dict.fromkeys(AMOUNTS, ZERO))
    bills = models["Bill"].objects.select_related("patient", "session", "appointment")
    # One at a time: a practice has many, and each holds a page of ciphertext.
    for pk in list(bills.order_by("created_at").values_list("pk", flat=True)):
        bill = bills.get(pk=pk)
        visit = bill.session or bill.appointment
        bill.doctor_id = visit.doctor_id if visit else bill.generated_by_id
        if bill.status == "pending" and bill.bill_number:
            bill.status = "sent"
        bill.insurance_policy_number = bill.patient.insurance_policy_number
        bill.insurance_group_number = bill.patient.insurance_group_number
        bill.save()
        for entry in models["LedgerEntry"].objects.filter(bill=bill).order_by("position"):
            _fill_entry(entry, bill, models, apps, zone)
            _count(entry, bill, months, zone)
        if bill.status == "refunded":
            _count(_reverse_charge(entry, bill, models), bill, months, zone)
    for (period, currency, doctor, bill_type, paid_by), amounts in months.items():
        models["LedgerMonth"].objects.create(
            period=period, currency=currency, doctor_id=doctor, bill_type=bill_type, paid_by=paid_by, **amounts
        )


def _fill_entry(entry, bill, models, apps, zone):
    entry.patient_id, entry.currency = bill.patient_id, bill.currency
    if entry.kind == "payment":
        entry.payment = models["Payment"].objects.create(
            receipt_number=_next_receipt(apps, entry.at.astimezone(zone)),
            patient_id=bill.patient_id,
            currency=bill.currency,
            amount=entry.amount,
            method=entry.method,
            paid_by="insurer" if entry.method == "insurance" else "patient",
            reference=entry.reference,
            at=entry.at,
            by_id=entry.by_id,
        )
    elif entry.kind == "reversal":
        entry.reverses = models["LedgerEntry"].objects.get(bill=bill, kind="charge")
    # The trigger lets a row be written anew in a statement that raises this number.
    entry.key_generation += 1
    entry.save()


def _reverse_charge(last, bill, models):
    """Add what a full refund records by now: that nothing is charged any more."""
    charge = models["LedgerEntry"].objects.get(bill=bill, kind="charge")
    return models["LedgerEntry"].objects.create(
        patient_id=bill.patient_id,
        currency=bill.currency,
        bill=bill,
        position=last.position + 1,
        kind="reversal",
        reverses=charge,
        amount=charge.amount,
        at=last.at,
        by_id=last.by_id,
    )


def _next_receipt(apps, on):
    counter, _ = apps.get_model("common", "Counter").objects.get_or_create(series="RCP", period=f"{on:%Y%m}")
    counter.last += 1
    counter.save()
    return f"RCP-{on:%Y%m}-{counter.last:06d}"


def _count(entry, bill, months, zone):
    paid_by = ""
    if entry.kind == "payment":
        paid_by = entry.payment.paid_by
    elif entry.kind == "refund":
        paid_by = "insurer" if entry.method == "insurance" else "patient"
    amounts = months[f"{entry.at.astimezone(zone):%Y%m}", bill.currency, bill.doctor_id, bill.bill_type, paid_by]
    if entry.kind == "reversal":
        amounts["charged"] -= entry.amount
    else:
        amounts[COLUMN[entry.kind]] += entry.amount


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_ledger_of_payments"),
        ("accounts", "0005_claim_identifiers"),
        ("common", "0003_job_progress_at"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
