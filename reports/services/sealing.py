"""Signing a report, what still keeps it from being signed, and the new version that amends it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from reports import content, permissions
from reports.content import all_sentences
from reports.models import Report, SealEntry
from reports.sealing import signing
from reports.sealing.signing import Facts
from reports.services import chaining, co_signing
from reports.services.blockers import Blocker
from reports.services.drafting import next_version
from reports.services.evidence import is_evidence_stale
from reports.services.reauthentication import PasswordNotChecked
from reports.services.risk import undecided_blockers
from reports.services.store import StaleRevision
from sessions_app.recordings import deletion
from synapse.accounts.models import User
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError
from synapse.common.transitions import advance
from synapse.webhooks.events import emit
from synapse.webhooks.kinds import Kind

LONGEST_REASON = 500
# What a blocker is about, as a program finds it in the report.
_PLACES = {
    "unsupported": "sentences",
    "required_section": "sections",
    "risk_undispositioned": "risk_statements",
    "transcript_changed": "transcription",
}


class NotReady(Conflict):
    """The report cannot be signed yet; `blockers` says why, one by one, and `fields` at which place of the report."""

    code = "not_ready_to_sign"

    def __init__(self, blockers: Sequence[Blocker]) -> None:
        super().__init__(" ".join(dict.fromkeys(blocker.message for blocker in blockers)))
        self.blockers = list(blockers)

    @property
    def fields(self) -> dict[str, list[str]]:
        named: dict[str, list[str]] = {}
        for blocker in self.blockers:
            name = ".".join(filter(None, (_PLACES[blocker.code], blocker.target)))
            named.setdefault(name, []).append(blocker.message)
        return named


class EmptyReason(DomainError):
    """An amendment needs a reason."""

    code = "empty_reason"
    field = "reason"


def blockers_of(report: Report) -> list[Blocker]:
    """Return what keeps a draft from being signed, in reading order; empty when nothing does."""
    blockers = [
        Blocker(
            "unsupported", "A line is not supported by the recording: confirm, change or remove it.", sentence["id"]
        )
        for sentence in all_sentences(report.structured_data)
        if sentence["support"] == "unsupported"
    ]
    blockers += [
        Blocker("required_section", f"“{section.title}” is required and empty: write it.", section.id)
        for section in content.unfilled_required(report.structured_data, report.template_structure)
    ]
    blockers += undecided_blockers(report)
    if is_evidence_stale(report):
        blockers.append(
            Blocker("transcript_changed", "The transcript was corrected since: open the report to check it again.")
        )
    return blockers


def check_ready(report: Report, *, by: User) -> None:
    """Raise as `sign_report` would, before somebody is asked for a password and spends a code that counts once."""
    permissions.check_can_sign(by, report)
    if blockers := blockers_of(report):
        raise NotReady(blockers)


def sign_report(
    report: Report,
    *,
    by: User,
    at: datetime,
    password_checked: bool,
    revision: int | None = None,
    replace_reason: str = "",
) -> Report:
    """Seal a draft: hash over its content and place in the patient's chain, signature over hash, signer and time.

    The recording is deleted when its rule says so: always without the patient's consent to keep it.

    `password_checked` says that `check_signing_password` passed in this request; `revision` is the one the doctor
    read. A version written anew after one was signed amends that one and needs `replace_reason`. Raises NotAllowed,
    Conflict, StaleRevision, NotReady and EmptyReason.
    """
    if not password_checked:
        raise PasswordNotChecked
    with unit_of_work():
        locked = Report.objects.select_for_update(of=("self",)).select_related("session__doctor", "transcription")
        report = locked.get(pk=report.pk)
        if revision is not None and report.revision != revision:
            permissions.check_can_sign(by, report)
            raise StaleRevision
        check_ready(report, by=by)
        _name_the_amended(report, replace_reason)
        if report.reviewed_at is None:
            report.reviewed_by, report.reviewed_at = by, at
        place = chaining.next_place(report.session.patient_id)
        facts = Facts(SealEntry.Kind.REPORT, report.pk, signing.digest_of(report, place), by.pk, at)
        advance(
            report,
            Report.Status.SIGNED,
            at=at,
            signed_by=by,
            signed_at=at,
            amends=report.amends,
            amend_reason=report.amend_reason,
            reviewed_by=report.reviewed_by,
            reviewed_at=report.reviewed_at,
            checked_sections=[section["id"] for section in report.structured_data],
            content_hash=facts.digest,
            signature=signing.make_signature(facts),
        )
        chaining.add_entry(report, facts, place, by=by, at=at)
        emit(Kind.REPORT_SIGNED, report.pk, at=at)
        # The quotes are sealed now; unless its rule keeps it, the sound has done its work.
        deletion.delete_when_due(report.session, by=by, at=at)
    return report


def amend_report(report: Report, *, reason: str, by: User, at: datetime) -> Report:
    """Make a new version that starts as a copy of a signed report; the signed one stays as it is.

    Raises NotAllowed, Conflict, SealBroken and EmptyReason.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise EmptyReason("Say why the report is amended.")
    with unit_of_work():
        locked = Report.objects.select_for_update(of=("self",)).select_related("session")
        report = locked.get(pk=report.pk)
        permissions.check_can_amend(by, report)
        permissions.check_is_whole(report)
        amended = Report.objects.create(
            session=report.session,
            template=report.template,
            transcription=report.transcription,
            report_type=report.report_type,
            status=Report.Status.COMPLETED,
            version=next_version(report.session, report.report_type),
            amends=report,
            amend_reason=reason,
            **{name: getattr(report, name) for name in _COPIED},
        )
        co_signing.withdraw_pending(report, by=by, at=at)
        detail = {"verb": "amend", "amends": str(report.pk)}
        record(Action.CREATE, by=by, target=amended, patient_id=report.session.patient_id, detail=detail)
    return amended


