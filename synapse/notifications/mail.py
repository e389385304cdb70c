"""Hand one e-mail to the mail server and tell a refusal from a broken connection."""

from email.utils import formataddr, parseaddr
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from synapse.notifications.outgoing import NotSent, Outgoing, PerhapsSent

TIMEOUT_SECONDS = 20
PERMANENT = 500  # SMTP: from here on another try fails the same way


def send_mail(message: Outgoing) -> str:
    """Send an e-mail and return its Message-ID, the same one whenever it is tried. Raises NotSent and PerhapsSent."""
    message_id = f"<{message.key}@{urlsplit(settings.BASE_URL).hostname}>"
    connection = get_connection(timeout=TIMEOUT_SECONDS)
    try:
        connection.open()
    except (SMTPException, OSError) as error:
        raise NotSent(f"connect_{type(error).__name__}", may_retry=True) from None
    mail = EmailMessage(
        message.subject,
        message.text,
        _sender(message.sender_name),
        [message.to],
        connection=connection,
        headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
        reply_to=[message.reply_to] if message.reply_to else None,
        attachments=[(part.name, part.content, part.content_type) for part in message.attachments],
    )
    try:
        mail.send()
    except SMTPRecipientsRefused as error:
        code = max((answer[0] for answer in error.recipients.values()), default=PERMANENT)
        raise NotSent(f"smtp_{code}", may_retry=code < PERMANENT) from None
    except SMTPResponseException as error:  # the server said that it did not take the message
        raise NotSent(f"smtp_{error.smtp_code}", may_retry=error.smtp_code < PERMANENT) from None
    except (SMTPException, OSError) as error:
        raise PerhapsSent(type(error).__name__) from None
    finally:
        _close(connection)
    return message_id


def _sender(name: str) -> str:
    default: str = settings.DEFAULT_FROM_EMAIL
    return formataddr((" ".join(name.split()), parseaddr(default)[1])) if name else default


def _close(connection: object) -> None:
    """Say goodbye; what the server makes of it changes nothing about the message."""
    try:
        connection.close()  # type: ignore[attr-defined]  # every mail backend has it
    except (SMTPException, OSError):
        return
