"""Who may do what with a report they can see. Each rule is a pair: `check_…` raises with the reason, `can_…` asks."""

from collections.abc import Callable
from typing import ParamSpec

from reports.models import Report, ReportTemplate
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
    if report.transcription.status != Transcription.Status.COMPLETED:
        raise Conflict("The transcript is still being written. Sign when it is final.", code="transcription_running")
    if has_newer_version(report):
        raise Conflict("There is a newer version of this report. Open that one.", code="superseded")


def check_can_amend(user: User, report: Report) -> None:
    """Raise unless a new version may be made from this signed one."""
    check_can_write(user)
    if not report.is_signed:
        raise Conflict("Only a signed report is amended. Change the draft itself.")
    if report.erased_at is not None:
        raise Conflict("The content of this report was erased.")
    if has_newer_version(report):
        raise Conflict("There is a newer version of this report. Open that one.", code="superseded")
    if report.session.reports.filter(status__in=Report.RUNNING).exists():
        raise ReportRunning("A report of this session is being written. Wait until it is there.")


def check_can_export(user: User, report: Report) -> None:
    """Raise unless this person may take the report out of the system."""
    if not user.may(Permission.WRITE_REPORTS):
        raise NotAllowed("Only the treating doctors export reports.")
    if not (report.is_draft or report.is_signed):
        raise Conflict("This report has not been written yet.")
    if report.erased_at is not None:
        raise Conflict("The content of this report was erased.")


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


P = ParamSpec("P")


def _asks(check: Callable[P, None]) -> Callable[P, bool]:
    def can(*args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            check(*args, **kwargs)
        except (NotAllowed, Conflict):
            return False
        return True

    return can


can_write = _asks(check_can_write)
can_request = _asks(check_can_request)
can_edit = _asks(check_can_edit)
can_retry = _asks(check_can_retry)
can_sign = _asks(check_can_sign)
can_amend = _asks(check_can_amend)
can_export = _asks(check_can_export)
can_edit_template = _asks(check_can_edit_template)
