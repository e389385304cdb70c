"""What one use of a link opens, for the ten minutes after it and in the same browser only."""

from django.core import signing
from django.http import HttpRequest, HttpResponse

COOKIE = "synapse_link"
LIFETIME_SECONDS = 10 * 60
_SALT = "synapse.links.continuation"


def grant(response: HttpResponse, subject: str, *, path: str, secure: bool) -> None:
    """Let this browser go on under `path`; `subject` names what was opened (an id)."""
    value = signing.TimestampSigner(salt=_SALT).sign(subject)
    response.set_cookie(
        COOKIE, value, max_age=LIFETIME_SECONDS, path=path, secure=secure, httponly=True, samesite="Strict"
    )


def granted(request: HttpRequest) -> str | None:
    """Return what this browser opened less than ten minutes ago, or None."""
    try:
        return signing.TimestampSigner(salt=_SALT).unsign(request.COOKIES.get(COOKIE, ""), max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return None
