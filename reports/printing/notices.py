"""What has to be seen before the text of a printed report: what it amends, what amends it, allergies."""

from collections.abc import Iterator
from dataclasses import dataclass

from reports.models import Report
from reports.printing import rendering
from reports.printing.loading import has_newer_signed, latest_amendment
from reports.versions.changes import changes_of


@dataclass(frozen=True)
class Notice:
    """A line that has to be seen before the text."""

    label: str
    text: str
    is_warning: bool = False


def notices_of(report: Report, *, is_shared: bool = False) -> Iterator[Notice]:
    """Yield them; outside an amendment says what it amends and when, but neither why nor the words it took away."""
    if report.amends and is_shared:
        yield Notice("Amended report:", f"it {_amendment_words(report).removesuffix(',')}.")
    elif report.amends:
        words = f"{_amendment_words(report)} because:"
        yield Notice(words[0].upper() + words[1:], "\n".join([report.amend_reason, *_change_lines(report)]))
    if report.is_signed:
        yield from _superseding(report, is_shared=is_shared)
    allergies = report.session.patient.allergy_list
    if allergies:
        yield Notice("Allergy:", ", ".join(allergies), is_warning=True)


def _amendment_words(report: Report) -> str:
    """Say which version a report amends and since when: `amends version 1, signed 14 October 2025, on 3 May 2026`."""
    amended = report.amends
    assert amended is not None
    signed = f", signed {rendering.long_date(amended.signed_at)}," if amended.signed_at else ""
    on = f" on {rendering.long_date(report.signed_at)}" if report.signed_at else ""
    return f"amends version {amended.version}{signed}{on}"


def _change_lines(report: Report) -> list[str]:
    """Return what an amendment changed, a line for each change."""
    changes = changes_of(report)
    return ["Changes:", *(f"– {change.words}" for change in changes)] if changes else []


def _superseding(report: Report, *, is_shared: bool) -> Iterator[Notice]:
    """Say on an older version that it was amended, when and why; outside, only that a newer one was signed."""
    amendment = latest_amendment(report)
    if amendment is not None and amendment.signed_at is not None and not is_shared:
        words = f"by version {amendment.version} on {rendering.long_date(amendment.signed_at)}, because: "
        yield Notice("Amended", f"{words}{amendment.amend_reason}", is_warning=True)
    elif has_newer_signed(report):
        yield Notice("Superseded:", "a newer version of this report was signed. Ask the clinic for it.")
