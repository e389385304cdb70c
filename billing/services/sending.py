"""What messages about money add to the shared outbox: the rules of a bill, and the link to the document."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from billing.messages.composing import compose
from billing.models import BillMessage
from billing.queries import letter_rows
from billing.services import links, messages, reminders
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.transitions import advance
from synapse.notifications import outbox
from synapse.notifications.outbox import Outbox
from synapse.notifications.outgoing import Outgoing

Status = BillMessage.Status


def send_due(at: datetime) -> int:
    """Send the messages whose time has come and return how many went out; a sweep, safe to run twice at once."""
    return outbox.send_due(_outbox(), at)


def send_one(pk: UUID, *, at: datetime) -> bool:
    """Send one message if it is still due and right; return whether it went out."""
    return outbox.send_one(_outbox(), pk, at=at)


def claim(pk: UUID, *, at: datetime) -> tuple[BillMessage, str] | None:
    """Take a due message for sending, ask every rule again and make its link; None when it is not to go."""
    with audit.unit_of_work():
        rows = BillMessage.objects.select_related(
            "patient__merged_into", "bill__patient", "bill__doctor", "bill__session", "payment", "requested_by"
        )
        message = rows.filter(pk=pk, status=Status.DUE, due_at__lte=at).first()
        if message is None or message.leader_id is not None:
            return None
        followers = letter_rows(message)[1:]
        if reason := messages.why_not(message):
            reminders.lead_anew(followers)
            advance(message, Status.SKIPPED, at=at, skip_reason=reason)
            _record(message, "skip")
            return None
        if not outbox.hold(message, at=at):
            return None
        for row in followers:
            if reason := messages.why_not(row):
                advance(row, Status.SKIPPED, at=at, skip_reason=reason, leader=None)
                _record(row, "skip")
            else:
                advance(row, Status.SENDING, at=at)
        token = links.make_link(message, at=at)
        return message, f"{settings.BASE_URL}{reverse('document:open', args=[token])}"


def _outbox() -> Outbox:
    # What follows another message goes out in its letter.
    return Outbox(BillMessage.objects.filter(leader=None), claim=_claim, compose=_compose, note=_note)


def _claim(pk: UUID, at: datetime) -> tuple[BillMessage, str] | None:
    return claim(pk, at=at)


def _compose(message: BillMessage, link: str) -> Outgoing:
    return compose(message, to=messages.address_of(message.patient, message.channel), link=link)


def _note(message: BillMessage, at: datetime) -> None:
    reminders.end_followers(message, at=at)
    _record(message, "send")


def _record(message: BillMessage, verb: str) -> None:
    detail = {
        "verb": verb,
        "document": message.document,
        "channel": message.channel,
        "state": message.status,
        "reason": message.skip_reason or message.error_code,
    }
    audit.record(Action.SHARE, by=None, target=message, patient_id=message.patient_id, detail=detail)
