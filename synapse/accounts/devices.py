"""Browsers in which people signed in before: they have a count of wrong passwords of their own, and no other right.

A signed cookie names the browser and the last few who signed in with it, by opaque ids: a desk is shared.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from synapse.accounts.backends import find_user
from synapse.accounts.models import User

# The prefix makes browsers refuse it from anybody but this host, over TLS.
COOKIE = "__Host-device" if settings.IS_PRODUCTION else "device"
SALT = "synapse.accounts.devices"
LIFETIME_SECONDS = 180 * 24 * 60 * 60
MOST_PEOPLE = 10
ID_BYTES = 16


def device_of(request: HttpRequest, name: str) -> str | None:
    """Return the browser's id when the person of this name signed in with it before."""
    noted = _read(request)
    if noted is None:
        return None
    user = find_user(name)
    return noted["device"] if user is not None and str(user.pk) in noted["people"] else None


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Let the browser be known as one of this person's."""
    noted = _read(request) or {"device": secrets.token_urlsafe(ID_BYTES), "people": []}
    others = [person for person in noted["people"] if person != str(user.pk)]
    value = signing.dumps({**noted, "people": [str(user.pk), *others][:MOST_PEOPLE]}, salt=SALT, compress=True)
    response.set_cookie(
        COOKIE,
        value,
        max_age=LIFETIME_SECONDS,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> Any:
    try:
        return signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return None
