"""How often somebody may guess a password, counted by django-axes (ADR 0016).

Ten wrong ones of a name from an address, then a wait of 15 minutes; a hundred from one address, whatever the names. A
browser in which the person signed in before counts for itself, so nobody behind the same address locks them out.

Axes counts what was wrong, after it was looked at. Of a burst that would be looked at together, so each try is counted
before as well (`take_try`).

Axes stores what it counts in plain text, and people type passwords into the field for the name. So it is handed a keyed
hash in place of the name, and of the request its address, browser and path alone.
"""

from datetime import datetime
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_credentials
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from synapse.accounts import devices, throttle
from synapse.accounts.throttle import TooManyTries
from synapse.audit.context import client_ip

# A clinic shares one address, so this only stops one address from trying many names.
MAXIMUM_FAILURES_PER_ADDRESS = 100
PURPOSE = "password"


class Attempt(HttpRequest):
    """What axes gets to see of a sign-in."""

    is_known_device = False
    counted_as = ""
    axes_locked_out: bool
    axes_failures_since_start: int | None
    axes_attempt_time: datetime
    axes_ip_address: str | None


class Handler(AxesDatabaseHandler):
    """Axes' own counting in the database, with a limit for one address beside that for a name from an address."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        return super().is_locked(request, credentials) or _is_address_locked(request)

    def user_logged_in(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the audit trail has it, and `forget` is called when the password was right."""

    def user_logged_out(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the audit trail has it."""


def begin(request: HttpRequest | None, name: str, *, address: str | None, at: datetime) -> Attempt:
    """Return what stands for this attempt towards `authenticate`, `tries_left` and `forget`."""
    attempt = Attempt()
    attempt.method = "POST"
    attempt.META = {"REMOTE_ADDR": address or ""}
    if request is not None:
        attempt.META["PATH_INFO"] = request.path
        attempt.META["HTTP_USER_AGENT"] = request.headers.get("User-Agent", "")
    device = devices.device_of(request, name) if request is not None else None
    attempt.is_known_device = device is not None
    attempt.counted_as = _hash(device or "", name.strip().casefold())
    AxesProxyHandler.update_request(attempt)
    attempt.axes_attempt_time = at
    return attempt


def take_try(attempt: Attempt) -> None:
    """Count a try before it is judged: of a burst no more than the limit are. Raises TooManyTries."""
    key, at = _key_of(attempt.counted_as, attempt.axes_ip_address), attempt.axes_attempt_time
    throttle.take_try(PURPOSE, key, None, at=at, limit=settings.AXES_FAILURE_LIMIT)


def tries_left(attempt: Attempt) -> int:
    """Return how many tries are left after a failure. Raises TooManyTries when this one was not even looked at."""
    failures = attempt.axes_failures_since_start
    if failures is None:
        raise TooManyTries.until(_newest_failure(attempt) + settings.AXES_COOLOFF_TIME, at=attempt.axes_attempt_time)
    return max(0, settings.AXES_FAILURE_LIMIT - failures)


def forget(attempt: Attempt, name: str) -> None:
    """Forget the failures of a name, or of a known device, after the right password."""
    AxesProxyHandler.get_implementation().reset_user_attempts(attempt, get_credentials(name))
    throttle.clear_failures(PURPOSE, _key_of(attempt.counted_as, attempt.axes_ip_address), None)


def end_wait(stored: AccessAttempt) -> None:
    """Let whoever failed too often try again before the quarter of an hour is over."""
    throttle.clear_failures(PURPOSE, _key_of(stored.username, stored.ip_address), None)
    stored.delete()


def name_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Tell axes under what a name is counted; called for whatever asks Django to authenticate."""
    if isinstance(request, Attempt):
        return request.counted_as
    return _hash("", str((credentials or {}).get("username", "")).strip().casefold())


def address_of(request: HttpRequest) -> str | None:
    """Tell axes the address of a client as everything else here knows it: as far as TRUSTED_PROXIES reach."""
    return client_ip(request.META)


def _key_of(counted_as: str | None, address: str | None) -> str:
    return f"{counted_as} {address}"


def _is_address_locked(request: Any) -> bool:
    if request.axes_ip_address is None or getattr(request, "is_known_device", False):
        return False
    failures = _recent(request).aggregate(total=Sum("failures_since_start"))["total"] or 0
    return bool(failures >= MAXIMUM_FAILURES_PER_ADDRESS)


def _newest_failure(attempt: Attempt) -> datetime:
    own = _recent(attempt).filter(username=attempt.counted_as)
    newest = own if own.exists() else _recent(attempt)
    found: datetime | None = newest.aggregate(newest=Max("attempt_time"))["newest"]
    return found or attempt.axes_attempt_time


def _recent(request: Any) -> QuerySet[AccessAttempt]:
    since = request.axes_attempt_time - settings.AXES_COOLOFF_TIME
    attempts: QuerySet[AccessAttempt] = AccessAttempt.objects.filter(
        ip_address=request.axes_ip_address, attempt_time__gte=since
    )
    return attempts


def _hash(*parts: str) -> str:
    return salted_hmac("synapse.accounts.sign_in_limits", "\n".join(parts), algorithm="sha256").hexdigest()
