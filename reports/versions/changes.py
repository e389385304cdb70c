"""What an amendment changed in the signed version it amends, line by line, for its page and its print."""

from dataclasses import dataclass

from reports.content import Section
from reports.models import Report
from reports.sealing import signing
from reports.versions.comparing import compare
from sessions_app.transcripts import wording


@dataclass(frozen=True)
class Change:
    """One line that came, went, moved, or says something else; an empty side is the missing one."""

    section: str
    before: str
    after: str
    moved_from: str = ""

    @property
    def parts(self) -> list[wording.Part]:
        """Return both wordings with what went and what came marked."""
        return wording.around_changes(wording.compare(self.before, self.after), context=6)

    @property
    def words(self) -> str:
        """Say the change in one printed sentence."""
        if not self.before:
            return f"{self.section}: added “{self.after}”"
        if not self.after:
            return f"{self.section}: removed “{self.before}”"
        moved = f", moved here from {self.moved_from}" if self.moved_from else ""
        if self.before == self.after:
            return f"{self.section}: “{self.after}”{moved}"
        return f"{self.section}: “{self.before}” became “{self.after}”{moved}"


def changes_of(report: Report) -> list[Change]:
    """Return what an amendment changed in the version it amends; nothing once either was erased, or is not whole."""
    if report.amends is None or report.amends.erased_at is not None or report.erased_at is not None:
        return []
    if signing.verify(report.amends) is not signing.Seal.WHOLE:
        return []
    return changes_between(report.amends.structured_data, report.structured_data)


def changes_between(before: list[Section], after: list[Section]) -> list[Change]:
    """Return the changed lines of one version against another, in the order of the newer one."""
    return [
        Change(block.title, pair.left, pair.right, pair.moved_from)
        for block in compare(before, after)
        for pair in block.pairs
        if pair.moved_from or not pair.is_same
    ]
