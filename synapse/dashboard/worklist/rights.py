"""Patients' requests that have a clock: for their whole record, and for a correction in it."""

from collections.abc import Iterable, Sequence
from datetime import date

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format

from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Item, Reader, Source
from synapse.dashboard.worklist.words import PATIENT, columns, joined
from synapse.records.models import AccessRequest, AmendmentRequest


def _records(reader: Reader) -> QuerySet[AccessRequest]:
    return (
        AccessRequest.objects.visible_to(reader.user)
        .filter(status=AccessRequest.Status.OPEN)
        .select_related("patient")
        .only("due_on", "asked_by", *columns("patient", PATIENT))
        .order_by("due_on")
    )


def _describe_records(rows: Sequence[AccessRequest], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.patient.full_name,
            text=joined(f"Asked for by {row.get_asked_by_display().lower()}", _due(row.due_on, reader)),
            link=reverse("record_requests:detail", args=[row.pk]),
            link_label="Answer",
            patient_id=row.patient_id,
        )


def _amendments(reader: Reader) -> QuerySet[AmendmentRequest]:
    return (
        AmendmentRequest.objects.all()
        .to_decide_by(reader.user)
        .select_related("patient")
        .only("due_on", *columns("patient", PATIENT))
        .order_by("due_on")
    )


def _describe_amendments(rows: Sequence[AmendmentRequest], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.patient.full_name,
            text=joined("Wants something corrected", _due(row.due_on, reader)),
            link=reverse("amendments:detail", args=[row.pk]),
            link_label="Decide",
            patient_id=row.patient_id,
        )


def _due(due_on: date, reader: Reader) -> str:
    left = (due_on - reader.at.astimezone(reader.zone).date()).days
    if left < 0:
        return f"{-left} day{'' if left == -1 else 's'} late"
    return "due today" if left == 0 else f"due {date_format(due_on, 'j M')}"


RECORDS = Source(
    name="record-requests",
    title="Records asked for",
    one="Record asked for",
    icon="file-text",
    permissions=(Permission.EXPORT_RECORDS,),
    rows=_records,
    describe=_describe_records,
    needs_attention=True,
)
AMENDMENTS = Source(
    name="amendments",
    title="Corrections asked for",
    one="Correction asked for",
    icon="pencil",
    permissions=(Permission.DECIDE_AMENDMENTS,),
    rows=_amendments,
    describe=_describe_amendments,
    needs_attention=True,
)
