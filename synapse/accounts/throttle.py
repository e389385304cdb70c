"""Slow down guessing: counted per name and address, and per address alone where there is one.

What can be guessed (a password, a code) is asked for behind `take_try`, which counts before it is judged. The secret of a
link cannot be, so only the doors it does not open are counted (`count_failure`), and who opens many links is left alone.

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

KEPT = timedelta(days=1)  # a pause is over long before


class TooManyTries(DomainError):
    """Guessing is paused for a while."""

    code = "throttled"
    status = 429

    @classmethod
    def until(cls, end: datetime, *, at: datetime) -> "TooManyTries":
        """Say how long to wait, in whole minutes."""
        minutes = max(1, -(-int((end - at).total_seconds()) // 60))
        return cls(f"Too many tries. Wait {minutes} minute{'' if minutes == 1 else 's'}, then try again.")


def check_may_try(purpose: str, name: str, address: str | None, *, at: datetime) -> None:
    """Raise TooManyTries while the name (from this address) or the address is paused."""
    keys = [key for key, _ in _keys(purpose, name, address)]
    row = SignInThrottle.objects.filter(key__in=keys, blocked_until__gt=at).order_by("-blocked_until").first()
    if row is not None and row.blocked_until is not None:
        raise TooManyTries.until(row.blocked_until, at=at)


def take_try(purpose: str, name: str, address: str | None, *, at: datetime, limit: int = MAXIMUM_FAILURES) -> None:
    """Count a try before it is judged: of a burst no more than `limit` are. Raises TooManyTries.

    `clear_failures` gives the tries back when it was right, but not to an address; somebody who is known already is
    counted wherever they are, without one.
    """
    check_may_try(purpose, name, address, at=at)
    for key, maximum in _keys(purpose, name, address, limit):
        if _count(key, maximum, at=at) > maximum:
            raise TooManyTries.until(at + WAIT, at=at)


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
    own = (_hash(purpose, name.strip().casefold(), address or ""), limit)
    if address is None:
        return [own]
    # What one name may do more often, all the names behind a clinic's one address may as well.
    for_all = MAXIMUM_FAILURES_PER_ADDRESS * max(limit, MAXIMUM_FAILURES) // MAXIMUM_FAILURES
    return [own, (_hash(purpose, "", address), for_all)]


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
        has_waited = row.blocked_until is not None and row.blocked_until <= at
        if has_waited or at - row.first_failure_at > WINDOW:
            row.failures, row.first_failure_at, row.blocked_until = 0, at, None
        failures = row.failures + 1
        row.failures = min(failures, maximum)
        if failures >= maximum:
            row.first_failure_at, row.blocked_until = at, at + WAIT
        row.save(update_fields=["failures", "first_failure_at", "blocked_until"])
        return failures
