"""Send the rows of an outbox: take one, commit, send it outside of any transaction, then write down what became of it.

A row is taken by one worker only. One whose worker never came back ends as `unknown`: it may have gone out, so it is
shown and never sent again by itself. Only what is proven not to have gone out is tried again.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import models

from synapse.audit import services as audit
from synapse.common.errors import InvalidTransition
from synapse.common.transitions import advance
from synapse.notifications.outgoing import NotSent, Outgoing, PerhapsSent, send

logger = logging.getLogger(__name__)

# Longer than a run and its last message take, so a lease that ran out means a worker that is gone.
LEASE = timedelta(minutes=5)
RUN_SECONDS = 25.0  # less than the sweeps' own pace: one run at a time
AT_ONCE = 200
MOST_ATTEMPTS = 5
BACKOFF = timedelta(minutes=1)  # doubled with each attempt

DUE, SENDING, SENT, FAILED, UNKNOWN = "due", "sending", "sent", "failed", "unknown"

# A row has status, channel, due_at, attempts, lease_until, sent_at, error_code and provider_reference.
Row = Any


@dataclass(frozen=True)
class Outbox:
    """A table of messages and what only its app knows of them.

    `claim` asks the app's rules and takes the row by `hold` inside a unit of work; it returns the row and the address
    of the page in its text, or None when it is not to go. `compose` writes it, in no transaction. `note` records what
    became of it, in the unit of work that settles the row.
    """

    rows: models.Manager[Any] | models.QuerySet[Any]
    claim: Callable[[UUID, datetime], tuple[Row, str] | None]
    compose: Callable[[Row, str], Outgoing]
    note: Callable[[Row, datetime], None]


def send_due(outbox: Outbox, at: datetime) -> int:
    """Send the messages whose time has come and return how many went out; safe to run twice at once."""
    started = monotonic()
    settle_interrupted(outbox, at)
    due = outbox.rows.filter(status=DUE, due_at__lte=at).order_by("due_at")
    sent = 0
    for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]):
        # The wall clock may jump while this runs; the monotonic one does not.
        passed = monotonic() - started
        if passed > RUN_SECONDS:
            break
        try:
            sent += send_one(outbox, pk, at=at + timedelta(seconds=int(passed)))
        except Exception as error:  # noqa: BLE001  one row must not hold up the others; it stays as it was
            logger.error("message %s could not be taken: %s", pk, type(error).__name__)
    return sent


def send_one(outbox: Outbox, pk: UUID, *, at: datetime) -> bool:
    """Send one message if it is still due and right; return whether it went out."""
    claimed = outbox.claim(pk, at)
    if claimed is None:
        return False
    row, link = claimed
    try:
        outgoing = outbox.compose(row, link)
    except Exception as error:  # noqa: BLE001  a message that cannot be written must not hold up the others
        logger.error("message %s could not be written: %s", row.pk, type(error).__name__)
        settle(outbox, row, FAILED, at=at, error_code="not_written")
        return False
    try:
        reference = send(row.channel, outgoing)
    except NotSent as error:
        _note_not_sent(outbox, row, error, at=at)
        return False
    except PerhapsSent as error:
        settle(outbox, row, UNKNOWN, at=at, error_code=error.code)
        return False
    settle(outbox, row, SENT, at=at, sent_at=at, provider_reference=reference[:120], error_code="")
    return True


def hold(row: Row, *, at: datetime, **fields: object) -> bool:
    """Take a due row for sending, inside the caller's unit of work; False when another worker was faster."""
    try:
        advance(row, SENDING, at=at, lease_until=at + LEASE, attempts=row.attempts + 1, **fields)
    except InvalidTransition:
        return False
    return True


def settle(outbox: Outbox, row: Row, to: str, *, at: datetime, **fields: object) -> None:
    """Write down how sending ended, unless the row was settled by somebody else already."""
    with audit.unit_of_work():
        try:
            advance(row, to, at=at, lease_until=None, **fields)
        except InvalidTransition:
            logger.warning("message %s was settled already", row.pk)
            return
        outbox.note(row, at)
    logger.info("message %s: %s %s", row.pk, to, row.error_code)


def settle_interrupted(outbox: Outbox, at: datetime) -> None:
    """End the messages whose sending never came back: whether they went out nobody knows."""
    for row in outbox.rows.filter(status=SENDING, lease_until__lt=at):
        settle(outbox, row, UNKNOWN, at=at, error_code="interrupted")


def _note_not_sent(outbox: Outbox, row: Row, error: NotSent, *, at: datetime) -> None:
    if not error.may_retry or row.attempts >= MOST_ATTEMPTS:
        settle(outbox, row, FAILED, at=at, error_code=error.code)
        return
    later = at + BACKOFF * 2 ** (row.attempts - 1)
    settle(outbox, row, DUE, at=at, error_code=error.code, due_at=later)
