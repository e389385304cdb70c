"""Requests for a correction: noted, decided within sixty days, answered by letter; a disagreement goes with the report."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.template.loader import render_to_string
from django.utils import timezone

from patients.models import Patient
from patients.permissions import check_is_in_care
from reports.models import Addendum, Report
from reports.printing.rendering import header_of, long_date
from reports.printing.statements import Statement
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.transitions import advance
from synapse.documents.archive import for_keeping
from synapse.documents.pdf import html_to_pdf
from synapse.documents.text import printable
from synapse.records.amendment_models import AmendmentRequest

DAYS_TO_ANSWER = 60  # 45 CFR 164.526(b)(2); once longer by thirty, with a reason in writing
DAYS_MORE = 30
LONGEST = 4000  # characters
Status = AmendmentRequest.Status


def check_can_note(user: User, patient: Patient) -> None:
    """Raise NotAllowed unless this person takes a patient's wish down: reception, doctors, administrators."""
    if not user.may(Permission.EDIT_PATIENTS):
        raise NotAllowed("Only people who look after patients' records note such a request.")
    check_is_in_care(user, patient)


def check_can_decide(user: User, asked: AmendmentRequest) -> None:
    """Raise NotAllowed unless this person decides: the doctor of the session, or an administrator."""
    decides = user.may(Permission.DECIDE_AMENDMENTS)
    is_own = asked.report is None or asked.report.session.doctor_id == user.pk
    if not decides or not (is_own or user.may(Permission.VIEW_ALL_PATIENTS)):
        raise NotAllowed("The doctor of the session or an administrator decides this.")
    check_is_in_care(user, asked.patient)


def can_decide(user: User, asked: AmendmentRequest) -> bool:
    try:
        check_can_decide(user, asked)
    except NotAllowed:
        return False
    return True


def note_amendment(
    patient: Patient,
    *,
    wanted: str,
    received_on: date,
    by: User,
    at: datetime,
    report: Report | None = None,
    statement: str = "",
) -> AmendmentRequest:
    """Keep what a patient asks to have corrected; the clock runs from the day it was received.

    `statement` is what stands there now. Raises NotAllowed and DomainError.
    """
    check_can_note(by, patient)
    wanted, statement = _cleaned(wanted), _cleaned(statement)
    if not wanted:
        raise DomainError("Write down what the patient asks for.", code="nothing_asked")
    if report is not None and not _is_about(report, patient):
        raise DomainError("This report is not this patient's.", code="other_patient")
    if report is not None and not report.is_signed:
        raise Conflict("A draft is corrected, not amended. Only signed reports are.", code="not_signed")
    with unit_of_work():
        asked = AmendmentRequest.objects.create(
            patient=patient.kept_record,
            report=report,
            statement=statement,
            wanted=wanted,
            received_on=received_on,
            due_on=received_on + timedelta(days=DAYS_TO_ANSWER),
            noted_by=by,
        )
        _record(Action.CREATE, asked, "ask_for_amendment", by=by)
    return asked


def extend_amendment(asked: AmendmentRequest, *, reason: str, by: User, at: datetime) -> AmendmentRequest:
    """Take thirty days more, once and with a reason the patient is told. Raises NotAllowed and Conflict."""
    check_can_decide(by, asked)
    reason = _cleaned(reason)
    if not reason:
        raise DomainError("Say why it takes longer: the patient is told in writing.", code="empty_reason")
    with unit_of_work():
        asked = _locked(asked)
        if not asked.is_open or asked.extended_on is not None:
            raise Conflict("This request was answered or given more time already.", code="not_extendable")
        asked.extended_on, asked.extension_reason = ClinicSettings.load().date_of(at), reason
        asked.due_on += timedelta(days=DAYS_MORE)
        asked.save(update_fields=["extended_on", "extension_reason", "due_on", "updated_at"])
        _record(Action.UPDATE, asked, "extend_amendment", by=by)
    return asked


def accept_amendment(
    asked: AmendmentRequest,
    *,
    by: User,
    at: datetime,
    addendum: Addendum | None = None,
    amended_report: Report | None = None,
    note: str = "",
) -> AmendmentRequest:
    """Agree, and name the signed addendum or signed new version that corrects the report.

    A request about something else than a report is corrected there and needs the note that says what was done.
    Raises NotAllowed, DomainError and InvalidTransition.
    """
    check_can_decide(by, asked)
    _check_deed(asked, addendum, amended_report, note)
    with unit_of_work():
        asked = _locked(asked)
        deed = {"addendum": addendum, "amended_report": amended_report, "decision_note": _cleaned(note)}
        advance(asked, Status.ACCEPTED, at=at, decided_by=by, decided_at=at, **deed)
        _record(Action.UPDATE, asked, "accept_amendment", by=by)
    return asked


