"""Links under which a patient reads a document about money: made at sending, good until they expire or are ended."""

from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from billing import permissions
from billing.models import Bill, BillingSettings, BillLink, BillMessage
from synapse.accounts.models import User
from synapse.audit import services as audit
from synapse.audit.models import Action
from synapse.links.errors import LinkGone
from synapse.links.tokens import hash_token, new_token

Document = BillLink.Document


def make_link(message: BillMessage, *, at: datetime) -> str:
    """Return the token of a message's link, known only now; inside the caller's unit of work.

    A message that is tried again gets a new token, and the old one ends.
    """
    token, token_hash = new_token()
    valid = timedelta(days=BillingSettings.load().link_valid_days)
    BillLink.objects.update_or_create(
        message=message,
        defaults={
            "document": message.document,
            "patient": message.patient,
            "bill": message.bill,
            "payment": message.payment,
            "token_hash": token_hash,
            "created_by": message.requested_by,
            "expires_at": at + valid,
        },
    )
    return token


def find_link(token: str, *, at: datetime) -> BillLink:
    """Return the link a token stands for until its button was pressed. Raises LinkGone."""
    return _showable(_live(at).filter(token_hash=hash_token(token), opened_count=0).first())


def open_link(token: str, *, at: datetime) -> BillLink:
    """Use a link up and write it down; of two presses at once one opens it. Raises LinkGone."""
    link = find_link(token, at=at)
    with audit.unit_of_work():
        opened = _live(at).filter(pk=link.pk, opened_count=0)
        if not opened.update(opened_count=F("opened_count") + 1, last_opened_at=at, updated_at=at):
            raise LinkGone
        _record(link, "open")
    return link


def opened_link(token: str, link_id: str, *, verb: str, at: datetime) -> BillLink:
    """Return what a browser opened a moment ago, for reading it or saving the file. Raises LinkGone once it ended."""
    link = _showable(_live(at).filter(token_hash=hash_token(token), pk=link_id).first())
    with audit.unit_of_work():
        _record(link, verb)
    return link


def revoke_link(link: BillLink, *, by: User, at: datetime) -> None:
    """End a link at once; ending it twice changes nothing. Raises NotAllowed."""
    permissions.check_can_work_with_bills(by)
    with audit.unit_of_work():
        if BillLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=at, updated_at=at):
            _record(link, "revoke", by=by)
    link.refresh_from_db()


def links_of(bill: Bill) -> list[BillLink]:
    """Return the links to a bill's documents, the newest first."""
    return list(BillLink.objects.filter(bill=bill).select_related("message", "bill").order_by("-created_at"))


def is_live(link: BillLink, *, at: datetime) -> bool:
    """Tell whether a link still opens something; one of a cancelled bill ended with it."""
    if link.revoked_at is not None or link.expires_at <= at or link.opened_count:
        return False
    return link.bill is None or link.bill.status != Bill.Status.CANCELLED


def _showable(link: BillLink | None) -> BillLink:
    if link is None:
        raise LinkGone
    return link


def _live(at: datetime) -> QuerySet[BillLink]:
    links = BillLink.objects.select_related(
        "patient__merged_into", "bill__patient", "bill__doctor", "bill__session", "payment__by", "payment__insurer"
    )
    return links.filter(revoked_at=None, expires_at__gt=at).exclude(bill__status=Bill.Status.CANCELLED)


def _record(link: BillLink, verb: str, *, by: User | None = None) -> None:
    target = link.bill or link.payment or link.patient
    detail = {"verb": verb, "link": str(link.pk), "document": link.document}
    audit.record(Action.SHARE, by=by, target=target, patient_id=link.patient_id, detail=detail)
