"""What visits' messages add to the shared outbox: the rules of a visit, quiet hours, and the link to answer on."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from patients.contact.reaching import address_of, channels_of, reader_of
from scheduling.changes import calendar_changed
from scheduling.messages.composing import compose
from scheduling.messages.quiet import due_now, quiet_hours_of
from scheduling.models import Appointment, AppointmentLink, AppointmentMessage, SlotOffer
from scheduling.phrases import words_for
from synapse.accounts.models import ClinicSettings
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.transitions import advance
from synapse.links.tokens import new_token
from synapse.notifications import outbox
from synapse.notifications.outbox import Outbox
from synapse.notifications.outgoing import Outgoing

STALE = timedelta(hours=24)  # news older than this is none
LATE_REMINDER_HOURS = 24  # a confirmed visit gets only the reminders of its last day

Kind = AppointmentMessage.Kind
Status = AppointmentMessage.Status
SkipReason = AppointmentMessage.SkipReason


def send_due(at: datetime) -> int:
    """Send the messages whose time has come and return how many went out; a sweep, safe to run twice at once."""
    return outbox.send_due(_outbox(), at)


def send_one(pk: UUID, *, at: datetime) -> bool:
    """Send one message if it is still due and right; return whether it went out."""
    return outbox.send_one(_outbox(), pk, at=at)


def settle_interrupted(at: datetime) -> None:
    """End the messages whose sending never came back: whether they went out nobody knows."""
    outbox.settle_interrupted(_outbox(), at)


def _outbox() -> Outbox:
    return Outbox(AppointmentMessage.objects, claim=_claim, compose=_compose, note=_note)


def _claim(pk: UUID, at: datetime) -> tuple[AppointmentMessage, str] | None:
    return claim(pk, at=at)


def _compose(message: AppointmentMessage, link: str) -> Outgoing:
    return compose(message, to=address_of(message.patient, message.channel), link=link)


def claim(pk: UUID, *, at: datetime) -> tuple[AppointmentMessage, str] | None:
    """Take a due message for sending, ask every rule again and make its link; None when it is not to go."""
    with audit.unit_of_work():
        message = (
            AppointmentMessage.objects.select_related(
                "appointment__patient", "appointment__doctor__profile", "offer__doctor__profile", "patient__merged_into"
            )
            .filter(pk=pk, status=Status.DUE, due_at__lte=at)
            .first()
        )
        if message is None:
            return None
        clinic = ClinicSettings.load()
        reason = _reason_not_to_send(message, clinic, at=at)
        if reason:
            advance(message, Status.SKIPPED, at=at, skip_reason=reason)
            _record(message, "skip")
            return None
        if _wait_for_morning(message, clinic, at=at):
            return None
        words = words_for(reader_of(message.patient).preferred_language, clinic.language)
        if not outbox.hold(message, at=at, language=words.code):
            return None
        return message, _make_link(message)


def _reason_not_to_send(message: AppointmentMessage, clinic: ClinicSettings, *, at: datetime) -> str:
    channels = channels_of(message.patient, clinic)
    is_by_hand = message.requested_by_id is not None
    if reader_of(message.patient).messages_stopped_at is not None or not (is_by_hand or message.channel in channels):
        return SkipReason.OPTED_OUT
    if message.offer is not None:
        if message.offer.status != SlotOffer.Status.HELD or message.offer.held_until <= at:
            return SkipReason.TOO_LATE
    elif message.appointment is not None:
        reason = _reason_of_visit(message, message.appointment, clinic, at=at)
        if reason:
            return reason
    return "" if address_of(message.patient, message.channel) else SkipReason.NO_ADDRESS


def _reason_of_visit(message: AppointmentMessage, visit: Appointment, clinic: ClinicSettings, *, at: datetime) -> str:
    is_off = visit.status == Appointment.Status.CANCELLED
    if visit.status not in Appointment.OPEN and not (is_off and message.kind == Kind.CANCELLED):
        return SkipReason.VISIT_CHANGED
    if visit.scheduled_at <= at:
        return SkipReason.TOO_LATE
    if message.kind != Kind.REMINDER:
        return SkipReason.TOO_LATE if message.due_at < at - STALE else ""
    if message.requested_by_id is not None:
        return ""
    if message.hours_before not in clinic.reminder_hours:
        return SkipReason.NOT_WANTED
    is_confirmed = visit.status == Appointment.Status.CONFIRMED
    if is_confirmed and (message.hours_before or 0) > LATE_REMINDER_HOURS:
        return SkipReason.CONFIRMED
    nearer = visit.messages.filter(
        kind=Kind.REMINDER,
        channel=message.channel,
        status=Status.DUE,
        due_at__lte=at,
        hours_before__lt=message.hours_before,
    )
    return SkipReason.TOO_LATE if nearer.exists() else ""


def _wait_for_morning(message: AppointmentMessage, clinic: ClinicSettings, *, at: datetime) -> bool:
    """Put off what comes up in quiet hours since nobody sent it in time; what somebody asked for goes out."""
    visit = message.appointment
    if visit is None or message.requested_by_id is not None:
        return False
    due = due_now(at, visit_at=visit.scheduled_at, quiet=quiet_hours_of(clinic))
    if due == at:
        return False
    AppointmentMessage.objects.filter(pk=message.pk, status=Status.DUE).update(due_at=due, updated_at=at)
    return True


def _make_link(message: AppointmentMessage) -> str:
    """Return the whole address of the page to answer on; its token is known only now, and kept as a hash."""
    token, token_hash = new_token()
    visit, offer = message.appointment, message.offer
    if offer is not None:
        offer.token_hash = token_hash
        offer.save(update_fields=["token_hash", "updated_at"])
        return f"{settings.BASE_URL}{reverse('offer:open', args=[token])}"
    if visit is None or message.kind == Kind.CANCELLED:
        return ""
    AppointmentLink.objects.update_or_create(
        message=message,
        defaults={"appointment": visit, "token_hash": token_hash, "expires_at": visit.scheduled_at},
    )
    return f"{settings.BASE_URL}{reverse('visit:answer', args=[token])}"


def _note(message: AppointmentMessage, at: datetime) -> None:
    """Write down how sending ended, in the trail and for the calendar."""
    _record(message, "send")
    if message.appointment_id is not None and message.status in {Status.SENT, Status.FAILED, Status.UNKNOWN}:
        if message.status == Status.SENT and message.kind == Kind.REMINDER:
            visit = Appointment.objects.filter(pk=message.appointment_id)
            visit.update(reminder_sent=True, reminder_at=at, updated_at=at)
        calendar_changed()


def _record(message: AppointmentMessage, verb: str) -> None:
    detail = {
        "verb": verb,
        "kind": message.kind,
        "channel": message.channel,
        "state": message.status,
        "reason": message.skip_reason or message.error_code,
    }
    audit.record(Action.SHARE, by=None, target=message, patient_id=message.patient_id, detail=detail)
