"""Bills for tests, drafted from a completed session and walked to their state."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing.models import Bill, FeeScheduleItem, Payment
from billing.money import ZERO, Line
from billing.services import collecting, corrections, drafting, editing, issuing, payments
from patients.models import Patient
from patients.tests.factories import make_patient
from sessions_app import services as sessions
from synapse.accounts.models import User

Status = Bill.Status


def make_fee(
    session_type: str = "followup", minimum_minutes: int = 0, unit_price: str = "2000", **fields: object
) -> FeeScheduleItem:
    """Put a price on the fee schedule."""
    values = {
        "description": f"Visit from {minimum_minutes} min",
        "cpt_code": "90834",
        "currency": "INR",
        "valid_from": datetime(2020, 1, 1).date(),
        **fields,
    }
    return FeeScheduleItem.objects.create(
        session_type=session_type, minimum_minutes=minimum_minutes, unit_price=Decimal(unit_price), **values
    )


def pay(bill: Bill, amount: Decimal | str, *, by: User, at: datetime, **fields: Any) -> Payment:
    """Take cash for one bill."""
    return payments.record_payment(bill, amount=Decimal(amount), method="cash", by=by, at=at, **fields)


def make_bill(
    doctor: User,
    *,
    patient: Patient | None = None,
    status: str = Status.PENDING,
    total: str | None = "1000.00",
    minutes: int = 45,
    at: datetime | None = None,
) -> Bill:
    """Draft the bill of a session that ended at `at`; with `total` it has one line of that price, else the schedule's.

    `at` is also when it is sent, paid in part (a quarter), paid, refunded or cancelled; an overdue bill was due then.
    """
    at = at or timezone.now()
    moment = at - timedelta(days=15) if status == Status.OVERDUE else at
    patient = patient or make_patient(doctor=doctor)
    session = sessions.start_session(patient, by=doctor, at=moment - timedelta(minutes=minutes), with_recording=False)
    sessions.complete_session(session, by=doctor, at=moment)
    bill = drafting.draft_bill_for_session(session, by=doctor, at=moment)
    if total is not None:
        editing.edit_lines(
            bill,
            lines=[Line("Psychotherapy", Decimal(total), cpt_code="90834")],
            discount=ZERO,
            tax_rate=ZERO,
            by=doctor,
            at=moment,
        )
    _walk(bill, status, doctor, moment, at)
    return bill


def _walk(bill: Bill, status: str, doctor: User, moment: datetime, at: datetime) -> None:
    if status == Status.CANCELLED:
        corrections.cancel_bill(bill, reason="Made twice", by=doctor, at=moment)
    if status in (Status.SENT, Status.OVERDUE):
        issuing.send_bill(bill, by=doctor, at=moment)
    if status == Status.OVERDUE:
        collecting.mark_overdue(at)
        bill.refresh_from_db()
    if status == Status.PARTIALLY_PAID:
        payments.record_payment(bill, amount=bill.total_amount / 4, method="upi", by=doctor, at=moment)
    if status in (Status.PAID, Status.REFUNDED):
        payments.record_payment(bill, amount=bill.total_amount, method="cash", by=doctor, at=moment)
    if status == Status.REFUNDED:
        corrections.refund_payment(bill, amount=bill.total_amount, reason="Charged twice", by=doctor, at=moment)
