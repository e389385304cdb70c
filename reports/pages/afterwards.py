"""What the page of a report shows of the time after its signature: amendments, addenda, a supervisor's signature."""

from dataclasses import dataclass

from reports import permissions
from reports.models import Addendum, CoSignature, Report
from reports.sealing import seals
from reports.sealing.seals import PrintedSeal
from reports.versions.changes import Change, changes_of
from synapse.accounts.models import User


@dataclass(frozen=True)
class Afterwards:
    """What followed a report, and what this person may add."""

    seal: PrintedSeal | None
    changes: list[Change]
    amended_by: Report | None
    addenda: list[Addendum]
    own_draft: Addendum | None
    co_signature: CoSignature | None
    returned: CoSignature | None
    can_add: bool
    can_ask: bool
    can_withdraw: bool


def after_view(report: Report, user: User) -> Afterwards:
    """Return what followed a draft or a signed report as this person sees it."""
    latest = _latest_co_signature(report)
    return Afterwards(
        seal=seals.seal_of(report),
        changes=changes_of(report),
        amended_by=report.amendments.select_related("signed_by").order_by("-version").first(),
        addenda=list(report.addenda.signed()),
        own_draft=report.addenda.filter(author=user, status=Addendum.Status.DRAFT).first(),
        co_signature=latest,
        returned=_returned(report, latest),
        can_add=permissions.can_add(user, report),
        can_ask=permissions.can_ask_co_signature(user, report),
        can_withdraw=latest is not None and permissions.can_withdraw(user, latest),
    )


def _latest_co_signature(report: Report) -> CoSignature | None:
    asked = report.co_signatures.select_related("supervisor", "requested_by", "report")
    return asked.exclude(status=CoSignature.Status.WITHDRAWN).order_by("-requested_at").first()


def _returned(report: Report, latest: CoSignature | None) -> CoSignature | None:
    """Return why a supervisor gave this report back, or the version this one amends for that."""
    if latest is None and report.amends is not None:
        latest = _latest_co_signature(report.amends)
    return latest if latest is not None and latest.is_returned else None
