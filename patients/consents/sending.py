"""What the links to questions add to the shared outbox: when one may go, its token, and its few words."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from patients.consents.phrases import LANGUAGES, ConsentWords
from patients.contact import reaching
from patients.contact.languages import language_of
from patients.models import ConsentLink
from synapse.accounts.models import ClinicSettings
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.common.transitions import advance
from synapse.links.tokens import new_token
from synapse.notifications import outbox
from synapse.notifications.outbox import Outbox
from synapse.notifications.outgoing import EMAIL, Outgoing
from synapse.notifications.segments import count_segments, in_gsm_7

MOST_SEGMENTS = 2
LONGEST_CLINIC = 20  # letters of the clinic's name where an SMS gets too long

Status = ConsentLink.Status
SkipReason = ConsentLink.SkipReason


def send_due(at: datetime) -> int:
    """Send the links that wait and return how many went out; a sweep, safe to run twice at once."""
    return outbox.send_due(_outbox(), at)


def send_one(pk: UUID, *, at: datetime) -> bool:
    """Send one link if its question still waits; return whether it went out."""
    return outbox.send_one(_outbox(), pk, at=at)


def claim(pk: UUID, at: datetime) -> tuple[ConsentLink, str] | None:
    """Take a due link for sending, ask every rule again and make its token; None when it is not to go."""
    with audit.unit_of_work():
        links = ConsentLink.objects.select_related("consent__patient__merged_into")
        link = links.filter(pk=pk, status=Status.DUE, due_at__lte=at).first()
        if link is None:
            return None
        reason = _why_not(link, at=at)
        if reason:
            advance(link, Status.SKIPPED, at=at, skip_reason=reason)
            _record(link, "skip")
            return None
        token, token_hash = new_token()
        reader = reaching.reader_of(link.consent.patient)
        language = language_of(reader.preferred_language, ClinicSettings.load().language)
        if not outbox.hold(link, at=at, language=language, token_hash=token_hash):
            return None
        return link, f"{settings.BASE_URL}{reverse('consent:answer', args=[token])}"


def compose(link: ConsentLink, address: str) -> Outgoing:
    """Return the message as it is sent: the clinic, that there is a question, and where. Never which, nor to whom."""
    clinic, words = ClinicSettings.load(), LANGUAGES[link.language]
    to = reaching.address_of(link.consent.patient, link.channel)
    if link.channel != EMAIL:
        return Outgoing(key=str(link.pk), to=to, text=_sms_text(words, clinic.name, address))
    return Outgoing(
        key=str(link.pk),
        to=to,
        text=_email_text(words, clinic, address),
        subject=words.subject.format(clinic=clinic.name),
        sender_name=clinic.name,
        reply_to=clinic.email,
    )


def _outbox() -> Outbox:
    return Outbox(ConsentLink.objects, claim=claim, compose=compose, note=_note)


def _why_not(link: ConsentLink, *, at: datetime) -> str:
    consent = link.consent
    if not consent.waits_at(at):
        return SkipReason.OVER
    if reaching.reader_of(consent.patient).messages_stopped_at is not None:
        return SkipReason.OPTED_OUT
    return "" if reaching.address_of(consent.patient, link.channel) else SkipReason.NO_ADDRESS


def _email_text(words: ConsentWords, clinic: ClinicSettings, address: str) -> str:
    parts = [words.hello, f"{words.lead.format(clinic=clinic.name)}\n{address}", words.once]
    if clinic.phone:
        parts.append(words.questions.format(phone=clinic.phone))
    return "\n\n".join([*parts, clinic.name]) + "\n"


def _sms_text(words: ConsentWords, clinic: str, address: str) -> str:
    text = in_gsm_7(words.sms.format(clinic=clinic, link=address))
    if count_segments(text) <= MOST_SEGMENTS:
        return text
    return in_gsm_7(words.sms.format(clinic=clinic[:LONGEST_CLINIC].strip(), link=address))


def _note(link: ConsentLink, at: datetime) -> None:
    _record(link, "send")


def _record(link: ConsentLink, verb: str) -> None:
    detail = {
        "verb": verb,
        "channel": link.channel,
        "state": link.status,
        "reason": link.skip_reason or link.error_code,
    }
    audit.record(Action.SHARE, by=None, target=link, patient_id=link.consent.patient_id, detail=detail)
