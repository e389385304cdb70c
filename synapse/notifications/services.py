"""Send a message. Templates hold no clinical text: a mail box is not a chart."""

import logging
from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.template.loader import render_to_string

from synapse.common.errors import DomainError

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20


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
        message = EmailMessage(
            subject.strip(),
            body.strip() + "\n",
            settings.DEFAULT_FROM_EMAIL,
            [to],
            connection=get_connection(timeout=TIMEOUT_SECONDS),
        )
        message.send()
    except (SMTPException, OSError) as error:
        logger.warning("mail %s was not delivered: %s", template, type(error).__name__)
        raise NotDelivered("The message could not be sent. Try again in a few minutes.") from None
    logger.info("mail %s sent", template)
