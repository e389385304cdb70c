"""Send a message. Templates hold no clinical text: a mail box is not a chart."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.template.loader import render_to_string

from synapse.common.errors import DomainError
from synapse.notifications.outgoing import EMAIL, NotSent, Outgoing, PerhapsSent, send

logger = logging.getLogger(__name__)


class NotDelivered(DomainError):
    """The mail server refused or did not answer; trying again later may help."""

    code = "not_delivered"
    status = 503


def deliver(template: str, to: str, context: Mapping[str, Any]) -> None:
    """Mail `emails/<template>.txt` to one address. Raises NotDelivered.

    The template's first line is "Subject: …". `base_url` is in the context: links must be whole. Call it outside a
    transaction: a mail server may take its time.
    """
    text = render_to_string(f"emails/{template}.txt", {"base_url": settings.BASE_URL, **context})
    head, _, body = text.strip().partition("\n")
    label, _, subject = head.partition(":")
    if label != "Subject":
        raise ValueError(f"emails/{template}.txt must begin with 'Subject: '")
    try:
        send(EMAIL, Outgoing(key=str(uuid4()), to=to, text=body.strip() + "\n", subject=subject.strip()))
    except (NotSent, PerhapsSent) as error:
        logger.warning("mail %s was not delivered: %s", template, error.code)
        raise NotDelivered("The message could not be sent. Try again in a few minutes.") from None
    logger.info("mail %s sent", template)
