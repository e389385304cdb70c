"""The idle lock: who has not touched a browser session for a while proves again who they are.

It guards pages, not the sign-in: the socket of a running recording asks for the session row alone, so a locked screen
never stops a recording. What keeps a session open is a person's doing (a page opened, something sent, keys and pointer
as the page reports them), never a page that polls.
"""

from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase

from synapse.accounts.models import ClinicSettings

ACTIVE_KEY = "active_at"
LOCKED_KEY = "is_locked"
# A session row is written at most this often for being used.
TOUCH_EVERY = timedelta(minutes=1)


def lock(session: SessionBase) -> None:
    """Lock a session until `unlock`."""
    session[LOCKED_KEY] = True


def unlock(session: SessionBase, *, at: datetime) -> None:
    """Open a session again: its person has just proved who they are."""
    session.pop(LOCKED_KEY, None)
    session[ACTIVE_KEY] = at.timestamp()


def touch(session: SessionBase, *, at: datetime) -> None:
    """Note that a person used the session."""
    if at - _active_at(session, at) >= TOUCH_EVERY or ACTIVE_KEY not in session:
        session[ACTIVE_KEY] = at.timestamp()


def is_locked(session: SessionBase, *, at: datetime) -> bool:
    """Tell whether a session is locked, by hand or because nobody used it for the clinic's idle time."""
    if session.get(LOCKED_KEY):
        return True
    unused = at - _active_at(session, at)
    return unused >= TOUCH_EVERY and unused >= timedelta(minutes=ClinicSettings.load().idle_lock_minutes)


def _active_at(session: SessionBase, at: datetime) -> datetime:
    stored = session.get(ACTIVE_KEY)
    return datetime.fromtimestamp(stored, tz=at.tzinfo) if stored is not None else at
