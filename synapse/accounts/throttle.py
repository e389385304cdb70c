"""Slow down guessing: failures are counted per account name and address, and per address alone.

Neither name nor address is stored: the key is a keyed hash. A stranger cannot lock somebody out from elsewhere, since
the address is part of the key.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from synapse.accounts.models import SignInThrottle
from synapse.common.errors import DomainError

MAXIMUM_FAILURES = 10
# A clinic shares one address, so this only stops one address from trying many names.
MAXIMUM_FAILURES_PER_ADDRESS = 100
WINDOW = timedelta(minutes=15)
WAIT = timedelta(minutes=15)


class TooManyTries(DomainError):
    """Guessing is paused for a while."""

    code = "throttled"
    status = 429


def check_may_try(purpose: str, name: str, address: str | None, *, at: datetime) -> None:
    """Raise TooManyTries while the name (from this address) or the address is paused."""
    keys = [key for key, _ in _keys(purpose, name, address)]
    row = SignInThrottle.objects.filter(key__in=keys, blocked_until__gt=at).order_by("-blocked_until").first()
    if row is not None and row.blocked_until is not None:
        minutes = -(-int((row.blocked_until - at).total_seconds()) // 60)
        raise TooManyTries(f"Too many tries. Wait {minutes} minute{'' if minutes == 1 else 's'}, then try again.")


def count_failure(purpose: str, name: str, address: str | None, *, at: datetime, limit: int = MAXIMUM_FAILURES) -> int:
    """Count one failure and return how many tries this name has left from this address."""
    left = limit
    for position, (key, maximum) in enumerate(_keys(purpose, name, address, limit)):
        failures = _count(key, maximum, at=at)
        if position == 0:
            left = max(0, limit - failures)
    return left


def clear_failures(purpose: str, name: str, address: str | None) -> None:
    """Forget the failures of a name from an address, after the right password."""
    SignInThrottle.objects.filter(key=_keys(purpose, name, address)[0][0]).delete()


def _keys(purpose: str, name: str, address: str | None, limit: int = MAXIMUM_FAILURES) -> list[tuple[str, int]]:
    return [
        (_hash(purpose, name.strip().casefold(), address or ""), limit),
        (_hash(purpose, "", address or ""), MAXIMUM_FAILURES_PER_ADDRESS),
    ]


def _hash(*parts: str) -> str:
    return salted_hmac("synapse.accounts.throttle", "\n".join(parts), algorithm="sha256").hexdigest()


def _count(key: str, maximum: int, *, at: datetime) -> int:
    with transaction.atomic():
        row = SignInThrottle.objects.select_for_update().filter(key=key).first()
        if row is None:
            try:
                with transaction.atomic():
                    row = SignInThrottle.objects.create(key=key, failures=0, first_failure_at=at)
            except IntegrityError:  # another request was first
                row = SignInThrottle.objects.select_for_update().get(key=key)
        if at - row.first_failure_at > WINDOW:
            row.failures, row.first_failure_at, row.blocked_until = 0, at, None
        row.failures += 1
        if row.failures >= maximum:
            row.failures, row.first_failure_at, row.blocked_until = maximum, at, at + WAIT
        row.save(update_fields=["failures", "first_failure_at", "blocked_until"])
        return row.failures
