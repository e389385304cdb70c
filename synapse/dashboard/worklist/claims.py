"""Claims an insurer denied, and claims nobody answered."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.urls import reverse

from billing.models import Bill, Claim
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Item, Reader, Source
from synapse.dashboard.worklist.money import own
from synapse.dashboard.worklist.words import DOCTOR, PATIENT, columns, joined, since, whose

# Insurers in India answer within 30 days by their regulator's rule; US plans mostly within 30 days of an electronic claim.
UNANSWERED = timedelta(days=30)

Status = Claim.Status


def _claims(reader: Reader) -> QuerySet[Claim]:
    named = ("control_number", "status", "sent_at", "denied_at", "accepted_at", "payer__name", "bill__bill_number")
    return (
        Claim.objects.visible_to(reader.user)
        .filter(own(reader, "bill__doctor"), bill__status__in=Bill.OPEN)
        .select_related("bill__patient", "bill__doctor", "payer")
        .only(*named, *columns("bill__patient", PATIENT), *columns("bill__doctor", DOCTOR))
    )


def _denied(reader: Reader) -> QuerySet[Claim]:
    return _claims(reader).filter(status=Status.DENIED, replaced_by=None).order_by("denied_at")


def _silent(reader: Reader) -> QuerySet[Claim]:
    long_ago = reader.at - UNANSWERED
    return _claims(reader).filter(status__in=Claim.WAITING, sent_at__lt=long_ago).order_by("sent_at")


def _describe(rows: Sequence[Claim], reader: Reader) -> Iterable[Item]:
    for row in rows:
        is_denied = row.status == Status.DENIED
        state = f"denied {_ago(row.denied_at, reader)}" if is_denied else f"sent {_ago(row.sent_at, reader)}, no answer"
        yield Item(
            pk=row.pk,
            title=row.bill.patient.full_name,
            text=joined(row.bill.bill_number, row.payer.name, row.control_number, state),
            who=whose(row.bill.doctor, reader),
            link=reverse("billing:detail", args=[row.bill_id]),
            link_label="Correct and send again" if is_denied else "Ask the insurer",
            patient_id=row.bill.patient_id,
        )


def _ago(moment: datetime | None, reader: Reader) -> str:
    if moment is None:
        return ""
    return since(moment, reader).replace("old", "ago") or "today"


DENIED = Source(
    name="denied-claims",
    title="Claims denied",
    one="Claim denied",
    icon="receipt-2",
    permissions=(Permission.VIEW_BILLS, Permission.RECORD_PAYMENTS),
    rows=_denied,
    describe=_describe,
    can_set_aside=True,
    needs_attention=True,
)
SILENT = Source(
    name="silent-claims",
    title="Claims without an answer",
    icon="clock",
    permissions=(Permission.VIEW_BILLS, Permission.RECORD_PAYMENTS),
    rows=_silent,
    describe=_describe,
    can_set_aside=True,
)
