"""The card of a bill's payment link."""

from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing.ledger import owing
from billing.models import Bill, PaymentLink
from billing.money import ZERO
from billing.payment_links import open_links
from billing.payment_links.providers import is_offered
from synapse.accounts.models import User
from synapse.accounts.roles import Permission


def payment_link_context(bill: Bill, user: User) -> dict[str, Any]:
    """Return the open link, what a person has to look at, and whether a link can be made."""
    links = list(PaymentLink.objects.filter(bill=bill).order_by("-created_at"))
    if not links and not is_offered():
        return {}
    at = timezone.now()
    owed = owing.split_one(bill).patient_owes
    link = next((each for each in links if each.status == PaymentLink.Status.OPEN and each.url), None)
    may_work = user.may(Permission.RECORD_PAYMENTS)
    return {
        "payment_link": link,
        "payment_link_is_current": link is not None and open_links.is_current(link, bill, owed=owed, at=at),
        "payment_link_problems": [(each, reported_amount(each)) for each in links if each.problem],
        "can_make_payment_link": may_work and is_offered() and bill.is_open and owed > ZERO,
        "may_change_payment_link": may_work,
        "shows_payment_link": bool(link or (is_offered() and bill.is_open) or any(each.problem for each in links)),
    }


def reported_amount(link: PaymentLink) -> tuple[Decimal, str] | None:
    """Return the money a provider reported that was not booked."""
    amount = link.reported.get("amount")
    return (Decimal(amount), link.reported["currency"]) if amount else None
