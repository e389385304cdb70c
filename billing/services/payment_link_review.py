"""Have the open payment link of a changed bill looked at, once the change is committed."""

from billing.models import Bill, PaymentLink
from synapse.common import jobs

TASK = "billing.payment_link_tasks.review_link"


def ask_for_review(bill: Bill) -> None:
    """Queue a look at the bill's open link, where it has one, in the caller's transaction."""
    if PaymentLink.objects.filter(bill=bill, status=PaymentLink.Status.OPEN).exists() and not jobs.is_waiting(
        TASK, bill.pk
    ):
        jobs.enqueue(TASK, bill.pk)
