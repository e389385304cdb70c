"""What a patient is asked behind a link, and the one answer they give there. Every dead link looks the same."""

from dataclasses import dataclass
from datetime import datetime

from patients.consents import services as consents
from patients.consents.given import PLAIN, Given
from patients.consents.texts import ConsentText
from patients.consents.wording import words_of
from patients.models import Consent, ConsentLink
from synapse.audit import services as audit
from synapse.common.errors import Conflict, DomainError
from synapse.links.tokens import hash_token


class LinkGone(DomainError):
    """The link is used up, over, taken back or never was."""

    code = "link_gone"
    status = 404

    def __init__(self) -> None:
        super().__init__("This link no longer works.")


class NameMissing(DomainError):
    """Nobody wrote their name under a yes."""

    code = "name_missing"

    def __init__(self) -> None:
        super().__init__("Write your name under it.")


@dataclass(frozen=True)
class Found:
    """A link that leads somewhere and the words it asks about; `is_done` says that this browser has just answered."""

    link: ConsentLink
    text: ConsentText
    is_done: bool

    @property
    def consent(self) -> Consent:
        return self.link.consent


def find_link(token: str, *, answered: str | None, at: datetime) -> Found:
    """Return what a token leads to; `answered` is the link this browser answered with a moment ago. Raises LinkGone."""
    links = ConsentLink.objects.select_related("consent__patient__merged_into")
    link = links.filter(token_hash=hash_token(token)).first()
    if link is None:
        raise LinkGone
    consent = link.consent
    text = words_of(consent)
    is_done = consent.was_answered and answered == str(link.pk)
    if text is None or not (is_done or consent.waits_at(at)):
        raise LinkGone
    return Found(link, text, is_done)


def find_answered(token: str, *, answered: str | None, at: datetime) -> Consent:
    """Return what this browser has answered behind a link a moment ago. Raises LinkGone."""
    found = find_link(token, answered=answered, at=at)
    if not found.is_done:
        raise LinkGone
    return found.consent


def answer(found: Found, *, agreed: bool, at: datetime, typed_name: str = "", given: Given = PLAIN) -> Consent:
    """Take the answer and use the link up. Raises LinkGone when somebody was faster or its time is over.

    Who agrees writes their name under it, and for a child who they are to it: raises NameMissing and GuardianNeeded.
    """
    typed_name = " ".join(typed_name.split())
    if agreed and not typed_name:
        raise NameMissing
    if not found.consent.waits_at(at):
        raise LinkGone
    try:
        with audit.unit_of_work():
            return consents.answer_request(found.consent, agreed=agreed, at=at, typed_name=typed_name, given=given)
    except Conflict as error:  # answered, taken back or archived meanwhile: a patient learns none of it
        raise LinkGone from error
