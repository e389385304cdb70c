"""The payment link of a bill that is open now, and where it is paid."""

from datetime import datetime
from decimal import Decimal

from billing.ledger import owing
from billing.models import Bill, PaymentLink


def open_link(bill: Bill) -> PaymentLink | None:
    """Return the open link of a bill."""
    return PaymentLink.objects.filter(bill=bill, status=PaymentLink.Status.OPEN).first()


def address_to_pay(bill: Bill, *, at: datetime) -> str:
    """Return where a patient can pay what they owe of a bill, or nothing."""
    link = open_link(bill)
    if link is None or not is_current(link, bill, owed=owing.split_one(bill).patient_owes, at=at):
        return ""
    return link.url


def is_current(link: PaymentLink, bill: Bill, *, owed: Decimal, at: datetime) -> bool:
    """Tell whether a link asks for what is owed and is not over."""
    is_over = link.expires_at is not None and link.expires_at <= at
    return bill.is_open and owed == link.amount and not is_over