def signed_before(report: Report) -> Report | None:
    """Return the signed version this draft would take the place of without saying so; None when it says so."""
    if report.amends_id is not None:
        return None
    earlier = report.session.reports.filter(
        report_type=report.report_type, version__lt=report.version, status=Report.Status.SIGNED
    )
    return earlier.order_by("-version").first()


def _name_the_amended(report: Report, reason: str) -> None:
    """Have a version that was written anew amend the signed one before it, in place. Raises EmptyReason."""
    earlier = signed_before(report)
    if earlier is None:
        return
    reason = " ".join(reason.split())
    if not reason:
        raise EmptyReason(f"Version {earlier.version} is signed. Say why this version takes its place.")
    report.amends, report.amend_reason = earlier, reason


def require_whole(report: Report, *, by: User | None) -> None:
    """Raise SealBroken, and record it, when a signed report's content, hash and signature do not agree."""
    if broken_ones([report], by=by):
        raise permissions.SealBroken


def broken_ones(reports: Iterable[Report], *, by: User | None) -> set[UUID]:
    """Return the ids of signed reports whose content, hash and signature do not agree, and record each."""
    signed = [report for report in reports if report.is_signed]
    found = SealEntry.objects.filter(kind=SealEntry.Kind.REPORT, object_id__in=[report.pk for report in signed])
    entries = {entry.object_id: entry for entry in found}
    broken = [report for report in signed if signing.verify_with(report, entries.get(report.pk)) is signing.Seal.BROKEN]
    for report in broken:
        with unit_of_work():
            record(
                Action.DENY,
                by=by,
                target=report,
                patient_id=report.session.patient_id,
                outcome=Outcome.DENIED,
                detail={"reason": "seal_broken"},
            )
    return {report.pk for report in broken}


_COPIED = (
    "template_version",
    "template_structure",
    "structured_data",
    "generated_content",
    "missing",
    "unassigned",
    "risk_statements",
    "evidence_bound_at",
    "engine",
    "ai_model",
    "prompt_version",
    "generation_started_at",
    "generation_completed_at",
    "generation_seconds",
    "completeness_score",
    "quality_score",
    "confidence_score",
    "score_details",
    "fallback_code",
    "manual_corrections",
    "manually_edited",
)