def deny_amendment(asked: AmendmentRequest, *, reason: str, note: str, by: User, at: datetime) -> AmendmentRequest:
    """Refuse, on one of the four lawful grounds and in plain words. Raises NotAllowed and InvalidTransition."""
    check_can_decide(by, asked)
    if reason not in AmendmentRequest.DenialReason.values:
        raise DomainError("Choose the ground on which it is denied.", code="denial_reason_missing")
    if not _cleaned(note):
        raise DomainError("Say it in plain words too: they stand in the letter.", code="empty_reason")
    with unit_of_work():
        asked = _locked(asked)
        values = {"denial_reason": reason, "decision_note": _cleaned(note), "decided_by": by, "decided_at": at}
        advance(asked, Status.DENIED, at=at, **values)
        _record(Action.UPDATE, asked, "deny_amendment", by=by)
    return asked


def note_disagreement(asked: AmendmentRequest, text: str, *, by: User, at: datetime) -> AmendmentRequest:
    """Keep what the patient says to a denial, word for word; it is printed with the report from now on.

    Raises NotAllowed and InvalidTransition.
    """
    check_can_note(by, asked.patient)
    text = _cleaned(text)
    if not text:
        raise DomainError("Write down what the patient says.", code="nothing_said")
    with unit_of_work():
        asked = _locked(asked)
        advance(asked, Status.DISPUTED, at=at, disagreement=text, disagreed_on=timezone.localdate(at))
        _record(Action.UPDATE, asked, "disagree", by=by)
    return asked


def statements_of(report: Report) -> Iterator[Statement]:
    """Return what is printed behind a report: each disagreement with the request and the denial."""
    for asked in report.amendment_requests.all():
        if asked.status != Status.DISPUTED or asked.disagreed_on is None:
            continue
        about = f" about “{asked.statement}”" if asked.statement else ""
        yield Statement(
            "The patient’s statement",
            [
                f"On {long_date(asked.received_on)} the patient asked for a correction{about}: {asked.wanted}",
                f"It was denied: {asked.get_denial_reason_display()}. {asked.decision_note}",
                f"The patient disagrees ({long_date(asked.disagreed_on)}): {asked.disagreement}",
            ],
        )


def letter_of(asked: AmendmentRequest, *, at: datetime) -> bytes:
    """Return the answer as a letter. Raises Conflict while there is none, and DocumentError."""
    if asked.is_open and asked.extended_on is None:
        raise Conflict("There is no answer to put into a letter yet.", code="not_decided")
    signer = asked.decided_by or asked.noted_by
    title = "Your request for a correction"
    context = {
        "title": title,
        "header": header_of(signer),
        "asked": asked,
        "patient": asked.patient,
        "signer": signer,
        "on": timezone.localdate(asked.decided_at or at),
    }
    html = printable(render_to_string("documents/amendment_letter.html", context))
    return for_keeping(html_to_pdf(html, title=title), title=title, at=at)


def _check_deed(asked: AmendmentRequest, addendum: Addendum | None, amended_report: Report | None, note: str) -> None:
    """Raise unless what corrects the record is there, signed, and about the same report."""
    report = asked.report
    if report is None:
        if not _cleaned(note):
            raise DomainError("Say what was corrected, and where.", code="nothing_done")
        return
    if (addendum is None) == (amended_report is None):
        raise DomainError("Name the addendum or the new version that corrects the report.", code="nothing_done")
    if addendum is not None and (addendum.report_id != report.pk or not addendum.is_signed):
        raise DomainError("Name a signed addendum of this report.", code="not_its_addendum")
    if amended_report is not None:
        is_later = amended_report.session_id == report.session_id and amended_report.version > report.version
        if not (is_later and amended_report.report_type == report.report_type and amended_report.is_signed):
            raise DomainError("Name a later, signed version of this report.", code="not_its_version")


def _is_about(report: Report, patient: Patient) -> bool:
    return patient.records().filter(pk=report.session.patient_id).exists()


def _locked(asked: AmendmentRequest) -> AmendmentRequest:
    rows = AmendmentRequest.objects.select_for_update(of=("self",))
    return rows.select_related("patient", "noted_by").get(pk=asked.pk)


def _cleaned(text: str) -> str:
    """Return a text with its paragraphs kept. Raises DomainError when it is too long."""
    cleaned = "\n".join(line.rstrip() for line in text.splitlines()).strip()
    if len(cleaned) > LONGEST:
        raise DomainError(f"Keep it to {LONGEST} characters.", code="too_long")
    return cleaned


def _record(action: Action, asked: AmendmentRequest, verb: str, *, by: User) -> None:
    detail = {"verb": verb, "report": str(asked.report_id or ""), "due": str(asked.due_on)}
    record(action, by=by, target=asked, patient_id=asked.patient_id, detail=detail)
