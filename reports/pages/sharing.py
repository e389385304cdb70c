"""What the pages of sharing show: links with their state, the summary with how hard each line is."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from patients.models import Patient
from reports import permissions
from reports.models import PatientSummary, Report, ReportShare, ShareOpening
from reports.services.sharing import MOST_WRONG_PINS
from reports.summaries import summary
from reports.summaries.reading import Reading, read_text
from reports.summaries.summary import Proposal
from synapse.accounts.models import User


@dataclass(frozen=True)
class ShareView:
    """A link as the clinician sees it; `kind` and `icon` draw its state."""

    share: ReportShare
    words: str
    kind: str
    icon: str
    openings: list[ShareOpening]
    can_end: bool
    is_superseded: bool

    @property
    def document(self) -> str:
        return self.share.get_document_display()


@dataclass(frozen=True)
class SummaryLineView:
    """A line to read, change or leave out."""

    id: str
    text: str
    originals: list[str]
    is_own: bool
    reading: Reading


@dataclass(frozen=True)
class SummaryView:
    """The summary on its page."""

    stored: PatientSummary
    parts: list[tuple[str, list[SummaryLineView]]]
    offers: list[Proposal]
    reading: Reading

    @property
    def is_ticked(self) -> bool:
        return self.stored.ticked_at is not None


def share_views(shares: QuerySet[ReportShare], *, at: datetime) -> list[ShareView]:
    """Return links, the newest first."""
    rows = shares.select_related("report__session", "shared_by").prefetch_related("openings").order_by("-created_at")
    return [_share_view(share, at) for share in rows]


def shares_of_patient(user: User, patient: Patient, *, at: datetime) -> list[ShareView]:
    return share_views(
        ReportShare.objects.visible_to(user).filter(report__session__patient__in=patient.records()), at=at
    )


def handed_over(patient: Patient) -> QuerySet[ReportShare]:
    """Return what was shared with a patient and not ended: reception may print it."""
    shares = ReportShare.objects.to_hand_over().filter(report__session__patient__in=patient.records())
    return shares.select_related("report__session", "shared_by").order_by("-created_at")


def report_states(patient: Patient) -> QuerySet[Report]:
    """Return the newest version of each report for who may know only that it is there and signed or not."""
    from reports.queries import latest_versions

    reports = latest_versions(Report.objects.filter(session__patient__in=patient.records(), erased_at=None))
    return reports.select_related("session__doctor").order_by("-session__started_at")


def summary_view(stored: PatientSummary) -> SummaryView:
    """Return a summary with what is offered besides it."""
    originals = {proposal.sentence_id: proposal.original for proposal in summary.proposals_of(stored.report)}
    parts = [
        (
            title,
            [
                SummaryLineView(
                    id=line["id"],
                    text=line["text"],
                    originals=[originals[source] for source in line["sources"] if source in originals],
                    is_own=line["origin"] == "doctor",
                    reading=read_text(line["text"]),
                )
                for line in lines
            ],
        )
        for title, lines in summary.by_part(stored.lines)
    ]
    return SummaryView(stored, parts, summary.offers_of(stored.report, stored.lines), summary.reading_of(stored.lines))


def _share_view(share: ReportShare, at: datetime) -> ShareView:
    openings = sorted(share.openings.all(), key=lambda opening: opening.opened_at, reverse=True)
    words, kind, icon = _state(share, is_read=bool(openings), at=at)
    return ShareView(
        share=share,
        words=words,
        kind=kind,
        icon=icon,
        openings=openings,
        can_end=share.revoked_at is None,
        is_superseded=permissions.has_newer_signed_version(share.report),
    )


def _state(share: ReportShare, *, is_read: bool, at: datetime) -> tuple[str, str, str]:
    if share.revoked_at is not None:
        return "Ended, was read" if is_read else "Ended unread", "slate", "ban"
    if share.wrong_pins >= MOST_WRONG_PINS:
        return f"Locked after {MOST_WRONG_PINS} wrong PINs", "rec", "lock"
    if share.uses_left <= 0:
        return "Read", "ok", "eye"
    if share.expires_at <= at:
        return "Expired, was read" if is_read else "Expired unread", "slate", "clock"
    if not permissions.is_document_ready(share):
        return "Paused: tick the summary again", "warn", "alert-triangle"
    return ("Read, still open", "ok", "eye") if is_read else ("Not opened yet", "info", "clock")
