"""Background work that was given up. What a session's words or report need is told by their own sources."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common import jobs
from synapse.common.models import Job
from synapse.dashboard.worklist.core import Act, Item, Reader, Source
from synapse.dashboard.worklist.words import joined, when

# Their objects have a state of their own, which is retried there.
ELSEWHERE = ("sessions_app.tasks.transcribe", "reports.tasks.generate")


def _failed(reader: Reader) -> QuerySet[Job]:
    later = Job.objects.filter(
        kind=OuterRef("kind"), object_id=OuterRef("object_id"), created_at__gt=OuterRef("created_at")
    )
    given_up = Job.objects.filter(state__in=[Job.State.FAILED, Job.State.DEAD]).exclude(kind__in=ELSEWHERE)
    return given_up.filter(~Exists(later)).order_by("-finished_at")


def _describe(rows: Sequence[Job], reader: Reader) -> Iterable[Item]:
    for row in rows:
        ended = when(row.finished_at, reader) if row.finished_at else ""
        yield Item(
            pk=row.pk,
            title=row.kind.replace(".tasks.", ": ").replace("_", " "),
            text=joined(row.error_code, f"{row.attempts} starts", ended),
            link=reverse("dashboard:system"),
            link_label="System",
            patient_id=None,
            acts=("again",),
        )


def _again(row: Job, *, by: User, at: datetime) -> None:
    with unit_of_work():
        jobs.start_again(row, at=at)
        record(Action.ADMINISTER, by=by, target=row, detail={"verb": "start_again", "kind": row.kind})


FAILED_WORK = Source(
    name="failed-work",
    title="Background work that failed",
    icon="activity",
    permissions=(Permission.VIEW_SYSTEM,),
    rows=_failed,
    describe=_describe,
    acts=(Act("again", "Start again", "r", "refresh", _again, "It starts again in a moment."),),
    can_set_aside=True,
    needs_attention=True,
)
