"""Signing a report, what still keeps it from being signed, and the new version that amends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reports import content, permissions, signing
from reports.content import all_sentences
from reports.models import Report
from reports.services.drafting import next_version
from reports.services.evidence import is_evidence_stale
from reports.services.store import StaleRevision
from sessions_app import deletion
from synapse.accounts import throttle
from synapse.accounts.models import User
from synapse.audit.models import Action, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.transitions import advance

PASSWORD_PURPOSE = "sign"  # noqa: S105  the name of a throttle, no secret


@dataclass(frozen=True)
class Blocker:
    """One thing to do before a report can be signed. `target` is the id of the line or section it is about."""

    code: str
    message: str
    target: str = ""


class NotReady(Conflict):
    """The report cannot be signed yet; `blockers` says why, one by one."""

    code = "not_ready_to_sign"

    def __init__(self, blockers: Sequence[Blocker]) -> None:
        super().__init__(" ".join(blocker.message for blocker in blockers))
        self.blockers = list(blockers)


class PasswordNotChecked(NotAllowed):
    """Signing needs the signer's password again."""

    code = "password_required"


class WrongPassword(DomainError):
    """The password given for signing is not the signer's."""

    code = "wrong_password"

    def __init__(self) -> None:
        super().__init__("This password is not right. Nothing was signed.")


class EmptyReason(DomainError):
    """An amendment needs a reason."""

    code = "empty_reason"


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
    if is_evidence_stale(report):
        blockers.append(
            Blocker("transcript_changed", "The transcript was corrected since: open the report to check it again.")
        )
    return blockers


def check_signing_password(by: User, password: str, *, at: datetime) -> None:
    """Check the signer's password; raise WrongPassword, or TooManyTries after too many wrong ones."""
    throttle.check_may_try(PASSWORD_PURPOSE, by.username, None, at=at)
    if by.check_password(password):
        throttle.clear_failures(PASSWORD_PURPOSE, by.username, None)
        return
    throttle.count_failure(PASSWORD_PURPOSE, by.username, None, at=at)
    with unit_of_work():
        record(Action.SIGN, by=by, outcome=Outcome.DENIED, detail={"reason": "wrong_password"})
    raise WrongPassword


def sign_report(
    report: Report, *, by: User, at: datetime, password_checked: bool, revision: int | None = None
) -> Report:
    """Seal a draft: hash over content, evidence and template version, signature over hash, signer and time.

    The recording is deleted when its rule says so: always without the patient's consent to keep it.

    `password_checked` says that `check_signing_password` passed in this request; `revision` is the one the doctor
    read. Raises NotAllowed, Conflict, StaleRevision and NotReady.
    """
    if not password_checked:
        raise PasswordNotChecked("Type your password again to sign.")
    with unit_of_work():
        locked = Report.objects.select_for_update(of=("self",)).select_related("session__doctor", "transcription")
        report = locked.get(pk=report.pk)
        permissions.check_can_sign(by, report)
        if revision is not None and report.revision != revision:
            raise StaleRevision
        if blockers := blockers_of(report):
            raise NotReady(blockers)
        digest = signing.content_digest(report)
        advance(
            report,
            Report.Status.SIGNED,
            at=at,
            signed_by=by,
            signed_at=at,
            reviewed_by=report.reviewed_by or by,
            reviewed_at=report.reviewed_at or at,
            checked_sections=[section["id"] for section in report.structured_data],
            content_hash=digest,
            signature=signing.make_signature(report, digest=digest, signer_id=by.pk, signed_at=at),
        )
        detail = {"hash": digest, "version": report.version}
        record(Action.SIGN, by=by, target=report, patient_id=report.session.patient_id, detail=detail)
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
        if signing.verify(report) is not signing.Seal.WHOLE:
            raise permissions.SealBroken
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
        detail = {"verb": "amend", "amends": str(report.pk)}
        record(Action.CREATE, by=by, target=amended, patient_id=report.session.patient_id, detail=detail)
    return amended


def require_whole(report: Report, *, by: User) -> None:
    """Raise SealBroken, and record it, when a signed report's content, hash and signature do not agree."""
    if signing.verify(report) is signing.Seal.BROKEN:
        with unit_of_work():
            record(
                Action.DENY,
                by=by,
                target=report,
                patient_id=report.session.patient_id,
                outcome=Outcome.DENIED,
                detail={"reason": "seal_broken"},
            )
        raise permissions.SealBroken


_COPIED = (
    "template_version",
    "template_structure",
    "structured_data",
    "generated_content",
    "missing",
    "unassigned",
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
