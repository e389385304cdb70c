"""The patient's summary as it is printed and shown behind a link."""

from dataclasses import dataclass

from reports import permissions
from reports.models import PatientSummary
from reports.printing import rendering
from reports.printing.printed import Fact
from reports.printing.rendering import Header
from reports.summaries import summary
from synapse.accounts.models import ClinicSettings

TITLE = "Your visit in plain words"


@dataclass(frozen=True)
class PrintedSummary:
    """Everything a printed summary says, in order."""

    title: str
    header: Header
    facts: list[Fact]
    parts: list[tuple[str, list[str]]]
    crisis_line: str
    closing: str
    footer: str
    is_ticked: bool
    has_newer_version: bool


def printed_summary(stored: PatientSummary) -> PrintedSummary:
    """Return a summary as it is printed."""
    report = stored.report
    session = report.session
    header = rendering.header_of(session.doctor)
    return PrintedSummary(
        title=TITLE,
        header=header,
        facts=[Fact("For", session.patient.full_name), Fact("Seen", rendering.seen(session))],
        parts=[(title, [line["text"] for line in lines]) for title, lines in summary.by_part(stored.lines)],
        crisis_line=ClinicSettings.load().crisis_line.strip(),
        closing=(
            f"This summary was checked by {header.practitioner}. It is no full report. If something is not right or "
            "not clear, please ask."
        ),
        footer=f"{session.patient.full_name} · {session.session_id} · confidential",
        is_ticked=stored.ticked_at is not None,
        has_newer_version=permissions.has_newer_signed_version(report),
    )
