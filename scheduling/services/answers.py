"""What a patient answers by the link in a message: I will come, I will not, another time please, no more messages.

A link is used up by its first answer; the browser that gave it may change it for ten minutes. It is dead as soon as
its visit is moved, called off or over. A move that keeps the start (another length or room) is none to the patient.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scheduling import permissions
from scheduling.changes import record_change
from scheduling.models import Appointment, AppointmentLink
from scheduling.services import appointments, messages
from synapse.accounts.models import ClinicSettings, User
from synapse.audit import services as audit
from synapse.common.errors import DomainError
from synapse.links.tokens import hash_token

LONGEST_TEXT = 300
CANCELLED_BY_LINK = "Cancelled by the patient with the link in a message."

Answer = AppointmentLink.Answer
Status = Appointment.Status


class LinkGone(DomainError):
    """The link is used up or never was; all such links look the same."""

    code = "link_gone"
    status = 404

    def __init__(self) -> None:
        super().__init__("This link no longer works.")


class TooLateToCancel(DomainError):
    """The visit is nearer than the clinic's notice."""

    code = "too_late"
    status = 409


class Standing(StrEnum):
    """What has become of the visit behind a link."""

    OPEN = "open"
    MOVED = "moved"
    OFF = "off"
    OVER = "over"


@dataclass(frozen=True)
class Found:
    """A link that leads somewhere, and its visit; `goes_on` says that this browser has just answered with it."""

    link: AppointmentLink
    visit: Appointment
    standing: Standing
    goes_on: bool

    @property
    def is_open(self) -> bool:
        return self.standing == Standing.OPEN


def find_link(token: str, *, answered: str | None, at: datetime) -> Found:
    """Return what a token leads to; `answered` is the link this browser answered with a moment ago. Raises LinkGone."""
    links = AppointmentLink.objects.select_related("appointment__patient__merged_into", "appointment__doctor__profile")
    link = links.filter(token_hash=hash_token(token)).first()
    if link is None:
        raise LinkGone
    visit = _as_patients_see_it(link.appointment)
    goes_on = link.used_at is not None and answered == str(link.pk)
    found = Found(link, visit, _standing(visit, at=at), goes_on)
    if found.is_open and link.used_at is not None and not goes_on:
        raise LinkGone
    return found


def may_cancel(visit: Appointment, clinic: ClinicSettings, *, at: datetime) -> bool:
    """Tell whether a visit is far enough away to be cancelled by link."""
    return visit.scheduled_at - at >= timedelta(hours=clinic.cancel_notice_hours)


def confirm(found: Found, *, at: datetime) -> None:
    """Note that the patient will come. Raises LinkGone."""
    with audit.unit_of_work():
        visit = _use(found, Answer.CONFIRM, at=at)
        if visit.status == Status.SCHEDULED:
            appointments.confirm_appointment(visit, by=None, at=at)


def cancel(found: Found, *, text: str, at: datetime) -> None:
    """Call the visit off, with the patient's words or without. Raises LinkGone and TooLateToCancel."""
    with audit.unit_of_work():
        visit = _use(found, Answer.CANCEL, at=at)
        if not may_cancel(visit, ClinicSettings.load(), at=at):
            raise TooLateToCancel("It is too late to cancel by link.")
        appointments.cancel_appointment(visit, reason=text.strip()[:LONGEST_TEXT] or CANCELLED_BY_LINK, by=None, at=at)


def ask_for_another_time(found: Found, *, text: str, at: datetime) -> None:
    """Keep which times would suit the patient; the visit stays as it is. Raises LinkGone."""
    with audit.unit_of_work():
        visit = _use(found, Answer.OTHER_TIME, at=at)
        _keep_request(visit, "ask", text=text.strip()[:LONGEST_TEXT], asked_at=at, by=None, at=at)


def stop_messages(found: Found, *, at: datetime) -> None:
    """Write to the patient no more. Raises LinkGone."""
    with audit.unit_of_work():
        visit = _use(found, Answer.STOP, at=at)
        messages.stop_messages(visit.patient, at=at)


def settle_request(appointment: Appointment, *, by: User, at: datetime) -> None:
    """Put a patient's request for another time away, when the visit stays as it is. Raises NotAllowed."""
    permissions.check_can_change(by, appointment)
    with audit.unit_of_work():
        _keep_request(appointment, "edit", text="", asked_at=None, by=by, at=at)


def _keep_request(
    visit: Appointment, verb: str, *, text: str, asked_at: datetime | None, by: User | None, at: datetime
) -> None:
    visit.patient_request, visit.patient_asked_at, visit.updated_at = text, asked_at, at
    visit.save(update_fields=["patient_request", "patient_asked_at", "updated_at"])
    record_change(visit, verb, by=by, at=at, field="patient_request")


def _as_patients_see_it(visit: Appointment) -> Appointment:
    """Return the visit that a moved or restored one became, as long as it begins when it did."""
    following = visit.rescheduled_to
    while following is not None and following.scheduled_at == visit.scheduled_at:
        visit, following = following, following.rescheduled_to
    return visit


def _standing(visit: Appointment, *, at: datetime) -> Standing:
    if visit.status == Status.RESCHEDULED:
        return Standing.MOVED
    if visit.status == Status.CANCELLED:
        return Standing.OFF
    return Standing.OPEN if visit.status in Appointment.OPEN and visit.scheduled_at > at else Standing.OVER


def _use(found: Found, answer: str, *, at: datetime) -> Appointment:
    """Use a link up, in one conditional update, and return its visit as it is now. Raises LinkGone."""
    rows = AppointmentLink.objects.filter(pk=found.link.pk)
    # Who has answered a moment ago goes on with the same link; everybody else comes once.
    usable = rows.filter(used_at__isnull=False) if found.goes_on else rows.filter(used_at=None)
    if not usable.update(used_at=found.link.used_at or at, answer=answer, updated_at=at):
        raise LinkGone
    visit = Appointment.objects.select_related("patient__merged_into", "doctor__profile").get(pk=found.visit.pk)
    if _standing(visit, at=at) != Standing.OPEN:
        raise LinkGone
    return visit
