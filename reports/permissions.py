"""Who may do what with a report they can see. Each rule is a pair: `check_…` raises with the reason, `can_…` asks."""

from collections.abc import Callable
from typing import ParamSpec

from patients import permissions as patient_permissions
from reports.models import CoSignature, PatientSummary, Report, ReportShare, ReportTemplate
from reports.sealing import signing
from sessions_app.models import ConsultationSession, Transcription
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.common.errors import Conflict, NotAllowed


class ReportRunning(Conflict):
    """Another report of the session is being written."""

    code = "report_running"


class NoSpeech(Conflict):
    """There are no words a report could be written from."""

    code = "no_speech"


class ReportSigned(Conflict):
    """A signed report does not change."""

    code = "report_signed"


class SealBroken(Conflict):
    """The report was changed after it was signed."""

    code = "seal_broken"

    def __init__(self) -> None:
        super().__init__("This report was changed after it was signed. It can be neither read nor exported.")


def check_is_whole(report: Report) -> None:
    """Raise SealBroken unless a signed report is still what was signed."""
    if signing.verify(report) is not signing.Seal.WHOLE:
        raise SealBroken


def check_is_in_care(user: User, report: Report) -> None:
    """Raise NotAllowed where the report is open to this person for an emergency only: that is for reading."""
    if report.session.doctor_id != user.pk:
        patient_permissions.check_is_in_care(user, report.session.patient)


def check_can_write(user: User) -> None:
    """Raise NotAllowed unless this person writes reports at all."""
    if not user.may(Permission.WRITE_REPORTS):
        raise NotAllowed("Only the treating doctors write reports.")


def check_can_request(user: User, session: ConsultationSession, transcription: Transcription | None) -> None:
    """Raise unless a report of this session may be asked for now: a finished transcript, none being written."""
    check_can_write(user)
    check_can_be_written(session, transcription)


def check_can_be_written(session: ConsultationSession, transcription: Transcription | None) -> None:
    """Raise NoSpeech or Conflict unless there are words and no report of the session is being written."""
    check_has_words(transcription)
    if session.reports.filter(status__in=Report.RUNNING).exists():
        raise ReportRunning("A report of this session is being written. Wait until it is there.")


def check_has_words(transcription: Transcription | None) -> None:
    """Raise NoSpeech or Conflict unless there is a finished transcript."""
    if transcription is None:
        raise Conflict("This session has no transcript to write a report from.", code="no_transcription")
    if transcription.status == Transcription.Status.NO_SPEECH:
        raise NoSpeech("No speech was found in this recording, so there is nothing to write a report from.")
    if transcription.status == Transcription.Status.FAILED:
        raise Conflict("The transcript failed. Have it written again first.", code="transcription_failed")
    if transcription.status != Transcription.Status.COMPLETED:
        raise Conflict(
            "The transcript is still being written. Try again when it is done.", code="transcription_running"
        )


def check_can_move(session: ConsultationSession) -> None:
    """Raise unless the session's words may go to another patient: nothing signed, nothing being written."""
    if session.reports.filter(status=Report.Status.SIGNED).exists():
        raise ReportSigned("The report of this session is signed, so it stays with this patient.")
    if session.reports.filter(status__in=Report.RUNNING).exists():
        raise ReportRunning("A report of this session is being written. Wait until it is there.")


def check_can_edit(user: User, report: Report) -> None:
    """Raise unless this person may change the draft: a treating doctor, and the report is a draft."""
    check_can_write(user)
    if report.is_signed:
        raise ReportSigned("This report is signed and does not change. Amend it to make a new version.")
    if not report.is_draft:
        raise Conflict("This report has no draft to change yet.")


def check_can_retry(user: User, report: Report) -> None:
    """Raise unless a failed report may be tried again."""
    check_can_write(user)
    if not report.has_failed:
        raise Conflict("Only a report that failed is written again. Make a new version of this one instead.")
    check_can_request(user, report.session, report.transcription)


