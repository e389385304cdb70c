"""One change of a draft by a program: lines, notes and decisions about risk together, all or none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reports.models import Report
from reports.services.editing import apply_changes
from reports.services.risk import decide_risks
from synapse.accounts.models import User
from synapse.audit.services import unit_of_work


def revise_report(
    report: Report,
    *,
    changes: Sequence[Mapping[str, Any]],
    dispositions: Mapping[str, str],
    notes: str | None,
    by: User,
    at: datetime,
) -> Report:
    """Apply changes of lines as `apply_changes` takes them, then dispositions (risk statement id → disposition).

    Raises as `apply_changes` and `decide_risks`.
    """
    with unit_of_work():
        report = apply_changes(report, changes, notes=notes, by=by, at=at)
        if dispositions:
            report = decide_risks(report, dispositions, by=by, at=at)
    return report
