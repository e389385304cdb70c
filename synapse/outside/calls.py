"""How an engine that calls somebody else's service says so: an errand names the reason, `begin` writes the row.

A service opens an `errand` around its work; the engine's adapter, which alone knows host and bytes, calls `begin` right
before it sends. Without an errand nothing may leave: a new path that forgets it fails in its first test. Threads do not
inherit the errand: who starts one carries it over with `current` and `carry`.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from synapse.outside.models import OutsideCall

Purpose = OutsideCall.Purpose
Outcome = OutsideCall.Outcome


class NotAgreed(Exception):
    """The patient does not agree, or no more, to a service outside; nothing was sent."""


class Unnamed(RuntimeError):
    """Something was about to leave without an errand that says why; a programming error."""


@dataclass(frozen=True)
class Errand:
    """Why something leaves, about whom, and whether it still may; `is_recorded` is false only on the command line."""

    purpose: Purpose
    may_leave: Callable[[], bool]
    patient_id: UUID | None = None
    target_id: UUID | None = None
    is_recorded: bool = True


_current: ContextVar[Errand | None] = ContextVar("errand", default=None)


@contextmanager
def errand(
    purpose: Purpose,
    *,
    may_leave: Callable[[], bool],
    patient_id: UUID | None = None,
    target_id: UUID | None = None,
) -> Iterator[None]:
    """Name the reason of what leaves inside the block; `may_leave` is asked again before every single call."""
    with carry(Errand(purpose, may_leave, patient_id, target_id)):
        yield


@contextmanager
def unrecorded() -> Iterator[None]:
    """Let an engine be tried alone, on words that are no patient's record: the commands that need no database."""
    with carry(Errand(Purpose.BENCH, lambda: True, is_recorded=False)):
        yield


def current() -> Errand | None:
    return _current.get()


@contextmanager
def carry(known: Errand | None) -> Iterator[None]:
    """Go on with an errand in another thread, or later."""
    token = _current.set(known)
    try:
        yield
    finally:
        _current.reset(token)


def require_leave() -> None:
    """Raise NotAgreed when what is about to be sent may not leave, Unnamed when nobody says why it should."""
    known = _current.get()
    if known is None:
        raise Unnamed("An engine was about to call a service outside without an errand.")
    if not known.may_leave():
        raise NotAgreed


class Call:
    """One call on its way: count what goes out and comes in, then end it."""

    def __init__(self, row: OutsideCall | None) -> None:
        self._row = row
        self._sum = hashlib.sha256()
        self._out = 0
        self._in = 0

    def sent(self, part: bytes) -> bytes:
        """Count bytes on their way out and hand them back."""
        self._sum.update(part)
        self._out += len(part)
        return part

    def received(self, count: int) -> None:
        self._in += count

    def end(self, *, is_answered: bool) -> None:
        """Complete the row; the first end counts."""
        row, self._row = self._row, None
        if row is None:
            return
        row.bytes_out, row.bytes_in, row.sha256 = self._out, self._in, self._sum.hexdigest()
        row.outcome = Outcome.ANSWERED if is_answered else Outcome.FAILED
        row.ended_at = timezone.now()
        row.save(update_fields=["bytes_out", "bytes_in", "sha256", "outcome", "ended_at"])


def begin(*, engine: str, model: str, host: str) -> Call:
    """Write the row of a call that is about to be made. Raises NotAgreed and Unnamed; then nothing may be sent."""
    require_leave()
    known = _current.get()
    assert known is not None  # or `require_leave` had raised
    if not known.is_recorded:
        return Call(None)
    row = OutsideCall.objects.create(
        at=timezone.now(),
        purpose=known.purpose,
        engine=engine,
        model=model[:80],
        host=host[:253],
        patient_id=known.patient_id,
        target_id=known.target_id,
    )
    return Call(row)