def check_can_sign(user: User, report: Report) -> None:
    """Raise unless this person is the session's doctor and the draft is the newest one. Its content is not asked."""
    check_can_edit(user, report)
    if report.session.doctor_id != user.pk:
        raise NotAllowed("Only the doctor who held the session signs its report.")
    if report.transcription.status == Transcription.Status.FAILED:
        raise Conflict("The transcript failed. Have it written again, then sign.", code="transcription_failed")
    if report.is_provisional or report.transcription.status != Transcription.Status.COMPLETED:
        raise Conflict("The transcript is still being written. Sign when it is final.", code="transcription_running")
    check_is_newest(report)


def check_can_amend(user: User, report: Report) -> None:
    """Raise unless a new version may be made from this signed one."""
    check_can_write(user)
    check_is_in_care(user, report)
    if not report.is_signed:
        raise Conflict("Only a signed report is amended. Change the draft itself.")
    if report.erased_at is not None:
        raise Conflict("The content of this report was erased.")
    check_is_newest(report)
    if report.session.reports.filter(status__in=Report.RUNNING).exists():
        raise ReportRunning("A report of this session is being written. Wait until it is there.")


def check_is_newest(report: Report) -> None:
    """Raise Conflict when a later version stands in this one's place."""
    if has_newer_version(report):
        raise Conflict("There is a newer version of this report. Open that one.", code="superseded")


def check_can_add(user: User, report: Report) -> None:
    """Raise unless an addendum may be added: a treating doctor, the report signed, not erased, and the newest."""
    check_can_write(user)
    if not report.is_signed:
        raise Conflict("Only a signed report takes an addendum. Change the draft itself.", code="report_not_signed")
    if report.erased_at is not None:
        raise Conflict("The content of this report was erased.")
    check_is_newest(report)


def check_can_ask_co_signature(user: User, report: Report) -> None:
    """Raise unless this person may ask a supervisor: its signer, and nobody was asked or has signed yet."""
    check_can_add(user, report)
    if report.signed_by_id != user.pk:
        raise NotAllowed("Only the doctor who signed the report asks for a second signature.")
    if report.co_signatures.filter(status__in=(CoSignature.Status.PENDING, CoSignature.Status.SIGNED)).exists():
        raise Conflict("A second signature was asked for already.", code="co_signature_exists")


def check_can_supervise(supervisor: User, report: Report) -> None:
    """Raise NotAllowed unless a person may sign somebody else's report as supervisor."""
    if not (supervisor.is_active and supervisor.may(Permission.WRITE_REPORTS)):
        raise NotAllowed("Choose a doctor who works here.", code="not_a_doctor", status=400)
    if supervisor.pk == report.signed_by_id:
        raise NotAllowed("Choose a colleague: you signed this report yourself.", code="own_report", status=400)


def check_can_decide(user: User, co_signature: CoSignature) -> None:
    """Raise unless this person is the supervisor who was asked and has not decided yet."""
    check_can_write(user)
    if co_signature.supervisor_id != user.pk:
        raise NotAllowed("Only the supervisor who was asked decides.")
    if not co_signature.is_pending:
        raise Conflict("This request was decided or withdrawn already.", code="co_signature_decided")


def check_can_withdraw(user: User, co_signature: CoSignature) -> None:
    """Raise unless this person asked for the signature and it was not decided."""
    check_can_write(user)
    if co_signature.requested_by_id != user.pk:
        raise NotAllowed("Only the doctor who asked takes the request back.")
    if not co_signature.is_pending:
        raise Conflict("This request was decided or withdrawn already.", code="co_signature_decided")


def check_can_convert(user: User, report: Report) -> None:
    """Raise unless a draft in another form may be made from this report: one that is written, and final."""
    check_can_write(user)
    check_is_in_care(user, report)
    if not (report.is_draft or report.is_signed):
        raise Conflict("This report has not been written yet.")
    if report.erased_at is not None:
        raise Conflict("The content of this report was erased.")
    if report.is_provisional:
        raise Conflict("The transcript is still being written. Convert the report when it is final.")


