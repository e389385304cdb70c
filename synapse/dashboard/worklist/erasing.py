"""Records to be erased: asked for and ready to be carried out, or past their time of keeping."""

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet
from django.urls import reverse

from patients.models import Patient
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Item, Reader, Source
from synapse.dashboard.worklist.words import joined, when
from synapse.erasure import queries
from synapse.erasure.models import Erasure


def _ready(reader: Reader) -> QuerySet[Erasure]:
    return queries.ready_erasures(reader.user, reader.at)


def _describe_ready(rows: Sequence[Erasure], reader: Reader) -> Iterable[Item]:
    for row in rows:
        yield Item(
            pk=row.pk,
            title=row.patient.full_name,
            text=joined(
                row.patient.patient_id, f"asked for {when(row.requested_at, reader)}", row.get_asked_by_display()
            ),
            link=reverse("erasure:patient", args=[row.patient_id]),
            link_label="Open",
            patient_id=row.patient_id,
        )


def _due(reader: Reader) -> QuerySet[Patient]:
    return queries.due_records(reader.user)


def _describe_due(rows: Sequence[Patient], reader: Reader) -> Iterable[Item]:
    for row in rows:
        seen = f"last seen {when(row.last_seen_at, reader)}" if row.last_seen_at else ""
        yield Item(
            pk=row.pk,
            title=row.full_name,
            text=joined(row.patient_id, seen, "the time of keeping is over"),
            link=reverse("erasure:patient", args=[row.pk]),
            link_label="Open",
            patient_id=row.pk,
        )


READY = Source(
    name="erasures-ready",
    title="Records to be erased",
    icon="trash",
    permissions=(Permission.ERASE_PATIENTS,),
    rows=_ready,
    describe=_describe_ready,
)
DUE = Source(
    name="erasures-due",
    title="Records past their time of keeping",
    icon="archive",
    permissions=(Permission.ERASE_PATIENTS,),
    rows=_due,
    describe=_describe_due,
    can_set_aside=True,
)
