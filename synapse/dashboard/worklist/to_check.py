"""Money that may be wrong: what a payment link brought, and the fee of a visit that takes place after all."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse

from billing.models import Bill, PaymentLink
from billing.money import format_money
from billing.services import missed, payment_links
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Act, Item, Reader, Source
from synapse.dashboard.worklist.money import bill_item, listed, own
from synapse.dashboard.worklist.words import DOCTOR, PATIENT, columns, joined, whose

WORK = (Permission.VIEW_BILLS, Permission.RECORD_PAYMENTS)


def _reported(reader: Reader) -> QuerySet[PaymentLink]:
    """Return links whose money nobody looked at yet."""
    return (
        PaymentLink.objects.exclude(problem="")
        .filter(own(reader, "bill__doctor"), bill__in=Bill.objects.visible_to(reader.user))
        .select_related("bill__patient", "bill__doctor")
        .only(
            *("problem", "updated_at", "bill__bill_number"),
            *columns("bill__patient", PATIENT),
            *columns("bill__doctor", DOCTOR),
        )
        .order_by("updated_at")
    )


def _describe_reported(rows: Sequence[PaymentLink], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.bill.patient.full_name,
            text=joined(row.bill.bill_number, row.get_problem_display()),
            who=whose(row.bill.doctor, reader),
            link=reverse("billing:detail", args=[row.bill_id]),
            link_label="Open",
            patient_id=row.bill.patient_id,
            acts=("seen",),
        )


def _seen(row: PaymentLink, *, by: User, at: datetime) -> None:
    payment_links.settle_problem(PaymentLink.objects.select_related("bill").get(pk=row.pk), by=by, at=at)


def _needless(reader: Reader) -> QuerySet[Bill]:
    return listed(reader, *missed.ISSUED).filter(missed.takes_place_after_all()).order_by("created_at")


def _describe_needless(rows: Sequence[Bill], reader: Reader) -> Iterable[Item]:
    for row in rows:
        state = "paid" if row.status == Bill.Status.PAID else "sent"
        amount = format_money(row.total_amount, row.currency)
        text = joined(row.bill_number, f"{amount}, {state}", "the visit takes place after all")
        yield bill_item(row, text, reader, label="Look at the fee")


REPORTED = Source(
    name="payment-links",
    title="Payment links to look at",
    one="Payment link to look at",
    icon="link",
    permissions=WORK,
    rows=_reported,
    describe=_describe_reported,
    acts=(Act("seen", "Seen", "y", "check", _seen, "Noted that somebody looked at it."),),
    needs_attention=True,
)
NEEDLESS_FEES = Source(
    name="needless-fees",
    title="Fees of visits that take place after all",
    icon="receipt-refund",
    permissions=WORK,
    rows=_needless,
    describe=_describe_needless,
    can_set_aside=True,
)
