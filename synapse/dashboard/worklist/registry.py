"""The sources in the order of their urgency, and the worklist gathered from them in a fixed number of queries."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from scheduling.forms import current_zone
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.dashboard.models import SetAside
from synapse.dashboard.worklist import (
    accounts,
    claims,
    consents,
    dunning,
    emergencies,
    erasing,
    money,
    oversight,
    recordings,
    reports,
    rights,
    series,
    system,
    to_check,
    visits,
)
from synapse.dashboard.worklist.core import Act, Group, Reader, Row, Source, Worklist

SOURCES: tuple[Source, ...] = (
    emergencies.TO_REVIEW,
    emergencies.TO_KNOW,
    recordings.LEFT_OPEN,
    oversight.INCIDENTS,
    oversight.UNUSUAL,
    consents.MISSING,
    consents.BY_VIDEO,
    recordings.FAILED,
    reports.FAILED,
    recordings.SILENT,
    recordings.WITHOUT_SOUND,
    visits.ASKED,
    visits.UNREACHED,
    visits.OPEN,
    rights.RECORDS,
    rights.AMENDMENTS,
    reports.TO_SIGN,
    reports.TO_CO_SIGN,
    reports.RETURNED,
    reports.ADDENDA,
    money.UNBILLED,
    money.UNCODED,
    money.DRAFTS,
    to_check.REPORTED,
    claims.DENIED,
    dunning.LOST,
    dunning.UNDECIDED,
    dunning.DISPUTED,
    to_check.NEEDLESS_FEES,
    dunning.TO_PRINT,
    dunning.OVERDUE,
    claims.SILENT,
    accounts.OPEN_DAYS,
    accounts.CREDIT,
    consents.EXPIRING,
    series.ENDING,
    erasing.READY,
    erasing.DUE,
    oversight.AGREEMENTS,
    system.FAILED_WORK,
)
MOST_SHOWN = 30  # rows of one source on the page

SET_ASIDE = "set-aside"
TAKE_BACK = "take-back"


def sources_for(user: User) -> list[Source]:
    return [source for source in SOURCES if source.is_for(user)]


def find_source(name: str) -> Source | None:
    return next((source for source in SOURCES if source.name == name), None)


def waiting_rows(source: Source, reader: Reader) -> QuerySet[Any]:
    """Return a source's rows without those the person set aside."""
    rows = source.rows(reader)
    if not source.can_set_aside:
        return rows
    aside = SetAside.objects.filter(user=reader.user, source=source.name, object_id=OuterRef("pk"))
    return rows.filter(~Exists(aside))


def count_by_source(reader: Reader, sources: list[Source] | None = None) -> dict[str, int]:
    """Return how much waits in each source, in one query.

    The statements are put together as text: as columns of one queryset each would be resolved and copied three times,
    which costs more than all of them take to run.
    """
    chosen = sources_for(reader.user) if sources is None else sources
    names: list[str] = []
    statements: list[str] = []
    values: list[Any] = []
    for source in chosen:
        try:
            sql, params = waiting_rows(source, reader).order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            continue
        names.append(source.name)
        statements.append(f"(SELECT COUNT(*) FROM ({sql}) counted)")  # noqa: S608  the ORM wrote it
        values.extend(params)
    counts = dict.fromkeys((source.name for source in chosen), 0)
    if names:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(statements)}", values)
            counts.update(zip(names, cursor.fetchone(), strict=True))
    return counts


def count_waiting(user: User) -> int:
    """Return the number beside the worklist in the navigation."""
    return sum(count_by_source(Reader(user, timezone.now(), current_zone())).values())


def read_worklist(
    reader: Reader, *, most: int = MOST_SHOWN, only: Callable[[Source], bool] = lambda source: True
) -> Worklist:
    """Gather what waits, grouped, the most urgent group first; `most` rows of each."""
    sources = [source for source in sources_for(reader.user) if only(source)]
    counts = count_by_source(reader, sources)
    groups = []
    for source in sources:
        if counts[source.name]:
            waiting = list(waiting_rows(source, reader)[:most])
            items = [Row(item, _acts_of(source, item.acts)) for item in source.describe(waiting, reader)]
            groups.append(Group(source, items, counts[source.name]))
    return Worklist(groups)


def _acts_of(source: Source, names: tuple[str, ...]) -> list[Act]:
    acts = [act for name in names if (act := source.act(name)) is not None]
    return [*acts, ASIDE] if source.can_set_aside else acts


def find_act(source: Source, name: str) -> Act | None:
    """Return what the address names: an act of the source, or setting aside and taking that back."""
    if name in (SET_ASIDE, TAKE_BACK):
        return {SET_ASIDE: ASIDE, TAKE_BACK: BACK}[name] if source.can_set_aside else None
    return source.act(name)


def find_row(source: Source, act: Act, pk: UUID, reader: Reader) -> Any | None:
    """Return the row an act is for, in the person's scope; what is off the list can only be taken back."""
    if act is BACK:
        rows = source.rows(reader)
    elif not act.is_offered and source.before_undo is not None:
        rows = source.before_undo(reader)
    else:
        rows = waiting_rows(source, reader)
    return rows.filter(pk=pk).first()


def perform(source: Source, act: Act, row: Any, *, by: User, at: datetime) -> None:
    """Do to a row what its act says. Raises the service's DomainErrors."""
    if act is ASIDE or act is BACK:
        _set_aside(source, row, is_aside=act is ASIDE, by=by)
    else:
        act.run(row, by=by, at=at)


def _set_aside(source: Source, row: Any, *, is_aside: bool, by: User) -> None:
    with unit_of_work():
        names = {"user": by, "source": source.name, "object_id": row.pk}
        if is_aside:
            SetAside.objects.get_or_create(**names)
        else:
            SetAside.objects.filter(**names).delete()
        detail = {"verb": SET_ASIDE if is_aside else TAKE_BACK, "source": source.name}
        record(Action.UPDATE, by=by, target=row, detail=detail)


ASIDE = Act(SET_ASIDE, "Set aside", "x", "archive", _set_aside, "Set aside.", undone_by=TAKE_BACK)
BACK = Act(TAKE_BACK, "Undo", "", "arrow-back-up", _set_aside, "It is back on the list.", is_offered=False)
