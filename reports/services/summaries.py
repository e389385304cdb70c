"""The patient's summary in plain words: begun from a signed report, changed line by line, ticked by the clinician.

Nothing enters but sentences of the report and what the clinician types. Every change takes the tick away.
"""

from collections.abc import Callable
from datetime import datetime

from reports import permissions
from reports.models import PatientSummary, Report
from reports.services.sealing import require_whole
from reports.services.store import StaleRevision
from reports.summaries import summary
from reports.summaries.summary import OWN, SummaryLine
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError

LONGEST_LINE = 600
MOST_LINES = 200

Change = Callable[[list[SummaryLine]], list[SummaryLine]]


class UnusableLine(DomainError):
    """A line that cannot be kept like this."""

    code = "unusable_line"


def begin_summary(report: Report, *, by: User, at: datetime) -> PatientSummary:
    """Return the report's summary; the first time, make it from what may be said without a second look.

    Raises NotAllowed, Conflict and SealBroken.
    """
    _check(report, by)
    existing = PatientSummary.objects.filter(report=report).first()
    if existing is not None:
        return existing
    lines = summary.first_lines(report)
    with unit_of_work():
        begun, is_new = PatientSummary.objects.get_or_create(
            report=report, defaults={"lines": lines, "reading_grade": summary.reading_of(lines).grade}
        )
        if is_new:
            _record(begun, Action.CREATE, "begin_summary", by=by)
    return begun


def change_line(
    begun: PatientSummary, line_id: str, text: str, *, by: User, at: datetime, revision: int | None = None
) -> PatientSummary:
    """Reword a line; it is the clinician's then and keeps its sources. Raises UnusableLine and StaleRevision."""
    text = _checked(text)

    def change(lines: list[SummaryLine]) -> list[SummaryLine]:
        line = _find(lines, line_id)
        if line["text"] != text:
            line["text"], line["origin"] = text, "doctor"
        return lines

    return _change(begun, change, verb="change_line", by=by, at=at, revision=revision)


def leave_out(
    begun: PatientSummary, line_id: str, *, by: User, at: datetime, revision: int | None = None
) -> PatientSummary:
    """Take a line out; a sentence of the report is offered again."""

    def change(lines: list[SummaryLine]) -> list[SummaryLine]:
        lines.remove(_find(lines, line_id))
        return lines

    return _change(begun, change, verb="leave_out", by=by, at=at, revision=revision)


def take_in(
    begun: PatientSummary, sentence_id: str, *, by: User, at: datetime, revision: int | None = None
) -> PatientSummary:
    """Take a sentence of the report in, in plain words. Raises UnusableLine when it is in it or not in the report."""

    def change(lines: list[SummaryLine]) -> list[SummaryLine]:
        offers = {offer.sentence_id: offer for offer in summary.offers_of(begun.report, lines)}
        if sentence_id not in offers:
            raise UnusableLine("This sentence is in the summary already, or not in the report.")
        line = offers[sentence_id].line
        line["id"] = _new_id(lines, sentence_id)
        return [*lines, line]

    return _change(begun, change, verb="take_in", by=by, at=at, revision=revision)


def add_line(
    begun: PatientSummary, text: str, *, by: User, at: datetime, revision: int | None = None
) -> PatientSummary:
    """Add a line the clinician typed: it has no source and says so on the page."""
    text = _checked(text)

    def change(lines: list[SummaryLine]) -> list[SummaryLine]:
        return [*lines, SummaryLine(id=_new_id(lines, "own"), text=text, sources=[], origin="doctor", part=OWN)]

    return _change(begun, change, verb="add_line", by=by, at=at, revision=revision)


def tick_summary(begun: PatientSummary, *, by: User, at: datetime, revision: int | None = None) -> PatientSummary:
    """Say that every line was read and may be shared. Raises NotAllowed, Conflict, SealBroken and StaleRevision."""
    _check(begun.report, by)
    with unit_of_work():
        locked = _locked(begun, revision)
        if not locked.lines:
            raise Conflict("The summary is empty. Take a sentence in or write a line.", code="summary_empty")
        locked.ticked_by, locked.ticked_at = by, at
        locked.save(update_fields=["ticked_by", "ticked_at", "updated_at"])
        _record(locked, Action.UPDATE, "tick_summary", by=by)
    return locked


def _check(report: Report, by: User) -> None:
    """Raise unless this person may share the report and it is as it was signed: its sentences are shown and taken in."""
    permissions.check_can_share(by, report)
    require_whole(report, by=by)


def _change(
    begun: PatientSummary, change: Change, *, verb: str, by: User, at: datetime, revision: int | None
) -> PatientSummary:
    _check(begun.report, by)
    with unit_of_work():
        locked = _locked(begun, revision)
        lines = summary.in_order(change(locked.lines))
        if len(lines) > MOST_LINES:
            raise UnusableLine(f"A summary has at most {MOST_LINES} lines.")
        locked.lines, locked.reading_grade = lines, summary.reading_of(lines).grade
        locked.revision += 1
        locked.ticked_by = locked.ticked_at = None
        locked.save(update_fields=["lines", "reading_grade", "revision", "ticked_by", "ticked_at", "updated_at"])
        _record(locked, Action.UPDATE, verb, by=by)
    return locked


def _locked(begun: PatientSummary, revision: int | None) -> PatientSummary:
    rows = PatientSummary.objects.select_for_update(of=("self",)).select_related("report__session__patient")
    locked = rows.get(pk=begun.pk)
    if revision is not None and revision != locked.revision:
        raise StaleRevision
    return locked


def _find(lines: list[SummaryLine], line_id: str) -> SummaryLine:
    line = next((line for line in lines if line["id"] == line_id), None)
    if line is None:
        raise UnusableLine("This line is not in the summary any more. Load the page again.")
    return line


def _new_id(lines: list[SummaryLine], wanted: str) -> str:
    taken = {line["id"] for line in lines}
    return next(name for name in (wanted, *(f"{wanted}-{n}" for n in range(2, MOST_LINES + 2))) if name not in taken)


def _checked(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise UnusableLine("Write the line, or leave it out.")
    if len(text) > LONGEST_LINE:
        raise UnusableLine(f"A line has at most {LONGEST_LINE} characters.")
    return text


def _record(begun: PatientSummary, action: Action, verb: str, *, by: User) -> None:
    report = begun.report
    detail = {"verb": verb, "summary": str(begun.pk)}
    record(action, by=by, target=report, patient_id=report.session.patient_id, detail=detail)
