"""Send one SMS by the provider of the settings: the console, a file in the data folder, or a server that speaks HTTP.

Where no provider is set (production's default) SMS is not offered. Providers report no delivery here: a message the
provider took ends as sent.
"""

import json
import os
import sys
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from synapse.notifications.outgoing import NotSent, Outgoing, PerhapsSent

TIMEOUT_SECONDS = 15
FOLDER = "sms"
NOTHING_SENT = {429, 503}  # too many, or not serving: the provider did not look at the message
LONGEST_ANSWER = 65536
REFERENCES = ("id", "message_id", "messageId", "sid")


class SmsBackend(Protocol):
    """A way to send an SMS; returns the provider's reference and raises NotSent or PerhapsSent."""

    def __call__(self, message: Outgoing) -> str: ...


def is_offered() -> bool:
    """Tell whether SMS can be sent from this installation."""
    return bool(settings.SMS_BACKEND)


def send_sms(message: Outgoing) -> str:
    """Send an SMS and return the provider's reference. Raises NotSent and PerhapsSent."""
    backend = BACKENDS.get(settings.SMS_BACKEND)
    if backend is None:
        raise NotSent("sms_not_set_up", may_retry=False)
    return backend(message)


def forget(keys: Iterable[UUID]) -> int:
    """Remove the files of messages by their keys; return how many are still there."""
    paths = [Path(settings.DATA_DIR) / FOLDER / f"{key}.txt" for key in keys]
    for path in paths:
        path.unlink(missing_ok=True)
    return sum(path.exists() for path in paths)


def _print(message: Outgoing) -> str:
    sys.stdout.write(f"SMS to {message.to}\n{message.text}\n{'-' * 79}\n")
    sys.stdout.flush()
    return ""


def _write_file(message: Outgoing) -> str:
    """Keep each message in a file of its own, named by its key: for tests and demonstrations."""
    folder = Path(settings.DATA_DIR) / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{message.key}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{message.to}\n\n{message.text}\n")
    return message.key


def _post(message: Outgoing) -> str:
    """POST the message as JSON. What fails before the request is written, or is refused by name, was not sent."""
    address = urlsplit(settings.SMS_HTTP_URL)
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    body = {"to": message.to, "from": settings.SMS_SENDER, "text": message.text, "reference": message.key}
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {settings.SMS_HTTP_TOKEN}",
        "Idempotency-Key": message.key,
    }
    path = address.path or "/"
    try:
        try:
            connection.connect()
        except OSError as error:
            raise NotSent(f"connect_{type(error).__name__}", may_retry=True) from None
        try:
            connection.request("POST", f"{path}?{address.query}" if address.query else path, json.dumps(body), headers)
            with connection.getresponse() as answer:
                text = answer.read(LONGEST_ANSWER)
        except (HTTPException, OSError) as error:
            raise PerhapsSent(type(error).__name__) from None
    finally:
        connection.close()
    if answer.status in NOTHING_SENT:
        raise NotSent(f"http_{answer.status}", may_retry=True)
    if answer.status >= 500:
        raise PerhapsSent(f"http_{answer.status}")
    if answer.status >= 300:
        raise NotSent(f"http_{answer.status}", may_retry=False)
    return _reference_in(text)


def _reference_in(text: bytes) -> str:
    """Return the id the provider gave the message, where its answer names one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, dict):
        return ""
    return next((str(found[name])[:120] for name in REFERENCES if found.get(name)), "")


BACKENDS: dict[str, SmsBackend] = {"console": _print, "file": _write_file, "http": _post}