def check_can_export(user: User, report: Report) -> None:
    """Raise unless this person may take the report out of the system."""
    if not user.may(Permission.WRITE_REPORTS):
        raise NotAllowed("Only the treating doctors export reports.")
    if not (report.is_draft or report.is_signed):
        raise Conflict("This report has not been written yet.")
    if report.erased_at is not None:
        raise Conflict("The content of this report was erased.")


def check_can_share(user: User, report: Report) -> None:
    """Raise unless this person may give the report to somebody outside: signed reports only."""
    check_can_end_share(user)
    check_is_in_care(user, report)
    if not report.is_signed:
        raise Conflict("Only a signed report is shared. Sign it first.", code="not_signed")
    if report.erased_at is not None:
        raise Conflict("The content of this report was erased.")


def check_can_end_share(user: User) -> None:
    """Raise NotAllowed unless this person shares reports, and so may end a link."""
    if not user.may(Permission.WRITE_REPORTS):
        raise NotAllowed("Only the treating doctors share reports.")


def check_can_hand_over(user: User, share: ReportShare) -> None:
    """Raise unless this person may print what the clinician has already shared with the patient."""
    if not user.may(Permission.HAND_OVER_REPORTS):
        raise NotAllowed("Reception hands over what was shared. Export the report instead.")
    if share.audience != ReportShare.Audience.PATIENT or share.revoked_at is not None:
        raise Conflict("The clinician has ended this share. Ask them before you hand it over.", code="share_ended")
    if share.report.erased_at is not None:
        raise Conflict("The content of this report was erased.")
    if not is_document_ready(share):
        raise Conflict("The summary is being changed. Ask the clinician to tick it again.", code="summary_not_ticked")


def is_document_ready(share: ReportShare) -> bool:
    """Tell whether what a link stands for may be shown now: a summary only while it is ticked."""
    if share.document == ReportShare.Document.REPORT:
        return True
    return PatientSummary.objects.filter(report_id=share.report_id, ticked_at__isnull=False).exists()


def check_can_edit_template(user: User, template: ReportTemplate) -> None:
    """Raise NotAllowed unless the template is this doctor's own, or the clinic's and this is an administrator."""
    if template.doctor_id is None:
        if not user.may(Permission.MANAGE_CLINIC_TEMPLATES):
            raise NotAllowed("This template belongs to the clinic. Make a copy to change it.")
    elif template.doctor_id != user.pk or not user.may(Permission.WRITE_TEMPLATES):
        raise NotAllowed("This template belongs to a colleague. Make a copy to change it.")


def has_newer_version(report: Report) -> bool:
    """Tell whether a later version of the same report exists that did not fail."""
    later = report.session.reports.filter(report_type=report.report_type, version__gt=report.version)
    return later.exclude(status=Report.Status.FAILED).exists()


def has_newer_signed_version(report: Report) -> bool:
    """Tell whether a later version of the same report was signed."""
    later = report.session.reports.filter(report_type=report.report_type, version__gt=report.version)
    return later.filter(status=Report.Status.SIGNED).exists()


P = ParamSpec("P")


def _asks(check: Callable[P, None]) -> Callable[P, bool]:
    def can(*args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            check(*args, **kwargs)
        except (NotAllowed, Conflict):
            return False
        return True

    return can


def why_not_sign(user: User, report: Report) -> str:
    """Return why this person cannot sign the report now, or nothing when they can."""
    try:
        check_can_sign(user, report)
    except (NotAllowed, Conflict) as error:
        return str(error)
    return ""


can_request = _asks(check_can_request)
can_edit = _asks(check_can_edit)
can_retry = _asks(check_can_retry)
can_amend = _asks(check_can_amend)
can_add = _asks(check_can_add)
can_ask_co_signature = _asks(check_can_ask_co_signature)
can_decide = _asks(check_can_decide)
can_withdraw = _asks(check_can_withdraw)
can_convert = _asks(check_can_convert)
can_export = _asks(check_can_export)
can_share = _asks(check_can_share)
can_edit_template = _asks(check_can_edit_template)
