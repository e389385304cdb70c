"""The demo's books: months of paid visits, and a bill in every place a bill can get stuck."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from billing.bills.lines import lines_of
from billing.claims.boxes import load_form
from billing.models import Bill, BillMessage, Claim
from billing.money import ZERO
from billing.services import (
    claims,
    collecting,
    corrections,
    day_close,
    editing,
    fees,
    insurance,
    issuing,
    payers,
    payments,
    reminders,
    settings,
)
from synapse import workflows
from synapse.accounts import services as accounts
from synapse.accounts.models import ClinicSettings

if TYPE_CHECKING:
    from synapse.demo.seeding import Seeder

# Who came in the past months, one after the other, how long they stayed, and how and when they paid.
REGULARS = ("kavya", "arjun", "leela", "sana", "rohan", "noor", "grace", "vikram")
MINUTES = (44, 48, 29, 44, 56)
WAYS = ("upi", "card", "cash", "upi", "bank_transfer", "cash", "card")
PAID_AFTER = (0, 0, 2, 9, 0, 5)  # days
VISITS, FIRST_DAYS_AGO, LAST_DAYS_AGO = 34, 112, 26  # working days
CLOSED_DAYS = 3
EVENING = time(18)
OPENING_FLOAT = Decimal(1000)
# Visits whose bill went another way, by their number in the row; those of the insurer are Kavya's.
OVERPAID, WRITTEN_OFF, DISPUTED, PART, UNPAID = 9, 12, 22, 27, 30
INSURED = "kavya"
CLAIM_PAID, CLAIM_DENIED, CLAIM_SENT = 16, 24, 32
# What only people know about a claim.
ANSWERS = {
    "relationship": "self",
    "related_employment": "no",
    "related_auto": "no",
    "related_other": "no",
    "patient_signature": "on_file",
    "insured_signature": "on_file",
    "accept_assignment": "yes",
}


def open_books(seeder: "Seeder") -> None:
    """Let the clinic charge for missed visits, print its UPI address, and know an insurer."""
    admin, at = seeder.people["admin"], seeder.at
    policy = {
        "tax_label": "GST",
        "charges_no_show": True,
        "first_missed_is_free": False,
        "upi_id": "banyanclinic@bank",
        "account_holder": "Banyan Clinic",
        "organization_npi": "1234567893",
        "organization_tax_id": "12-3456789",
        "organization_taxonomy": "261QM0801X",
    }
    settings.update_billing(policy, by=admin, at=at)
    missed = fees.Terms(
        description="Missed visit",
        purpose=Bill.Purpose.NO_SHOW,
        unit_price=Decimal(500),
        currency="INR",
        valid_from=(at - timedelta(days=200)).date(),
    )
    fees.add_fee(missed, by=admin, at=at)
    insurer = {"name": "Star Health", "address": "1 New Tank Street\nChennai 600034", "coverage": "group"}
    payers.save_payer(None, insurer, by=admin)
    doctor = seeder.people["doctor"]
    accounts.update_profile(doctor, {"npi": "1245319599", "taxonomy_code": "2084P0800X"}, by=doctor, at=at)


def remember_months(seeder: "Seeder") -> None:
    """Hold the visits of the past months, and let most of them be paid."""
    step = (FIRST_DAYS_AGO - LAST_DAYS_AGO) / (VISITS - 1)
    for number in range(VISITS):
        started_at = seeder.moment(-round(FIRST_DAYS_AGO - step * number), 9 + number % 8)
        key = INSURED if number in (CLAIM_PAID, CLAIM_DENIED, CLAIM_SENT) else REGULARS[number % len(REGULARS)]
        bill = _hold(seeder, key, started_at, MINUTES[number % len(MINUTES)])
        _follow(seeder, number, bill, at=started_at + timedelta(hours=1))


def _hold(seeder: "Seeder", key: str, started_at: datetime, minutes: int) -> Bill:
    doctor = seeder.doctor_of(key)
    session = workflows.start_consultation(
        seeder.patients[key].pk, by=doctor, at=started_at, session_type="followup", with_recording=False
    )
    return workflows.complete_consultation(session, by=doctor, at=started_at + timedelta(minutes=minutes))


def _follow(seeder: "Seeder", number: int, bill: Bill, *, at: datetime) -> None:
    """Let a bill of the past be paid, or get stuck where its number says."""
    desk = seeder.people["receptionist"]
    if number in (CLAIM_PAID, CLAIM_DENIED, CLAIM_SENT):
        _claim(seeder, number, bill, at=at)
        return
    issuing.issue_bill(bill, by=desk, at=at)
    if number in (DISPUTED, UNPAID):
        return
    if number in (PART, WRITTEN_OFF):
        _pay(seeder, bill, bill.total_amount / 2, "cash", at=at)
    if number == WRITTEN_OFF:
        reason = "Moved abroad, three letters came back."
        late = at + timedelta(days=70)
        corrections.write_off(bill, amount=bill.outstanding_amount, reason=reason, by=seeder.people["admin"], at=late)
    if number in (PART, WRITTEN_OFF):
        return
    amount = bill.total_amount + (Decimal(500) if number == OVERPAID else ZERO)
    paid_at = at + timedelta(days=PAID_AFTER[number % len(PAID_AFTER)])
    _pay(seeder, bill, amount, WAYS[number % len(WAYS)], at=paid_at)


def _pay(seeder: "Seeder", bill: Bill, amount: Decimal, method: str, *, at: datetime) -> None:
    desk = seeder.people["receptionist"]
    payments.record_payment(bill, amount=amount, method=method, keep_rest_as_credit=True, by=desk, at=at)


def _claim(seeder: "Seeder", number: int, bill: Bill, *, at: datetime) -> None:
    """Have a bill's codes confirmed, claim it from the insurer, and let the insurer answer."""
    desk, doctor = seeder.people["receptionist"], bill.doctor
    editing.edit_lines(
        bill,
        lines=lines_of(bill),
        tax_rate=ZERO,
        primary_diagnosis_code="F41.1",
        place_of_service="11",
        by=doctor,
        at=at,
    )
    editing.confirm_codes(bill, by=doctor, at=at)
    issuing.issue_bill(bill, by=desk, at=at)
    insurance.verify_insurance(bill, by=desk, at=at)
    claim = claims.prepare_claim(bill, by=desk, at=at)
    form = load_form(claim.form)
    form.boxes |= ANSWERS
    for line in form.lines:
        line.pointers = line.pointers or "A"
    claims.edit_claim(claim, form, by=desk, at=at)
    claims.mark_sent(claim, via=Claim.Via.PORTAL, by=desk, at=at + timedelta(days=1))
    answered_at = at + timedelta(days=12)
    if number == CLAIM_DENIED:
        claims.mark_denied(claim, reason="The policy had lapsed on the day of the visit.", by=desk, at=answered_at)
    if number == CLAIM_PAID:
        claims.mark_accepted(claim, claim_number="SH-2291-07", by=desk, at=answered_at)
        payments.record_payment(
            bill, amount=bill.total_amount, method="insurance", insurer=claim.payer, by=desk, at=answered_at
        )


