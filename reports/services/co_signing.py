"""A supervisor's signature on a signed report: asked for, given, returned for revision, or withdrawn.

Asking opens this one report to the supervisor, its quotes included, and nothing else of the patient: no recording, no
transcript, no other report. A request that is withdrawn or returned closes it again; what she signed she may still read.
"""

from datetime import datetime

from reports import permissions
from reports.models import CoSignature, Report, SealEntry
from reports.sealing import signing
from reports.sealing.signing import Facts
from reports.services import chaining
from reports.services.reauthentication import PasswordNotChecked
from synapse.accounts.models import User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError
from synapse.common.transitions import advance

LONGEST_COMMENT = 1_000  # characters


class EmptyComment(DomainError):
    """A report is returned with a comment that says what to revise."""

    code = "empty_comment"


def ask_co_signature(report: Report, *, supervisor: User, by: User, at: datetime) -> CoSignature:
    """Ask a colleague to sign a signed report too, and open it to them. Raises NotAllowed, Conflict and SealBroken."""
    with unit_of_work():
        report = _locked_report(report)
        permissions.check_can_ask_co_signature(by, report)
        permissions.check_can_supervise(supervisor, report)
        permissions.check_is_whole(report)
        asked = CoSignature.objects.create(report=report, supervisor=supervisor, requested_by=by, requested_at=at)
        _record(Action.SHARE, asked, by=by, verb="ask")
    return asked


def co_sign(co_signature: CoSignature, *, by: User, at: datetime, password_checked: bool) -> CoSignature:
    """Seal the supervisor's signature on the report as it was signed, with its place in the patient's chain.

    `password_checked` says that `check_signing_password` passed in this request. Raises NotAllowed, Conflict,
    InvalidTransition and SealBroken.
    """
    if not password_checked:
        raise PasswordNotChecked
    with unit_of_work():
        report = _locked_report(co_signature.report)
        asked = _locked(co_signature)
        permissions.check_can_decide(by, asked)
        permissions.check_is_newest(report)
        permissions.check_is_whole(report)
        asked.content_hash = report.content_hash
        place = chaining.next_place(report.session.patient_id)
        facts = Facts(SealEntry.Kind.CO_SIGNATURE, asked.pk, signing.digest_of(asked, place), by.pk, at)
        advance(
            asked,
            CoSignature.Status.SIGNED,
            at=at,
            decided_at=at,
            content_hash=report.content_hash,
            signature=signing.make_signature(facts),
        )
        chaining.add_entry(asked, facts, place, by=by, at=at)
    return asked


def return_for_revision(co_signature: CoSignature, comment: str, *, by: User, at: datetime) -> CoSignature:
    """Give the report back to its author with what has to change. Raises NotAllowed, Conflict and EmptyComment."""
    comment = comment.strip()
    if not comment:
        raise EmptyComment("Say what has to change.")
    with unit_of_work():
        _locked_report(co_signature.report)
        asked = _locked(co_signature)
        permissions.check_can_decide(by, asked)
        advance(asked, CoSignature.Status.RETURNED, at=at, decided_at=at, comment=comment[:LONGEST_COMMENT])
        _record(Action.UPDATE, asked, by=by, verb="return")
    return asked


def withdraw_request(co_signature: CoSignature, *, by: User, at: datetime) -> CoSignature:
    """Take a request back; the report is closed to the supervisor again. Raises NotAllowed and InvalidTransition."""
    with unit_of_work():
        asked = _locked(co_signature)
        permissions.check_can_withdraw(by, asked)
        _withdraw(asked, by=by, at=at)
    return asked


def withdraw_pending(report: Report, *, by: User, at: datetime) -> None:
    """Take back what was asked about a report that is being amended. Inside `unit_of_work()`."""
    for asked in report.co_signatures.select_related("report__session").filter(status=CoSignature.Status.PENDING):
        _withdraw(asked, by=by, at=at)


def _withdraw(asked: CoSignature, *, by: User, at: datetime) -> None:
    advance(asked, CoSignature.Status.WITHDRAWN, at=at, decided_at=at)
    _record(Action.UPDATE, asked, by=by, verb="withdraw")


def _locked_report(report: Report) -> Report:
    """Lock the report before the request, as every verb that adds under it does."""
    return Report.objects.select_for_update(of=("self",)).select_related("session").get(pk=report.pk)


def _locked(co_signature: CoSignature) -> CoSignature:
    rows = CoSignature.objects.select_for_update(of=("self",)).select_related("report__session", "supervisor")
    return rows.get(pk=co_signature.pk)


def _record(action: Action, asked: CoSignature, *, by: User, verb: str) -> None:
    detail = {"verb": verb, "report": str(asked.report_id), "supervisor": str(asked.supervisor_id)}
    record(action, by=by, target=asked, patient_id=asked.report.session.patient_id, detail=detail)
