"""Series about to end: go on with them, or say that this was all."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse

from scheduling.models import AppointmentSeries
from scheduling.series.queries import list_series_ending
from scheduling.services import series_extension as extension
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.dashboard.worklist.core import Act, Item, Reader, Source
from synapse.dashboard.worklist.words import joined, when, whose

MORE_VISITS = 4


def _ending(reader: Reader) -> QuerySet[AppointmentSeries]:
    return list_series_ending(reader.user, reader.at)


def _describe(rows: Sequence[AppointmentSeries], reader: Reader) -> Iterable[Item]:
    for row in rows:
        left: int = row.visits_left  # type: ignore[attr-defined]  # annotated by the query
        last: datetime = row.last_visit_at  # type: ignore[attr-defined]
        count = f"{left} visit{'' if left == 1 else 's'} left" if left else "no visit left"
        yield Item(
            pk=row.pk,
            title=row.patient.full_name,
            text=joined(count, f"last visit {when(last, reader)}"),
            who=whose(row.doctor, reader),
            link=f"{reverse('scheduling:calendar')}?day={last.astimezone(reader.zone).date().isoformat()}",
            link_label="Calendar",
            patient_id=row.patient_id,
            acts=("extend", "let-end"),
        )


def _extend(row: AppointmentSeries, *, by: User, at: datetime) -> None:
    extension.extend_series(row, count=MORE_VISITS, by=by, at=at)


def _let_end(row: AppointmentSeries, *, by: User, at: datetime) -> None:
    extension.let_series_end(row, by=by, at=at)


ENDING = Source(
    name="series",
    title="Series about to end",
    icon="repeat",
    permissions=(Permission.VIEW_CALENDAR,),
    rows=_ending,
    describe=_describe,
    acts=(
        Act("extend", f"{MORE_VISITS} more visits", "a", "plus", _extend, f"{MORE_VISITS} more visits are booked."),
        Act("let-end", "That was all", "l", "check", _let_end, "The series ends with its last visit."),
    ),
)
