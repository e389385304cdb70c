"""How often somebody may ask: per person, and less often for what is costly.

A window of one minute that slides: the count of the minute before weighs as much as it still reaches into the last 60
seconds. Every answer says what is left (`RateLimit-Limit`, `-Remaining`, `-Reset` in seconds), a refusal also
`Retry-After`. Each web process counts for itself, in memory: no server that may be down stands between a clinician and
a record.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from synapse.accounts.models import User
from synapse.audit.context import client_ip

WINDOW_SECONDS = 60
PER_USER = 600
# Of one person in a minute, besides the 600: each of these costs a document, an engine's run or a guess.
PER_SCOPE = {"export": 60, "generate": 30, "upload": 30, "password": 10, "token": 10}


@dataclass(frozen=True)
class Standing:
    """What is left of one limit, and in how many seconds there is more."""

    limit: int
    remaining: int
    reset_seconds: int
    is_over: bool


def count_request(name: str, limit: int, *, now: float) -> Standing:
    """Count one request of `name` (seconds since the epoch: `now`) and return how the limit stands."""
    window, passed = divmod(now, WINDOW_SECONDS)
    this_key, before_key = (f"rate:{name}:{int(window) - age}" for age in (0, 1))
    before = cache.get(before_key, 0)
    cache.add(this_key, 0, timeout=2 * WINDOW_SECONDS)
    try:
        this = cache.incr(this_key)
    except ValueError:  # it left the cache between the two lines
        cache.set(this_key, 1, timeout=2 * WINDOW_SECONDS)
        this = 1
    used = this + before * (1 - passed / WINDOW_SECONDS)
    is_over = used > limit
    return Standing(limit, max(0, math.floor(limit - used)), _seconds_to_room(this, before, passed, limit), is_over)


def _seconds_to_room(this: int, before: int, passed: float, limit: int) -> int:
    """Return after how many seconds one more request fits."""
    if before and this + 1 <= limit:
        # The weight of the minute before falls by `before / 60` a second.
        over = this + 1 + before * (1 - passed / WINDOW_SECONDS) - limit
        return max(1, math.ceil(over * WINDOW_SECONDS / before)) if over > 0 else math.ceil(WINDOW_SECONDS - passed)
    if this + 1 <= limit:
        return math.ceil(WINDOW_SECONDS - passed)
    # This minute's own count has to fade in the next one.
    return math.ceil(WINDOW_SECONDS - passed + WINDOW_SECONDS * (1 - max(0, limit - 1) / this))


class Throttle(BaseThrottle):
    """The limits of a view: everybody's, and those of its `throttle_scopes` (action → scope)."""

    def allow_request(self, request: Request, view: Any) -> bool:
        now = time.time()
        who = f"user:{request.user.pk}" if isinstance(request.user, User) else f"address:{client_ip(request.META)}"
        limits = [(who, PER_USER)]
        scope = getattr(view, "throttle_scopes", {}).get(getattr(view, "action", None) or request.method)
        if scope:
            limits.append((f"{who}:{scope}", PER_SCOPE[scope]))
        standings = [count_request(name, limit, now=now) for name, limit in limits]
        # The tightest one is told.
        standing = min(standings, key=lambda each: (not each.is_over, each.remaining))
        request._request.rate_limit = standing  # type: ignore[attr-defined]  # read when the answer is finished
        self.standing = standing
        return not standing.is_over

    def wait(self) -> float:
        return float(self.standing.reset_seconds)


def tell(request: Any, response: Any) -> None:
    """Put the standing of the limit into the answer's headers."""
    standing: Standing | None = getattr(request, "rate_limit", None)
    if standing is not None:
        response["RateLimit-Limit"] = str(standing.limit)
        response["RateLimit-Remaining"] = str(standing.remaining)
        response["RateLimit-Reset"] = str(standing.reset_seconds)
