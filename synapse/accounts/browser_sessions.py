"""Where people are signed in: begin, renew, list and end browser sessions.

Django's session says who sits at a browser; a `UserSession` beside it is what its person and open sockets can see. The
key of Django's session opens it, so it is kept as a hash only. Ending one deletes both.
"""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from synapse.accounts.models import User, UserSession
from synapse.accounts.models.sessions import UserSessionQuerySet
from synapse.audit.context import client_ip, note_sign_in
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.links.tokens import hash_token

ID_KEY = "user_session"
SIGNED_IN_KEY = "signed_in_at"
PROVEN_KEY = "proven_at"

# What a browser calls itself names those it descends from, so the first that fits is it.
BROWSERS = {
    "Edge": r"Edg(e|A|iOS)?/",
    "Opera": r"OPR/|Opera",
    "Samsung Internet": r"SamsungBrowser/",
    "Firefox": r"Firefox/|FxiOS/",
    "Chrome": r"Chrome/|CriOS/|Chromium/",
    "Safari": r"Safari/",
}
SYSTEMS = {
    "iPhone": r"iPhone|iPod",
    "iPad": r"iPad",
    "Android": r"Android",
    "Windows": r"Windows",
    "ChromeOS": r"CrOS",
    "Mac": r"Macintosh|Mac OS X",
    "Linux": r"Linux|X11",
}


def begin(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Note a sign-in, whichever door it came through: password and code were right a moment ago."""
    session, now = request.session, timezone.now()
    row_of(session).delete()
    if session.session_key is None:
        session.create()
    agent = request.headers.get("User-Agent", "")
    row = UserSession.objects.create(
        user=user,
        key_hash=_hash_of(session),
        browser=_first_fitting(BROWSERS, agent),
        system=_first_fitting(SYSTEMS, agent),
        address=client_ip(request.META),
        signed_in_at=now,
        last_used_at=now,
    )
    note_sign_in(row.pk)
    session[ID_KEY] = str(row.pk)
    session[SIGNED_IN_KEY] = now.timestamp()
    note_proof(session, at=now)


def finish(sender: object, request: HttpRequest, **kwargs: Any) -> None:
    """Take a session that is being signed out off the list; its sockets end with the row."""
    row_of(request.session).delete()


def note_proof(session: SessionBase, *, at: datetime) -> None:
    """Remember that the person of a session proved who they are, with all that their sign-in asks for."""
    session[PROVEN_KEY] = at.timestamp()


def renew(session: SessionBase) -> None:
    """Give a session another key: whoever knew the old one is out. Its sockets stay."""
    with transaction.atomic():  # whoever looks for rows without a session finds both or neither
        session.cycle_key()
        note_key(session)


def note_key(session: SessionBase) -> None:
    """Let the row know the key Django gave the session."""
    row_of(session).update(key_hash=_hash_of(session))


def start_over(session: SessionBase, *, at: datetime) -> None:
    """Let the hours of a session count from now: its person has signed in again in its place."""
    session[SIGNED_IN_KEY] = at.timestamp()
    row_of(session).update(signed_in_at=at)
    note_proof(session, at=at)


def row_of(session: SessionBase) -> UserSessionQuerySet:
    """Return the row that stands for a session, as a queryset; none where nobody is signed in."""
    known: str | None = session.get(ID_KEY)
    return UserSession.objects.filter(pk=known) if known else UserSession.objects.none()


def id_of(session: SessionBase) -> UUID | None:
    """Return the id of the row that stands for a session."""
    found = session.get(ID_KEY)
    return UUID(found) if found else None


def sessions_of(user: User) -> list[UserSession]:
    """Return where a person is signed in, the session used last first."""
    return list(UserSession.objects.filter(user=user).order_by("-last_used_at"))


def end(row: UserSession, *, by: User) -> None:
    """Sign one browser out, its sockets too."""
    with unit_of_work():
        _delete([row])
        _record(row.user_id, by=by, verb="end_session")


def end_all(user: User, *, but: UUID | None = None, by: User | None) -> int:
    """Sign a person out everywhere, or everywhere but in one session; return in how many."""
    with unit_of_work():
        rows = [row for row in UserSession.objects.filter(user=user) if row.pk != but]
        _delete(rows)
        if rows:
            _record(user.pk, by=by, verb="end_sessions", count=len(rows))
    return len(rows)


def purge_ended(at: datetime) -> int:
    """Drop the rows of sessions that are gone or expired; return how many."""
    known = set(UserSession.objects.values_list("key_hash", flat=True))
    keys = Session.objects.filter(expire_date__gt=at).values_list("session_key", flat=True)
    return UserSession.objects.filter(key_hash__in=known - set(map(hash_token, keys))).delete()[0]


def _delete(rows: list[UserSession]) -> None:
    hashes = {row.key_hash for row in rows}
    keys = [key for key in Session.objects.values_list("session_key", flat=True) if hash_token(key) in hashes]
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()


def _hash_of(session: SessionBase) -> str:
    return hash_token(session.session_key or "")


def _first_fitting(words: dict[str, str], agent: str) -> str:
    return next((word for word, pattern in words.items() if re.search(pattern, agent)), "")


def _record(user_id: UUID, *, by: User | None, verb: str, **detail: object) -> None:
    record(Action.ADMINISTER, by=by, target=("accounts.User", str(user_id)), detail={"verb": verb, **detail})
