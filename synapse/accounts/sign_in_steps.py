"""Who gave the right password and still owes the second step: a code, or the setting up of a second factor.

Remembered in the browser's session for a few minutes; nobody is signed in by it.
"""

from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import constant_time_compare

from synapse.accounts import second_factor
from synapse.accounts.models import User

KEY = "owes_code"
LIFETIME = timedelta(minutes=5)
# Somebody may have to install an app first.
SET_UP_LIFETIME = timedelta(minutes=30)


def remember(session: SessionBase, user: User, *, at: datetime) -> None:
    """Note that this browser gave the user's password."""
    lifetime = SET_UP_LIFETIME if _must_set_up(user) else LIFETIME
    # A session key that somebody planted in this browser must not come along.
    session.cycle_key()
    session[KEY] = {
        "user": str(user.pk),
        "hash": user.get_session_auth_hash(),
        "until": (at + lifetime).timestamp(),
    }


def waiting_user(session: SessionBase, *, at: datetime) -> User | None:
    """Return whose password this browser gave; None when it is too long ago or the password changed since."""
    noted = session.get(KEY)
    if noted is None or noted["until"] <= at.timestamp():
        return None
    user = User.objects.filter(pk=noted["user"], is_active=True).first()
    if user is None or not constant_time_compare(noted["hash"], user.get_session_auth_hash()):
        return None
    return user


def user_setting_up(session: SessionBase, *, at: datetime) -> User | None:
    """Return whose password this browser gave, if they have to set up a second factor before anything else."""
    user = waiting_user(session, at=at)
    return user if user is not None and _must_set_up(user) else None


def forget(session: SessionBase) -> None:
    """Drop the note: the user is signed in, or somebody else begins."""
    session.pop(KEY, None)


def _must_set_up(user: User) -> bool:
    return second_factor.is_required() and not second_factor.is_on(user)
