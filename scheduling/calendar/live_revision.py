"""One look a second at the calendar's revision for everybody who has a calendar open in this process.

What is looked for stands in the database, so a change counts whoever made it: another desk, another process, a worker.
The same look finds who may no longer listen.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from scheduling.changes import calendar_revision
from sessions_app.capture.access import Visitor
from sessions_app.capture.threads import in_database
from synapse.accounts.models import User, UserSession
from synapse.accounts.roles import Permission

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


@dataclass(eq=False)
class Listener:
    """An open calendar: whose it is, how it is told a revision, and how it is closed when its person has gone."""

    visitor: Visitor
    tell: Callable[[int], Awaitable[None]]
    end: Callable[[], Awaitable[None]]
    told: int = -1


_listeners: set[Listener] = set()
_watch: list[asyncio.Task[None]] = []


def listen(listener: Listener) -> None:
    """Tell a listener the revision now and after every change, until `leave`."""
    _listeners.add(listener)
    if not _watch:
        _watch[:] = [asyncio.create_task(_look_on())]


def leave(listener: Listener) -> None:
    """Stop telling a listener; the last one to leave ends the looking."""
    _listeners.discard(listener)
    if not _listeners:
        for task in _watch:
            task.cancel()
        _watch.clear()


def look(visitors: list[Visitor], *, at: datetime) -> tuple[int, list[bool]]:
    """Return the revision and, of each visitor, whether they may still see a calendar; as many queries for all as for one."""
    ids = [visitor.session_id for visitor in visitors]
    open_screens = {str(pk) for pk in UserSession.objects.open_at(at).filter(pk__in=ids).values_list("pk", flat=True)}
    people = User.objects.in_bulk([visitor.user.pk for visitor in visitors])
    standing = []
    for visitor in visitors:
        person = people.get(visitor.user.pk)
        standing.append(
            person is not None
            and visitor.session_id in open_screens
            and visitor.is_signed_in(person)
            and person.may(Permission.VIEW_CALENDAR)
        )
    return calendar_revision(), standing


async def _look_on() -> None:
    while True:
        listeners = list(_listeners)
        visitors = [listener.visitor for listener in listeners]
        try:
            revision, standing = await in_database(look, visitors, at=timezone.now())
        except Exception:  # one look that failed must not leave every open calendar deaf
            logger.exception("the calendar's revision could not be read; trying again")
        else:
            await _tell(listeners, standing, revision)
        await asyncio.sleep(LOOK_SECONDS)


async def _tell(listeners: list[Listener], standing: list[bool], revision: int) -> None:
    for listener, may_listen in zip(listeners, standing, strict=True):
        if not may_listen:
            await listener.end()
            leave(listener)
        elif listener.told != revision:
            listener.told = revision
            await listener.tell(revision)
