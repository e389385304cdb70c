"""The idle lock: who has not touched a browser session for a while proves again who they are.

It guards pages, not the sign-in: the socket of a running recording asks for the session's row alone, so a locked screen
never stops a recording. What keeps a session open is a person's doing (a page opened, something sent, keys and pointer
as the page reports them), never a page that polls, never a socket. Twelve hours after the sign-in a session is over
whatever was done: only signing in again, with everything that asks for, opens it.

Each request reads what stands in its own session; the row beside it (`UserSession`) is for open sockets.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from synapse.accounts.browser_sessions import SIGNED_IN_KEY, row_of
from synapse.accounts.models import LONGEST_SIGN_IN, ClinicSettings

ACTIVE_KEY = "active_at"
LOCKED_KEY = "is_locked"
# A session row is written at most this often for being used.
TOUCH_EVERY = timedelta(minutes=1)


def lock(session: SessionBase, *, at: datetime) -> None:
    """Lock a session until `unlock`."""
    if not session.get(LOCKED_KEY):
        session[LOCKED_KEY] = True
        _tell_row(session, locked_at=at)


def unlock(session: SessionBase, *, at: datetime) -> None:
    """Open a session again: its person has just proved who they are."""
    session.pop(LOCKED_KEY, None)
    session[ACTIVE_KEY] = at.timestamp()
    _tell_row(session, locked_at=None, last_used_at=at)


def touch(session: SessionBase, *, at: datetime) -> None:
    """Note that a person used the session."""
    if at - _noted_at(session, ACTIVE_KEY, at) >= TOUCH_EVERY or ACTIVE_KEY not in session:
        session[ACTIVE_KEY] = at.timestamp()
        _tell_row(session, last_used_at=at)


def is_locked(session: SessionBase, *, at: datetime) -> bool:
    """Tell whether a session is locked: by hand, because nobody used it for the clinic's idle time, or being over."""
    if session.get(LOCKED_KEY) or is_over(session, at=at):
        return True
    unused = at - _noted_at(session, ACTIVE_KEY, at)
    return unused >= TOUCH_EVERY and unused >= timedelta(minutes=ClinicSettings.load().idle_lock_minutes)


def is_over(session: SessionBase, *, at: datetime) -> bool:
    """Tell whether a session is so old that its person has to sign in again."""
    return at - _noted_at(session, SIGNED_IN_KEY, at) >= LONGEST_SIGN_IN


def _noted_at(session: SessionBase, key: str, at: datetime) -> datetime:
    stored = session.get(key)
    return datetime.fromtimestamp(stored, tz=at.tzinfo) if stored is not None else at


def _tell_row(session: SessionBase, **values: Any) -> None:
    row_of(session).update(**values)
