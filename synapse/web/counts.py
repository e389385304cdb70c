"""How much waits behind the links of the rail: asked for after the page, so that no page waits for the counting.

A page shows what was counted last and is told whether that is still fresh; if not, its script asks once. What was
counted is kept in the cache for each person. Whatever the person changes makes it old at once; what others change
shows after FRESH at the latest.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.core.cache import cache

from synapse.accounts.models import User

FRESH = timedelta(seconds=20)
KEPT = timedelta(hours=12)

Counter = Callable[[User], int]


@dataclass(frozen=True)
class Counts:
    """Numbers by the route of their link; `counted_at` is missing when they are to be counted again."""

    numbers: dict[str, int] = field(default_factory=dict)
    counted_at: datetime | None = None

    def is_fresh(self, at: datetime) -> bool:
        return self.counted_at is not None and abs(at - self.counted_at) < FRESH


def known(user_id: UUID | str) -> Counts:
    """Return what was counted last for a person; nothing when nothing was."""
    found = cache.get(_key(user_id))
    return found if isinstance(found, Counts) else Counts()


def count(user: User, counters: dict[str, Counter], *, at: datetime) -> Counts:
    """Count anew for a person and keep it."""
    counts = Counts({route: counter(user) for route, counter in counters.items()}, at)
    cache.set(_key(user.pk), counts, KEPT.total_seconds())
    return counts


def outdate(user_id: UUID | str) -> None:
    """Let a person's numbers be counted again, since they changed something."""
    counts = known(user_id)
    if counts.counted_at is not None:
        cache.set(_key(user_id), Counts(counts.numbers), KEPT.total_seconds())


def _key(user_id: UUID | str) -> str:
    return f"counts:{user_id}"
