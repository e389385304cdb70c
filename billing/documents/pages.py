"""What the page of a bill shows of its documents: whom they go to, and the links the patient has."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from billing.models import Bill, BillLink
from billing.services import links, messages
from synapse.accounts.models import User
from synapse.accounts.roles import Permission


@dataclass(frozen=True)
class LinkRow:
    """A link as staff see it; the address itself is known to nobody but its reader."""

    link: BillLink
    is_live: bool
    state: str


def document_context(bill: Bill, user: User) -> dict[str, Any]:
    """Return whom a bill can be sent to, and the links to it."""
    now = timezone.now()
    return {
        "send_address": messages.address_of(bill.patient, messages.Channel.EMAIL),
        "is_stopped": bill.patient.kept_record.messages_stopped_at is not None,
        "link_rows": [link_row(link, at=now) for link in links.links_of(bill)],
        "can_end_links": user.may(Permission.RECORD_PAYMENTS),
    }


def link_row(link: BillLink, *, at: datetime) -> LinkRow:
    """Return a link with its state in words."""
    is_live = links.is_live(link, at=at)
    if is_live:
        return LinkRow(link, is_live, "Open")
    if link.revoked_at is not None:
        return LinkRow(link, is_live, "Ended")
    return LinkRow(link, is_live, "Expired" if link.expires_at <= at else "Ended with the bill")