def chase_what_is_late(seeder: "Seeder") -> None:
    """Remind of what is not paid, and note what a patient does not agree with."""
    desk = seeder.people["receptionist"]
    for days_ago in (12, 2):
        moment = seeder.moment(-days_ago, 11)
        collecting.mark_overdue(moment)
        late = (
            Bill.objects.filter(status=Bill.Status.OVERDUE).select_related("patient", "doctor").order_by("bill_number")
        )
        reminders.remind_many(late, by=desk, at=moment, channel=BillMessage.Channel.PRINT)
    oldest = Bill.objects.filter(status=Bill.Status.OVERDUE).earliest("bill_date")
    collecting.dispute(oldest, reason="Says that the visit was shorter.", by=desk, at=seeder.moment(-1, 16))


def close_days(seeder: "Seeder") -> None:
    """Close the last days on which somebody paid, one of them ten short; the latest is left to whoever opens the demo."""
    desk = seeder.people["receptionist"]
    days = day_close.missing_days(seeder.at)[:CLOSED_DAYS]
    for place, (day, currency) in enumerate(days):
        sheet = day_close.read_day(day, currency)
        counted = dict(sheet.expected)
        counted["cash"] = counted.get("cash", ZERO) + OPENING_FLOAT - (Decimal(10) if place == 0 else ZERO)
        day_close.close_day(
            day,
            counted=counted,
            opening_float=OPENING_FLOAT,
            reasons={"cash": "Change for the taxi of a patient."} if place == 0 else {},
            fingerprint=sheet.fingerprint,
            by=desk,
            at=datetime.combine(day, EVENING, tzinfo=ClinicSettings.load().zone),
        )
