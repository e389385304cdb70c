"""One message to one person by e-mail or SMS, and what is known of it afterwards: sent, not sent, or perhaps sent.

Only an error that proves that nothing went out is worth another try; after any other one the message may have arrived.
"""

from collections.abc import Callable
from dataclasses import dataclass

EMAIL, SMS = "email", "sms"


@dataclass(frozen=True)
class Attachment:
    """A file that goes with an e-mail."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True)
class Outgoing:
    """What is sent. `key` names this message for good: a provider that has seen it sends it no second time.

    An e-mail may name who writes and where answers go; the address it comes from is always the server's own.
    """

    key: str
    to: str
    text: str
    subject: str = ""
    attachments: tuple[Attachment, ...] = ()
    sender_name: str = ""
    reply_to: str = ""


class NotSent(Exception):
    """Nothing went out. `code` is stored and shown, so it holds no address; `may_retry`: later it may work."""

    def __init__(self, code: str, *, may_retry: bool) -> None:
        super().__init__(code)
        self.code = code[:60]
        self.may_retry = may_retry


class PerhapsSent(Exception):
    """The connection broke after the message was handed over: it may have gone out, so it must not go again."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code[:60]


def send(channel: str, message: Outgoing) -> str:
    """Send a message and return the provider's reference. Raises NotSent and PerhapsSent; call it in no transaction."""
    from synapse.notifications import mail, sms

    senders: dict[str, Callable[[Outgoing], str]] = {EMAIL: mail.send_mail, SMS: sms.send_sms}
    return senders[channel](message)
