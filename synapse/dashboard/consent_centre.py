"""The consent centre: who lacks what before a visit, what ends soon, is out, was taken back, or rests on older words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from patients.consents.wording import outdated
from patients.models import Consent
from patients.queries import ConsentState
from scheduling.calendar.layout import day_bounds
from scheduling.models import Appointment
from synapse.dashboard.worklist.consents import (
    WORDS,
    consents_in_scope,
    end_of_next_working_day,
    expiring_consents,
    missing_states,
    refused_video_visits,
    visits_lacking,
)
from synapse.dashboard.worklist.core import Reader

TOMORROW, WEEK, VIDEO, EXPIRING, ASKED, WITHDRAWN, OLD = (
    *("tomorrow", "week", "video"),
    *("expiring", "asked", "withdrawn", "old"),
)
LABELS = {
    TOMORROW: "By tomorrow",
    WEEK: "Next 7 days",
    VIDEO: "Video refused",
    EXPIRING: "End soon",
    ASKED: "Asked by link",
    WITHDRAWN: "Taken back",
    OLD: "Older text",
}
LATELY = timedelta(days=30)
WEEK_DAYS = 7


@dataclass(frozen=True)
class Line:
    """One row of the centre: whose, why, and which questions a press would ask. `visit` or `consent` is what it is of.

    `to_send` are the questions of which no link is out, or all of them when each is out already.
    """

    patient_id: UUID
    name: str
    number: str
    what: str
    at: datetime | None
    kinds: list[str]
    to_send: list[str]
    visit: Appointment | None = None
    consent: Consent | None = None
    is_asked: bool = False
    has_failed: bool = False


def rows_of(reader: Reader, show: str) -> QuerySet[Any]:
    """Return what one view of the centre lists, the most urgent first."""
    if show == TOMORROW:
        return visits_lacking(reader, until=end_of_next_working_day(reader))
    if show == WEEK:
        last = reader.at.astimezone(reader.zone).date() + timedelta(days=WEEK_DAYS)
        return visits_lacking(reader, until=day_bounds(last, reader.zone)[1])
    if show == VIDEO:
        return refused_video_visits(reader)
    if show == EXPIRING:
        return expiring_consents(reader)
    rows = consents_in_scope(reader)
    if show == ASKED:
        waiting = rows.filter(status=Consent.Status.PENDING, expires_at__gt=reader.at)
        return waiting.prefetch_related("link").order_by("expires_at")
    if show == WITHDRAWN:
        lately = rows.filter(status=Consent.Status.WITHDRAWN, withdrawn_at__gte=reader.at - LATELY)
        return lately.order_by("-withdrawn_at")
    return rows.filter(outdated(reader.at)).order_by("given_at")


def count_all(reader: Reader) -> dict[str, int]:
    """Return how many rows each view has; one query each."""
    return {show: rows_of(reader, show).order_by().count() for show in LABELS}


def describe(rows: Sequence[Appointment | Consent], reader: Reader) -> list[Line]:
    """Turn a page of rows into lines with a fixed number of queries."""
    visits = [row for row in rows if isinstance(row, Appointment)]
    missing = missing_states(visits, reader.at)
    return [_of_visit(row, missing[row.pk]) if isinstance(row, Appointment) else _of_consent(row) for row in rows]


def _of_visit(visit: Appointment, missing: list[ConsentState]) -> Line:
    kinds = [state.kind for state in missing]
    asked = [state for state in missing if state.is_asked]
    return Line(
        patient_id=visit.patient.kept_id,
        name=visit.patient.full_name,
        number=visit.patient.patient_id,
        what=", ".join(map(_word, missing)) or WORDS[Consent.Kind.TELEHEALTH],
        at=visit.scheduled_at,
        kinds=kinds or [Consent.Kind.TELEHEALTH],
        to_send=[state.kind for state in missing if not state.is_asked] or kinds,
        visit=visit,
        is_asked=bool(asked) and len(asked) == len(missing),
    )


def _of_consent(row: Consent) -> Line:
    moments = {Consent.Status.WITHDRAWN: row.withdrawn_at, Consent.Status.PENDING: row.created_at}
    is_waiting = row.is_pending
    return Line(
        patient_id=row.patient.kept_id,
        name=row.patient.full_name,
        number=row.patient.patient_id,
        what=row.get_kind_display(),
        at=moments.get(Consent.Status(row.status), row.expires_at or row.given_at),
        kinds=[row.kind],
        to_send=[row.kind],
        consent=row,
        is_asked=is_waiting,
        has_failed=is_waiting and row.link.has_failed,
    )


def _word(state: ConsentState) -> str:
    return f"{WORDS[Consent.Kind(state.kind)]}{' (link is out)' if state.is_asked else ''}"
